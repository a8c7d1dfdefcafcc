#include "text/byte_alphabet.h"

#include "base/utf8.h"

namespace text {
namespace {

constexpr char32_t kFirstStandIn = 256;
constexpr char32_t kStandIns = 68;

constexpr bool printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) ||
         (byte >= 0xAE && byte <= 0xFF);
}

struct Alphabet {
  std::array<char32_t, 256> characters{};
  std::array<uint8_t, 256> order{};
  std::array<uint8_t, kStandIns> stand_ins{};
  Alphabet() {
    size_t listed = 0;
    for (int byte = 0; byte < 256; ++byte) {
      if (!printable(byte)) continue;
      characters[byte] = static_cast<char32_t>(byte);
      order[listed++] = static_cast<uint8_t>(byte);
    }
    char32_t next = 0;
    for (int byte = 0; byte < 256; ++byte) {
      if (printable(byte)) continue;
      stand_ins[next] = static_cast<uint8_t>(byte);
      characters[byte] = kFirstStandIn + next++;
      order[listed++] = static_cast<uint8_t>(byte);
    }
  }
};

const Alphabet& alphabet() {
  static const Alphabet instance;
  return instance;
}

}  // namespace

const std::array<char32_t, 256>& byte_characters() { return alphabet().characters; }
const std::array<uint8_t, 256>& byte_order() { return alphabet().order; }

std::string to_byte_alphabet(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() + bytes.size() / 4);
  for (const char c : bytes) base::append_utf8(&out, byte_characters()[static_cast<uint8_t>(c)]);
  return out;
}

std::string from_byte_alphabet(std::string_view characters) {
  std::string out;
  out.reserve(characters.size());
  for (size_t at = 0; at < characters.size();) {
    const size_t start = at;
    const char32_t c = base::next_code_point(characters, &at);
    if (c < 256 && printable(static_cast<int>(c))) {
      // U+FFFD for a bad byte is above 256, so this is a character of the alphabet.
      out.push_back(static_cast<char>(c));
    } else if (c >= kFirstStandIn && c < kFirstStandIn + kStandIns) {
      out.push_back(static_cast<char>(alphabet().stand_ins[c - kFirstStandIn]));
    } else {
      out.append(characters.substr(start, at - start));
    }
  }
  return out;
}

}  // namespace text
