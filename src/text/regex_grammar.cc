#include "text/regex_grammar.h"

#include <memory>
#include <optional>
#include <string>

#include "base/utf8.h"

namespace text {
namespace {

using State = GrammarBuilder::State;

constexpr size_t kPatternBytesMax = 4096;
constexpr int kDepthMax = 40;
constexpr int kRepeatMax = 1000;
constexpr size_t kPatternStatesMax = 30'000;

struct Node {
  enum class Kind : uint8_t { Set, Sequence, Choice, Repeat, Start, End };
  Kind kind = Kind::Sequence;
  CodePoints set = {};
  std::vector<Node> parts = {};
  int least = 0;
  std::optional<int> most = {};
};

const CodePoints kDigits = {{'0', '9'}};
const CodePoints kWord = {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}};
const CodePoints kSpace = {{'\t', '\r'},     {' ', ' '},       {0xA0, 0xA0},     {0x1680, 0x1680},
                           {0x2000, 0x200A}, {0x2028, 0x2029}, {0x202F, 0x202F}, {0x205F, 0x205F},
                           {0x3000, 0x3000}, {0xFEFF, 0xFEFF}};
const CodePoints kLineEnds = {{'\n', '\n'}, {'\r', '\r'}, {0x2028, 0x2029}};

class PatternParser {
 public:
  explicit PatternParser(std::string_view pattern) : pattern_(pattern) {}

  base::Result<Node> parse() {
    if (pattern_.size() > kPatternBytesMax || !base::is_utf8(pattern_))
      return fail("is not UTF-8 of at most 4096 bytes");
    TRY(Node node, choice(0));
    if (at_ < pattern_.size()) return fail("has a ) too many");
    return node;
  }

 private:
  std::unexpected<base::Error> fail(const std::string& why) const {
    return base::fail(base::Code::InvalidArgument,
                      "the pattern " + why + " at byte " + std::to_string(at_), {},
                      "INVALID_PATTERN");
  }
  bool done() const { return at_ >= pattern_.size(); }
  bool take(std::string_view text) {
    if (!pattern_.substr(at_).starts_with(text)) return false;
    at_ += text.size();
    return true;
  }

  base::Result<Node> choice(int depth) {
    if (depth > kDepthMax) return fail("nests too deep");
    Node out{.kind = Node::Kind::Choice};
    do {
      TRY(Node part, sequence(depth));
      out.parts.push_back(std::move(part));
    } while (take("|"));
    return out;
  }

  base::Result<Node> sequence(int depth) {
    Node out{.kind = Node::Kind::Sequence};
    while (!done() && pattern_[at_] != '|' && pattern_[at_] != ')') {
      TRY(Node part, atom(depth));
      if (part.kind == Node::Kind::Start && (depth > 0 || !out.parts.empty()))
        return fail("has a ^ that is not at its beginning");
      if (!out.parts.empty() && out.parts.back().kind == Node::Kind::End)
        return fail("has a $ that is not at its end");
      if (part.kind == Node::Kind::End && depth > 0) return fail("has a $ inside a group");
      TRY(Node whole, quantified(std::move(part)));
      out.parts.push_back(std::move(whole));
    }
    return out;
  }

  base::Result<Node> atom(int depth) {
    if (take("^")) return Node{.kind = Node::Kind::Start};
    if (take("$")) return Node{.kind = Node::Kind::End};
    if (take(".")) return Node{.kind = Node::Kind::Set, .set = complement(kLineEnds)};
    if (take("(")) return group(depth);
    if (take("[")) return character_class();
    if (pattern_[at_] == '*' || pattern_[at_] == '+' || pattern_[at_] == '?')
      return fail("repeats nothing");
    if (take("\\")) {
      Node node{.kind = Node::Kind::Set};
      TRY(node.set, escape(false));
      return node;
    }
    const char32_t character = base::next_code_point(pattern_, &at_);
    return Node{.kind = Node::Kind::Set, .set = {{character, character}}};
  }

