#include "base/bytes.h"

#include <array>

namespace base {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";
constexpr std::string_view kStandard =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view kUrlSafe =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

constexpr std::array<int8_t, 256> reverse_table(std::string_view alphabet) {
  std::array<int8_t, 256> table{};
  table.fill(-1);
  for (size_t i = 0; i < alphabet.size(); ++i)
    table[static_cast<uint8_t>(alphabet[i])] = static_cast<int8_t>(i);
  return table;
}

std::string encode64(ByteSpan bytes, std::string_view alphabet) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  uint32_t buffer = 0;
  int bits = 0;
  for (uint8_t byte : bytes) {
    buffer = (buffer << 8) | byte;
    for (bits += 8; bits >= 6; bits -= 6) out += alphabet[(buffer >> (bits - 6)) & 63];
  }
  if (bits > 0) out += alphabet[(buffer << (6 - bits)) & 63];
  return out;
}

Result<Bytes> decode64(std::string_view text, const std::array<int8_t, 256>& table) {
  Bytes out;
  out.reserve(text.size() * 3 / 4);
  uint32_t buffer = 0;
  int bits = 0;
  for (char c : text) {
    const int8_t value = table[static_cast<uint8_t>(c)];
    if (value < 0) return fail(Code::Malformed, "not a base64 character");
    buffer = (buffer << 6) | static_cast<uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out.push_back(static_cast<uint8_t>(buffer >> bits));
    }
  }
  if (bits >= 6 || (buffer & ((1u << bits) - 1)) != 0)
    return fail(Code::Malformed, "base64 text ends in the middle of a byte");
  return out;
}

}  // namespace

std::string hex(ByteSpan bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (uint8_t byte : bytes) {
    out += kHexDigits[byte >> 4];
    out += kHexDigits[byte & 15];
  }
  return out;
}

Result<Bytes> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::Malformed, "hex text has an odd number of digits");
  Bytes out(text.size() / 2);
  for (size_t i = 0; i < out.size(); ++i) {
    const int high = hex_value(text[2 * i]);
    const int low = hex_value(text[2 * i + 1]);
    if (high < 0 || low < 0) return fail(Code::Malformed, "not a hex digit");
    out[i] = static_cast<uint8_t>(high << 4 | low);
  }
  return out;
}

std::string base64(ByteSpan bytes) {
  std::string out = encode64(bytes, kStandard);
  while (out.size() % 4 != 0) out += '=';
  return out;
}

Result<Bytes> from_base64(std::string_view text) {
  static constexpr auto kTable = reverse_table(kStandard);
  if (text.size() % 4 != 0) return fail(Code::Malformed, "base64 text is not padded to four");
  for (int i = 0; i < 2 && text.ends_with('='); ++i) text.remove_suffix(1);
  return decode64(text, kTable);
}

std::string base64url(ByteSpan bytes) { return encode64(bytes, kUrlSafe); }

Result<Bytes> from_base64url(std::string_view text) {
  static constexpr auto kTable = reverse_table(kUrlSafe);
  return decode64(text, kTable);
}

}  // namespace base
