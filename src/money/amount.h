// Money: unsigned 128-bit pico-dollars (10^-12 USD), never a floating-point number. Every operation
// that could overflow says so. Prices are whole micro-dollars per 1,000,000 tokens, which makes
// tokens x price an exact number of picos.
#pragma once

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace money {

using Uint128 = unsigned __int128;

class Amount {
 public:
  constexpr Amount() = default;
  static constexpr Amount pico(Uint128 value) { return Amount(value); }
  static constexpr Amount usd(uint64_t dollars) {
    return Amount(Uint128{dollars} * 1'000'000'000'000u);
  }
  static constexpr Amount max() { return Amount(~Uint128{0}); }

  constexpr Uint128 pico() const { return pico_; }
  constexpr bool is_zero() const { return pico_ == 0; }
  friend constexpr auto operator<=>(Amount, Amount) = default;

  std::string decimal() const;  // whole picos, "375300000": the form in JSON and on disk
  std::string in_usd() const;   // exact dollars, at least two places: "0.0003753", "20.00"

 private:
  constexpr explicit Amount(Uint128 value) : pico_(value) {}
  Uint128 pico_ = 0;
};

// Empty when the result is not a number of 128 bits without a sign.
constexpr std::optional<Amount> checked_add(Amount a, Amount b) {
  Uint128 out = 0;
  if (__builtin_add_overflow(a.pico(), b.pico(), &out)) return std::nullopt;
  return Amount::pico(out);
}
constexpr std::optional<Amount> checked_sub(Amount a, Amount b) {
  if (b > a) return std::nullopt;
  return Amount::pico(a.pico() - b.pico());
}
constexpr std::optional<Amount> checked_mul(Amount a, uint64_t factor) {
  Uint128 out = 0;
  if (__builtin_mul_overflow(a.pico(), Uint128{factor}, &out)) return std::nullopt;
  return Amount::pico(out);
}

// Reads decimal() again: digits only, no sign, no blanks, no leading zero. Code::InvalidArgument,
// reason BAD_AMOUNT.
base::Result<Amount> parse_decimal(std::string_view text);
// Reads dollars, "1000", "0.01", at most 12 places. Code::InvalidArgument, reason BAD_AMOUNT.
base::Result<Amount> parse_usd(std::string_view text);

// What one channel asks, by the version of the price book that a request is admitted under.
struct PriceQuote {
  static constexpr uint64_t kAsRead = UINT64_MAX;
  uint64_t in_micro_per_million = 0;   // µ$ per 1,000,000 tokens read = pico-dollars per token
  uint64_t out_micro_per_million = 0;  // µ$ per 1,000,000 tokens written
  uint32_t version = 0;
  uint64_t cached_micro_per_million = kAsRead;  // tokens read from the provider's cache
  friend bool operator==(const PriceQuote&, const PriceQuote&) = default;
};

// tokens x price, exactly; with max_tokens as `out_tokens` it is the worst case to hold. A negative
// count is Code::InvalidArgument; nothing can overflow.
base::Result<Amount> cost(const PriceQuote& price, int64_t in_tokens, int64_t out_tokens);
// The same when `cached_tokens` of those read cost the price of cached ones, which is never more
// than that of the others. More cached than read: Code::InvalidArgument.
base::Result<Amount> cost(const PriceQuote& price, int64_t in_tokens, int64_t out_tokens,
                          int64_t cached_tokens);

// floor(amount x bps / 10,000), without overflow. CHECKs bps <= 10,000.
Amount share_floor(Amount amount, uint32_t bps);

}  // namespace money
