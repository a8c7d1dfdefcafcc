#include "text/json_grammar.h"

#include "text/code_point_grammar.h"
#include "text/number_grammar.h"

namespace text {

GrammarBuilder::Rule JsonRules::character() {
  if (character_) return *character_;
  character_ = b_.rule();
  const State from = b_.first(*character_), to = b_.last(*character_);
  const CodePoints raw = complement({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  draw_code_points(&b_, from, raw, Spelling::Raw, to);
  draw_escape(from, to);
  return *character_;
}

// \n and its kind, \uXXXX, and a pair of surrogates for a character beyond U+FFFF; never one alone.
void JsonRules::draw_escape(State from, State to) {
  const ByteSet hex = bytes_of("0123456789abcdefABCDEF"), high_d = bytes_of("dD");
  const State escape = b_.literal(from, "\\");
  b_.bytes(escape, bytes_of("\"\\/bfnrt"), to);
  const State u = b_.literal(escape, "u");
  const auto digits = [&](State at, int count) {
    for (int i = 0; i < count; ++i) at = b_.bytes(at, hex);
    return at;
  };
  b_.empty(digits(b_.bytes(u, hex & ~high_d), 3), to);
  const State d = b_.bytes(u, high_d);
  b_.empty(digits(b_.bytes(d, byte_range('0', '7')), 2), to);
  const State high = digits(b_.bytes(d, bytes_of("89abAB")), 2);
  const State low = b_.bytes(b_.literal(high, "\\u"), high_d);
  b_.empty(digits(b_.bytes(low, bytes_of("cdefCDEF")), 2), to);
}

GrammarBuilder::Rule JsonRules::string() {
  if (string_) return *string_;
  string_ = b_.rule();
  const State inside = b_.literal(b_.first(*string_), "\"");
  const CodePoints raw = complement({{0, 0x1F}, {'"', '"'}, {'\\', '\\'}});
  draw_code_points(&b_, inside, raw, Spelling::Raw, inside);
  draw_escape(inside, inside);
  b_.bytes(inside, bytes_of("\""), b_.last(*string_));
  return *string_;
}

GrammarBuilder::Rule JsonRules::number() {
  if (number_) return *number_;
  number_ = b_.rule();
  static_cast<void>(
      draw_number(&b_, b_.first(*number_), {}, b_.last(*number_)));  // no bounds: never fails
  return *number_;
}

GrammarBuilder::Rule JsonRules::integer() {
  if (integer_) return *integer_;
  integer_ = b_.rule();
  static_cast<void>(draw_number(&b_, b_.first(*integer_), {.integer = true}, b_.last(*integer_)));
  return *integer_;
}

GrammarBuilder::Rule JsonRules::value() {
  if (value_) return *value_;
  value_ = b_.rule();
  const State from = b_.first(*value_), to = b_.last(*value_);
  for (const char* word : {"true", "false", "null"}) b_.empty(b_.literal(from, word), to);
  for (const Rule rule : {string(), number(), object(), array()}) b_.call(from, rule, to);
  return *value_;
}

GrammarBuilder::Rule JsonRules::object() {
  if (object_) return *object_;
  object_ = b_.rule();
  const Rule any = value();
  b_.empty(map(b_.first(*object_), any), b_.last(*object_));
  return *object_;
}

GrammarBuilder::Rule JsonRules::array() {
  if (array_) return *array_;
  array_ = b_.rule();
  const Rule any = value();
  b_.empty(list(b_.first(*array_), any, 0, {}), b_.last(*array_));
  return *array_;
}

GrammarBuilder::State JsonRules::blank(State from) {
  const State to = b_.bytes(from, bytes_of(" "));
  b_.empty(from, to);
  return to;
}

GrammarBuilder::State JsonRules::comma(State from) { return blank(b_.literal(from, ",")); }

GrammarBuilder::State JsonRules::map(State from, Rule value_rule) {
  const State open = b_.literal(from, "{");
  const State close = b_.state();
  const State key = b_.state();
  b_.empty(open, key);
  const State colon = b_.literal(b_.call(key, string()), ":");
  const State behind = b_.call(blank(colon), value_rule);
  b_.empty(comma(behind), key);
  for (const State at : {open, behind}) b_.bytes(at, bytes_of("}"), close);
  return close;
}

GrammarBuilder::State JsonRules::list(State from, Rule item, size_t least,
                                      std::optional<size_t> most) {
  const State close = b_.state();
  const State open = b_.literal(from, "[");
  if (least == 0) b_.bytes(open, bytes_of("]"), close);
  State at = b_.state();
  b_.empty(open, at);
  if (most == 0) return close;
  for (size_t count = 1;; ++count) {
    const State behind = b_.call(at, item);
    if (count >= least) b_.bytes(behind, bytes_of("]"), close);
    if (most && count >= *most) return close;
    if (!most && count >= least) {
      b_.empty(comma(behind), at);
      return close;
    }
    at = comma(behind);
  }
}

}  // namespace text
