#include "text/code_point_grammar.h"

#include <algorithm>
#include <string>

#include "base/utf8.h"

namespace text {
namespace {

constexpr char32_t kLast = 0x10FFFF;
using State = GrammarBuilder::State;

// lo and hi: as many bytes each, of the same promised length.
void draw_utf8(GrammarBuilder* b, State from, std::string lo, std::string hi, State to) {
  const auto first = [](const std::string& bytes) { return static_cast<uint8_t>(bytes[0]); };
  if (lo.size() == 1) return b->bytes(from, byte_range(first(lo), first(hi)), to);
  const std::string least(lo.size() - 1, '\x80'), most(lo.size() - 1, '\xBF');
  if (lo[0] == hi[0])
    return draw_utf8(b, b->bytes(from, bytes_of(lo.substr(0, 1))), lo.substr(1), hi.substr(1), to);
  if (lo.substr(1) != least) {
    draw_utf8(b, b->bytes(from, bytes_of(lo.substr(0, 1))), lo.substr(1), most, to);
    ++lo[0];
  }
  if (hi.substr(1) != most) {
    draw_utf8(b, b->bytes(from, bytes_of(hi.substr(0, 1))), least, hi.substr(1), to);
    --hi[0];
  }
  if (first(lo) <= first(hi))
    draw_utf8(b, b->bytes(from, byte_range(first(lo), first(hi))), least, most, to);
}

void draw_range(GrammarBuilder* b, State from, char32_t first, char32_t last, State to) {
  constexpr std::pair<char32_t, char32_t> kSameLength[] = {
      {0, 0x7F}, {0x80, 0x7FF}, {0x800, 0xD7FF}, {0xE000, 0xFFFF}, {0x10000, kLast}};
  for (const auto& [low, high] : kSameLength) {
    if (first > high || last < low) continue;
    std::string lo, hi;
    base::append_utf8(&lo, std::max(first, low));
    base::append_utf8(&hi, std::min(last, high));
    draw_utf8(b, from, lo, hi, to);
  }
}

bool contains(const CodePoints& set, char32_t character) {
  return std::ranges::any_of(set, [&](const auto& range) {
    return range.first <= character && character <= range.second;
  });
}

std::string escape(char32_t character) {
  constexpr std::string_view kShort = "\"\"\\\\\bb\ff\nn\rr\tt";
  for (size_t i = 0; i < kShort.size(); i += 2)
    if (static_cast<char32_t>(kShort[i]) == character) return {'\\', kShort[i + 1]};
  constexpr std::string_view kDigits = "0123456789abcdef";
  return std::string("\\u00") + kDigits[character >> 4] + kDigits[character & 15];
}

}  // namespace

void normalize(CodePoints* set) {
  std::ranges::sort(*set);
  CodePoints out;
  for (const auto& [first, last] : *set) {
    if (!out.empty() && first <= out.back().second + 1) {
      out.back().second = std::max(out.back().second, last);
    } else {
      out.emplace_back(first, last);
    }
  }
  *set = std::move(out);
}

CodePoints complement(CodePoints set) {
  normalize(&set);
  CodePoints out;
  char32_t next = 0;
  for (const auto& [first, last] : set) {
    if (first > next) out.emplace_back(next, first - 1);
    next = last + 1;
  }
  if (next <= kLast) out.emplace_back(next, kLast);
  return out;
}

void draw_code_points(GrammarBuilder* b, State from, const CodePoints& set, Spelling spelling,
                      State to) {
  if (spelling == Spelling::Raw) {
    for (const auto& [first, last] : set) draw_range(b, from, first, last, to);
    return;
  }
  constexpr char32_t kBlank = 0x20;
  std::vector<char32_t> escaped = {'"', '\\'};
  for (char32_t control = 0; control < kBlank; ++control) escaped.push_back(control);
  CodePoints raw = complement(set);
  for (const char32_t character : escaped) raw.emplace_back(character, character);
  for (const auto& [first, last] : complement(raw)) draw_range(b, from, first, last, to);
  for (const char32_t character : escaped)
    if (contains(set, character)) b->empty(b->literal(from, escape(character)), to);
}

}  // namespace text
