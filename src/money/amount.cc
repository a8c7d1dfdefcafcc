#include "money/amount.h"

#include <algorithm>

#include "base/check.h"

namespace money {
namespace {

constexpr Uint128 kPicoPerUsd = 1'000'000'000'000u;
constexpr size_t kUsdPlaces = 12;

std::string digits(Uint128 value) {
  std::string out;
  do {
    out.push_back(static_cast<char>('0' + static_cast<int>(value % 10)));
    value /= 10;
  } while (value != 0);
  std::ranges::reverse(out);
  return out;
}

std::unexpected<base::Error> bad_amount(std::string_view text, std::string_view expected) {
  return base::fail(base::Code::InvalidArgument,
                    "\"" + std::string(text.substr(0, 60)) + "\" is not an amount; write " +
                        std::string(expected),
                    "amount", "BAD_AMOUNT");
}

std::optional<Uint128> read_digits(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Uint128 value = 0;
  for (const char c : text) {
    if (c < '0' || c > '9') return std::nullopt;
    if (__builtin_mul_overflow(value, Uint128{10}, &value)) return std::nullopt;
    if (__builtin_add_overflow(value, static_cast<Uint128>(c - '0'), &value)) return std::nullopt;
  }
  return value;
}

}  // namespace

std::string Amount::decimal() const { return digits(pico_); }

std::string Amount::in_usd() const {
  std::string fraction = digits(pico_ % kPicoPerUsd);
  fraction.insert(0, kUsdPlaces - fraction.size(), '0');
  while (fraction.size() > 2 && fraction.back() == '0') fraction.pop_back();
  return digits(pico_ / kPicoPerUsd) + "." + fraction;
}

base::Result<Amount> parse_decimal(std::string_view text) {
  constexpr std::string_view kForm = "whole pico-dollars in decimal digits, such as \"375300000\"";
  const auto value = read_digits(text);
  if (!value || (text.size() > 1 && text[0] == '0')) return bad_amount(text, kForm);
  return Amount::pico(*value);
}

base::Result<Amount> parse_usd(std::string_view text) {
  constexpr std::string_view kForm =
      "dollars with at most 12 decimal places, such as \"1000\" or \"0.01\"";
  const size_t point = text.find('.');
  const auto whole = read_digits(text.substr(0, point));
  if (!whole) return bad_amount(text, kForm);
  Uint128 pico = 0;
  if (__builtin_mul_overflow(*whole, kPicoPerUsd, &pico)) return bad_amount(text, kForm);
  if (point != std::string_view::npos) {
    std::string fraction(text.substr(point + 1));
    if (fraction.empty() || fraction.size() > kUsdPlaces) return bad_amount(text, kForm);
    fraction.append(kUsdPlaces - fraction.size(), '0');
    const auto part = read_digits(fraction);
    if (!part || __builtin_add_overflow(pico, *part, &pico)) return bad_amount(text, kForm);
  }
  return Amount::pico(pico);
}

base::Result<Amount> cost(const PriceQuote& price, int64_t in_tokens, int64_t out_tokens) {
  if (in_tokens < 0 || out_tokens < 0)
    return base::fail(base::Code::InvalidArgument, "a count of tokens cannot be negative", "tokens",
                      "BAD_AMOUNT");
  // Two products of 64 bits each are below 2^127: their sum cannot overflow.
  const Uint128 in = Uint128{price.in_micro_per_million} * static_cast<uint64_t>(in_tokens);
  const Uint128 out = Uint128{price.out_micro_per_million} * static_cast<uint64_t>(out_tokens);
  return Amount::pico(in + out);
}

base::Result<Amount> cost(const PriceQuote& price, int64_t in_tokens, int64_t out_tokens,
                          int64_t cached_tokens) {
  if (cached_tokens < 0 || cached_tokens > in_tokens)
    return base::fail(base::Code::InvalidArgument,
                      "the cached tokens are 0 to as many as were read", "cached_tokens",
                      "BAD_AMOUNT");
  TRY(const Amount rest, cost(price, in_tokens - cached_tokens, out_tokens));
  const uint64_t each = std::min(price.cached_micro_per_million, price.in_micro_per_million);
  // Together with the rest these are at most in_tokens products: the sum cannot overflow either.
  return Amount::pico(rest.pico() + Uint128{each} * static_cast<uint64_t>(cached_tokens));
}

Amount share_floor(Amount amount, uint32_t bps) {
  constexpr Uint128 kWhole = 10'000;
  CHECK(bps <= kWhole);
  // floor((q * 10000 + r) * bps / 10000) = q * bps + floor(r * bps / 10000)
  return Amount::pico(amount.pico() / kWhole * bps + amount.pico() % kWhole * bps / kWhole);
}

}  // namespace money