  base::Result<Node> group(int depth) {
    if (take("?")) {
      const bool named = pattern_.substr(at_).starts_with("<") &&
                         !pattern_.substr(at_).starts_with("<=") &&
                         !pattern_.substr(at_).starts_with("<!");
      if (named) {
        const size_t end = pattern_.find('>', at_);
        if (end == pattern_.npos) return fail("has a group name without end");
        at_ = end + 1;
      } else if (!take(":")) {
        return fail("looks around or sets flags, which a grammar cannot,");
      }
    }
    TRY(Node node, choice(depth + 1));
    if (!take(")")) return fail("lacks a )");
    return node;
  }

  base::Result<CodePoints> escape(bool in_class) {
    if (done()) return fail("ends in a backslash");
    const char32_t c = base::next_code_point(pattern_, &at_);
    switch (c) {
      case 'd':
        return kDigits;
      case 'D':
        return complement(kDigits);
      case 'w':
        return kWord;
      case 'W':
        return complement(kWord);
      case 's':
        return kSpace;
      case 'S':
        return complement(kSpace);
      case 't':
        return one('\t');
      case 'n':
        return one('\n');
      case 'r':
        return one('\r');
      case 'f':
        return one('\f');
      case 'v':
        return one('\v');
      case '0':
        return one(0);
      case 'x':
        return hexadecimal(2);
      case 'u':
        return hexadecimal(take("{") ? 0 : 4);
      default:
        break;
    }
    if (c == 'b' && in_class) return one('\b');
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '1' && c <= '9');
    if (letter) {
      return fail("has \\" + std::string(1, static_cast<char>(c)) +
                  ", which a grammar cannot keep to,");
    }
    return one(c);
  }

  static CodePoints one(char32_t character) { return {{character, character}}; }

  // digits 0: as many as stand in front of a }.
  base::Result<CodePoints> hexadecimal(size_t digits) {
    const size_t end = digits > 0 ? at_ + digits : pattern_.find('}', at_);
    if (end == pattern_.npos || end > pattern_.size() || end == at_ || end - at_ > 6)
      return fail("has an unfinished \\x or \\u");
    char32_t value = 0;
    for (; at_ < end; ++at_) {
      const char c = pattern_[at_];
      const int digit = c >= '0' && c <= '9'   ? c - '0'
                        : c >= 'a' && c <= 'f' ? c - 'a' + 10
                        : c >= 'A' && c <= 'F' ? c - 'A' + 10
                                               : -1;
      if (digit < 0) return fail("has an unfinished \\x or \\u");
      value = value * 16 + static_cast<char32_t>(digit);
    }
    if (digits == 0) ++at_;
    if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF))
      return fail("names what is no character");
    return one(value);
  }

  base::Result<Node> character_class() {
    const bool negated = take("^");
    Node node{.kind = Node::Kind::Set};
    while (!done() && pattern_[at_] != ']') {
      TRY(CodePoints first, class_member());
      const bool range =
          pattern_.substr(at_).starts_with("-") && !pattern_.substr(at_).starts_with("-]");
      if (range && is_one(first)) {
        ++at_;
        if (done()) break;
        TRY(const CodePoints last, class_member());
        if (!is_one(last) || last[0].first < first[0].first)
          return fail("has a range that is none");
        first[0].second = last[0].first;
      }
      node.set.insert(node.set.end(), first.begin(), first.end());
    }
    if (!take("]")) return fail("lacks a ]");
    normalize(&node.set);
    if (negated) node.set = complement(std::move(node.set));
    return node;
  }

  base::Result<CodePoints> class_member() {
    if (take("\\")) return escape(true);
    return one(base::next_code_point(pattern_, &at_));
  }

  static bool is_one(const CodePoints& set) {
    return set.size() == 1 && set[0].first == set[0].second;
  }

  base::Result<Node> quantified(Node part) {
    Node out{.kind = Node::Kind::Repeat};
    if (take("*")) {
      out.least = 0;
    } else if (take("+")) {
      out.least = 1;
    } else if (take("?")) {
      out.most = 1;
    } else if (const auto bounds = braces()) {
      out.least = bounds->first;
      out.most = bounds->second;
      if (out.least > kRepeatMax || out.most.value_or(0) > kRepeatMax)
        return fail("repeats more than 1000 times");
      if (out.most && *out.most < out.least)
        return fail("repeats at most fewer times than at least");
    } else {
      return part;
    }
    if (part.kind == Node::Kind::Start || part.kind == Node::Kind::End)
      return fail("repeats an anchor");
    take("?");  // lazy or greedy: the language is the same
    if (!done() && (pattern_[at_] == '*' || pattern_[at_] == '+'))
      return fail("has a quantifier of a quantifier");
    out.parts.push_back(std::move(part));
    return out;
  }

  // {3}, {3,} or {3,5}; a brace that is none of these is a letter.
  std::optional<std::pair<int, std::optional<int>>> braces() {
    const size_t begin = at_;
    const auto number = [&]() -> std::optional<int> {
      if (done() || pattern_[at_] < '0' || pattern_[at_] > '9') return std::nullopt;
      int value = 0;
      for (; !done() && pattern_[at_] >= '0' && pattern_[at_] <= '9'; ++at_)
        value = std::min(value * 10 + (pattern_[at_] - '0'), 1'000'000);
      return value;
    };
    if (take("{")) {
      if (const auto least = number()) {
        if (take("}")) return {{*least, *least}};
        if (take(",")) {
          const auto most = number();
          if (take("}")) return {{*least, most}};
        }
      }
    }
    at_ = begin;
    return std::nullopt;
  }

  std::string_view pattern_;
  size_t at_ = 0;
};

