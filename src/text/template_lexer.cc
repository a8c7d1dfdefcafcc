#include "text/template_lexer.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/utf8.h"
#include "text/unicode.h"

namespace text::jinja {
namespace {

using Kind = Token::Kind;

bool is_blank(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
}
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }

// Line ends as Jinja sees them: "\r\n" and "\r" are "\n", and one at the very end does not count.
std::string normalized(std::string_view source) {
  std::string out;
  out.reserve(source.size());
  for (size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r') {
      out.push_back(source[i]);
      continue;
    }
    out.push_back('\n');
    if (i + 1 < source.size() && source[i + 1] == '\n') ++i;
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

int hex_value(char c) {
  if (is_digit(c)) return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

class Lexer {
 public:
  explicit Lexer(std::string source) : source_(std::move(source)), rest_(source_) {}

  base::Result<std::vector<Token>> run() {
    while (at_ < source_.size()) TRY_VOID(text_then_tag());
    push(Kind::End, {});
    return std::move(tokens_);
  }

 private:
  base::Status text_then_tag();
  base::Status comment(size_t open);
  base::Status raw_block(size_t body);
  base::Status inside_tag(bool block);
  base::Status string_token();
  base::Status number_token();
  base::Status operator_token();
  bool at_tag_end(bool block, size_t* length) const;
  void close_tag(bool block, size_t length);
  void strip_blanks_after() {
    while (at_ < source_.size() && is_blank(source_[at_])) advance(1);
  }
  bool raw_tag(std::string_view name, size_t open, size_t* end, bool* strip_before,
               bool* strip_after) const;

  std::unexpected<base::Error> error(const std::string& message) const {
    return base::fail(base::Code::Malformed,
                      "chat template, line " + std::to_string(line_) + ": " + message);
  }
  void push(Kind kind, std::string text) { tokens_.push_back({kind, line_, std::move(text)}); }
  void advance(size_t count) {
    line_ += static_cast<int>(std::count(source_.begin() + static_cast<std::ptrdiff_t>(at_),
                                         source_.begin() + static_cast<std::ptrdiff_t>(at_ + count),
                                         '\n'));
    at_ += count;
  }
  bool sees(std::string_view what) const { return rest_.substr(at_).starts_with(what); }

  const std::string source_;
  const std::string_view rest_;
  size_t at_ = 0;
  int line_ = 1;
  bool at_line_start_ = true;  // the tag before took its line end along
  std::vector<char> brackets_;
  std::vector<Token> tokens_;
};

// Blanks at the end of `text` that the tag behind it takes away. Blocks and comments take the
// blanks back to the start of their line (lstrip_blocks); '-' takes all, '+' none.
std::string_view before_tag(std::string_view text, char sign, bool output, bool at_line_start) {
  if (sign == '-') return strip(text, false, true);
  if (sign == '+' || output) return text;
  const size_t newline = text.rfind('\n');
  if (newline == std::string_view::npos && !at_line_start) return text;
  const size_t line = newline == std::string_view::npos ? 0 : newline + 1;
  return strip(text.substr(line), true, false).empty() ? text.substr(0, line) : text;
}

base::Status Lexer::text_then_tag() {
  size_t open = at_;
  while ((open = rest_.find('{', open)) != std::string_view::npos) {
    const char next = open + 1 < rest_.size() ? rest_[open + 1] : ' ';
    if (next == '{' || next == '%' || next == '#') break;
    ++open;
  }
  if (open == std::string_view::npos) {
    push(Kind::Text, source_.substr(at_));
    at_ = source_.size();
    return {};
  }
  const char tag = rest_[open + 1];
  const char sign = open + 2 < rest_.size() ? rest_[open + 2] : ' ';
  const std::string_view text =
      before_tag(rest_.substr(at_, open - at_), sign, tag == '{', at_line_start_);
  if (!text.empty()) push(Kind::Text, std::string(text));
  advance(open - at_);
  if (tag == '#') return comment(open);
  size_t end = 0;
  bool strip_before = false;
  bool strip_after = false;
  if (tag == '%' && raw_tag("raw", open, &end, &strip_before, &strip_after)) {
    advance(end - at_);
    if (strip_after) strip_blanks_after();
    return raw_block(at_);
  }
  advance(sign == '-' || sign == '+' ? 3 : 2);
  push(tag == '{' ? Kind::OutputBegin : Kind::BlockBegin, {});
  return inside_tag(tag == '%');
}

base::Status Lexer::comment(size_t open) {
  const size_t close = rest_.find("#}", open + 2);
  if (close == std::string_view::npos) return error("a comment is not closed with #}");
  const char sign = close > open + 2 ? rest_[close - 1] : ' ';
  advance(close + 2 - at_);
  at_line_start_ = false;
  if (sign == '-') {
    strip_blanks_after();
  } else if (sign != '+' && at_ < source_.size() && source_[at_] == '\n') {
    advance(1);
  }
  at_line_start_ = source_[at_ - 1] == '\n';
  return {};
}

// {% raw %} and {% endraw %}, with or without signs.
bool Lexer::raw_tag(std::string_view name, size_t open, size_t* end, bool* strip_before,
                    bool* strip_after) const {
  size_t at = open + 2;
  *strip_before = at < rest_.size() && rest_[at] == '-';
  if (at < rest_.size() && (rest_[at] == '-' || rest_[at] == '+')) ++at;
  while (at < rest_.size() && is_blank(rest_[at])) ++at;
  if (!rest_.substr(at).starts_with(name)) return false;
  at += name.size();
  while (at < rest_.size() && is_blank(rest_[at])) ++at;
  *strip_after = rest_.substr(at).starts_with("-%}");
  if (*strip_after) ++at;
  if (!rest_.substr(at).starts_with("%}")) return false;
  *end = at + 2;
  return true;
}

base::Status Lexer::raw_block(size_t body) {
  for (size_t open = body; (open = rest_.find("{%", open)) != std::string_view::npos; open += 2) {
    size_t end = 0;
    bool strip_before = false;
    bool strip_after = false;
    if (!raw_tag("endraw", open, &end, &strip_before, &strip_after)) continue;
    const std::string_view text =
        before_tag(rest_.substr(body, open - body), strip_before ? '-' : ' ', false, false);
    push(Kind::Text, std::string(text));
    advance(end - at_);
    if (strip_after) {
      strip_blanks_after();
    } else if (sees("\n")) {
      advance(1);
    }
    at_line_start_ = source_[at_ - 1] == '\n';
    return {};
  }
  return error("{% raw %} is not closed with {% endraw %}");
}

bool Lexer::at_tag_end(bool block, size_t* length) const {
  if (!brackets_.empty()) return false;
  const std::string_view close = block ? "%}" : "}}";
  *length = sees(close)                                                                       ? 2
            : (sees("-") || (block && sees("+"))) && rest_.substr(at_ + 1).starts_with(close) ? 3
                                                                                              : 0;
  return *length > 0;
}

void Lexer::close_tag(bool block, size_t length) {
  const char sign = length == 3 ? source_[at_] : ' ';
  push(block ? Kind::BlockEnd : Kind::OutputEnd, {});
  advance(length);
  if (sign == '-') {
    strip_blanks_after();
  } else if (block && sign != '+' && sees("\n")) {
    advance(1);
  }
  at_line_start_ = source_[at_ - 1] == '\n';
}

base::Status Lexer::inside_tag(bool block) {
  brackets_.clear();
  for (;;) {
    while (at_ < source_.size() && is_blank(source_[at_])) advance(1);
    if (at_ >= source_.size())
      return error(block ? "a {% is not closed with %}" : "a {{ is not closed with }}");
    if (size_t length = 0; at_tag_end(block, &length)) {
      close_tag(block, length);
      return {};
    }
    const char c = source_[at_];
    if (is_name_start(c)) {
      size_t end = at_;
      while (end < source_.size() && (is_name_start(source_[end]) || is_digit(source_[end]))) ++end;
      push(Kind::Name, source_.substr(at_, end - at_));
      at_ = end;
    } else if (is_digit(c)) {
      TRY_VOID(number_token());
    } else if (c == '\'' || c == '"') {
      TRY_VOID(string_token());
    } else {
      TRY_VOID(operator_token());
    }
  }
}

base::Status Lexer::number_token() {
  size_t end = at_;
  bool real = false;
  const auto digits = [&] {
    while (end < source_.size() &&
           (is_digit(source_[end]) || (source_[end] == '_' && is_digit(source_[end - 1]))))
      ++end;
  };
  digits();
  if (end + 1 < source_.size() && source_[end] == '.' && is_digit(source_[end + 1])) {
    real = true;
    ++end;
    digits();
  }
  if (end < source_.size() && (source_[end] == 'e' || source_[end] == 'E')) {
    const size_t sign =
        end + 1 < source_.size() && (source_[end + 1] == '+' || source_[end + 1] == '-') ? 2 : 1;
    if (end + sign < source_.size() && is_digit(source_[end + sign])) {
      real = true;
      end += sign;
      digits();
    }
  }
  std::string text = source_.substr(at_, end - at_);
  std::erase(text, '_');
  push(real ? Kind::Float : Kind::Integer, std::move(text));
  at_ = end;
  return {};
}

base::Status Lexer::string_token() {
  const char quote = source_[at_];
  std::string out;
  size_t i = at_ + 1;
  for (; i < source_.size() && source_[i] != quote; ++i) {
    if (source_[i] != '\\' || i + 1 >= source_.size()) {
      out.push_back(source_[i]);
      continue;
    }
    const char escape = source_[++i];
    constexpr std::string_view kEscapes = "nrtbfva\\'\"";
    constexpr std::string_view kMeanings = "\n\r\t\b\f\v\a\\'\"";
    const size_t digits = escape == 'x' ? 2 : escape == 'u' ? 4 : escape == 'U' ? 8 : 0;
    if (const size_t known = kEscapes.find(escape); known != std::string_view::npos) {
      out.push_back(kMeanings[known]);
    } else if (escape == '\n') {
      continue;  // a line that goes on
    } else if (digits > 0) {
      char32_t code = 0;
      for (size_t d = 0; d < digits; ++d) {
        const int value = i + 1 < source_.size() ? hex_value(source_[i + 1]) : -1;
        if (value < 0) return error("a string has an incomplete \\" + std::string(1, escape));
        code = code << 4 | static_cast<char32_t>(value);
        ++i;
      }
      if (code > 0x10FFFF || (code >= 0xD800 && code < 0xE000))
        return error("a string names a character that does not exist");
      base::append_utf8(&out, code);
    } else {
      out.push_back('\\');
      out.push_back(escape);
    }
  }
  if (i >= source_.size()) return error("a string is not closed");
  push(Kind::String, std::move(out));
  advance(i + 1 - at_);
  return {};
}

base::Status Lexer::operator_token() {
  constexpr std::array<std::string_view, 25> kOperators = {
      "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[",
      "]",  "(",  ")",  "{",  "}",  ">",  "<", "=", ".", ":", "|", ","};
  const auto found =
      std::ranges::find_if(kOperators, [this](std::string_view op) { return sees(op); });
  if (found == kOperators.end())
    return error("unexpected character '" + source_.substr(at_, 1) + "'");
  const char c = (*found)[0];
  if (found->size() == 1) {
    if (c == '(' || c == '[' || c == '{')
      brackets_.push_back(c == '(' ? ')' : c == '[' ? ']' : '}');
    if (c == ')' || c == ']' || c == '}') {
      if (brackets_.empty() || brackets_.back() != c)
        return error("unexpected '" + std::string(1, c) + "'");
      brackets_.pop_back();
    }
  }
  push(Kind::Operator, std::string(*found));
  at_ += found->size();
  return {};
}

}  // namespace

base::Result<std::vector<Token>> lex(std::string_view source) {
  return Lexer(normalized(source)).run();
}

}  // namespace text::jinja