class PatternDrawer {
 public:
  PatternDrawer(GrammarBuilder* builder, Spelling spelling)
      : b_(*builder), spelling_(spelling), states_max_(builder->states() + kPatternStatesMax) {}

  base::Status draw_top(const Node& choice, State from, State to) {
    for (const Node& sequence : choice.parts) {
      const auto& parts = sequence.parts;
      const bool starts = !parts.empty() && parts.front().kind == Node::Kind::Start;
      const bool ends = !parts.empty() && parts.back().kind == Node::Kind::End;
      State at = b_.state();
      b_.empty(from, at);
      if (!starts) anything(at);
      for (const Node& part : parts) {
        TRY(at, draw(part, at));
      }
      const State end = b_.state();
      b_.empty(at, end);
      if (!ends) anything(end);
      b_.empty(end, to);
    }
    return {};
  }

 private:
  void anything(State at) { draw_code_points(&b_, at, complement({}), spelling_, at); }

  base::Result<State> draw(const Node& node, State from) {
    if (b_.states() > states_max_) {
      return base::fail(base::Code::TooLarge,
                        "the pattern is too large: it repeats too many things too often", {},
                        "INVALID_PATTERN");
    }
    switch (node.kind) {
      case Node::Kind::Set: {
        const State to = b_.state();
        draw_code_points(&b_, from, node.set, spelling_, to);
        return to;
      }
      case Node::Kind::Sequence:
        for (const Node& part : node.parts) {
          TRY(from, draw(part, from));
        }
        return from;
      case Node::Kind::Choice: {
        const State to = b_.state();
        for (const Node& part : node.parts) {
          TRY(const State end, draw(part, from));
          b_.empty(end, to);
        }
        return to;
      }
      case Node::Kind::Repeat:
        return draw_repeat(node, from);
      case Node::Kind::Start:
      case Node::Kind::End:
        return from;
    }
    return from;
  }

  base::Result<State> draw_repeat(const Node& node, State from) {
    for (int i = 0; i < node.least; ++i) {
      TRY(from, draw(node.parts[0], from));
    }
    const State to = b_.state();
    if (!node.most) {
      const State loop = b_.state();
      b_.empty(from, loop);
      TRY(const State end, draw(node.parts[0], loop));
      b_.empty(end, loop);
      b_.empty(loop, to);
      return to;
    }
    b_.empty(from, to);
    for (int i = node.least; i < *node.most; ++i) {
      TRY(from, draw(node.parts[0], from));
      b_.empty(from, to);
    }
    return to;
  }

  GrammarBuilder& b_;
  Spelling spelling_;
  size_t states_max_;
};

}  // namespace

base::Status draw_pattern(GrammarBuilder* builder, State from, std::string_view pattern,
                          Spelling spelling, State to) {
  TRY(const Node top, PatternParser(pattern).parse());
  return PatternDrawer(builder, spelling).draw_top(top, from, to);
}

}  // namespace text
