#include "text/template_expression_parser.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "text/template_filters.h"

namespace text::jinja {
namespace {

using Kind = Expression::Kind;

constexpr int kTreeDepthMax = 250;
constexpr size_t kArgumentsMax = 64;

}  // namespace

std::unexpected<base::Error> ExpressionParser::error(const std::string& message) const {
  return base::fail(base::Code::Malformed,
                    "chat template, line " + std::to_string(peek().line) + ": " + message);
}

std::unexpected<base::Error> ExpressionParser::unsupported(const std::string& message) const {
  return base::fail(base::Code::Unimplemented,
                    "chat template, line " + std::to_string(peek().line) + ": " + message);
}

std::unexpected<base::Error> ExpressionParser::unexpected(const std::string& wanted) const {
  const Token& token = peek();
  std::string found;
  switch (token.kind) {
    case Token::Kind::Text:
      found = "text";
      break;
    case Token::Kind::OutputBegin:
      found = "{{";
      break;
    case Token::Kind::OutputEnd:
      found = "}}";
      break;
    case Token::Kind::BlockBegin:
      found = "{%";
      break;
    case Token::Kind::BlockEnd:
      found = "%}";
      break;
    case Token::Kind::End:
      found = "the end of the template";
      break;
    default:
      found = "'" + token.text.substr(0, 40) + "'";
  }
  return error("expected " + wanted + ", found " + found);
}

std::unique_ptr<Expression> ExpressionParser::make(Kind kind) const {
  auto node = std::make_unique<Expression>();
  node->kind = kind;
  node->line = peek().line;
  return node;
}

// Long chains of operators make deep trees without deep nesting of the source: both are bounded.
base::Status ExpressionParser::adopt(Expression* parent, std::unique_ptr<Expression> child) {
  parent->depth = std::max(parent->depth, child->depth + 1);
  if (parent->depth > kTreeDepthMax) return error("an expression is too long or nested too deep");
  parent->parts.push_back(std::move(child));
  return {};
}

base::Result<ExpressionPtr> ExpressionParser::parse(bool with_conditional) {
  TRY(auto node, with_conditional ? parse_conditional() : parse_or());
  return ExpressionPtr(std::move(node));
}

base::Result<ExpressionPtr> ExpressionParser::parse_tuple(bool with_conditional) {
  TRY(auto first, with_conditional ? parse_conditional() : parse_or());
  if (peek().text != "," || peek().kind != Token::Kind::Operator)
    return ExpressionPtr(std::move(first));
  auto list = make(Kind::Tuple);
  TRY_VOID(adopt(list.get(), std::move(first)));
  while (accept(",")) {
    if (peek().kind == Token::Kind::BlockEnd || peek().kind == Token::Kind::OutputEnd) break;
    TRY(auto next, with_conditional ? parse_conditional() : parse_or());
    TRY_VOID(adopt(list.get(), std::move(next)));
  }
  return ExpressionPtr(std::move(list));
}

ExpressionParser::Node ExpressionParser::parse_conditional() {
  if (++depth_ > depth_max_) return error("an expression is nested too deep");
  TRY(auto node, parse_or());
  while (accept_name("if")) {
    auto made = make(Kind::Conditional);
    TRY(auto condition, parse_or());
    TRY_VOID(adopt(made.get(), std::move(condition)));
    TRY_VOID(adopt(made.get(), std::move(node)));
    if (accept_name("else")) {
      TRY(auto otherwise, parse_conditional());
      TRY_VOID(adopt(made.get(), std::move(otherwise)));
    } else {
      made->parts.push_back(nullptr);
    }
    node = std::move(made);
  }
  --depth_;
  return node;
}

ExpressionParser::Node ExpressionParser::parse_or() {
  TRY(auto left, parse_and());
  while (accept_name("or")) {
    auto made = make(Kind::Or);
    TRY_VOID(adopt(made.get(), std::move(left)));
    TRY(auto right, parse_and());
    TRY_VOID(adopt(made.get(), std::move(right)));
    left = std::move(made);
  }
  return left;
}

ExpressionParser::Node ExpressionParser::parse_and() {
  TRY(auto left, parse_not());
  while (accept_name("and")) {
    auto made = make(Kind::And);
    TRY_VOID(adopt(made.get(), std::move(left)));
    TRY(auto right, parse_not());
    TRY_VOID(adopt(made.get(), std::move(right)));
    left = std::move(made);
  }
  return left;
}

ExpressionParser::Node ExpressionParser::parse_not() {
  if (!sees_name("not")) return parse_compare();
  if (++depth_ > depth_max_) return error("an expression is nested too deep");
  auto made = make(Kind::Not);
  take();
  TRY(auto inner, parse_not());
  TRY_VOID(adopt(made.get(), std::move(inner)));
  --depth_;
  return made;
}

ExpressionParser::Node ExpressionParser::parse_compare() {
  TRY(auto left, parse_sum());
  std::unique_ptr<Expression> made;
  for (;;) {
    std::string op;
    constexpr std::array<std::string_view, 6> kOperators = {"==", "!=", "<=", ">=", "<", ">"};
    if (peek().kind == Token::Kind::Operator &&
        std::ranges::find(kOperators, peek().text) != kOperators.end()) {
      op = take().text;
    } else if (accept_name("in")) {
      op = "in";
    } else if (sees_name("not") && sees_name("in", 1)) {
      take(), take();
      op = "not in";
    } else {
      break;
    }
    if (!made) {
      made = make(Kind::Compare);
      TRY_VOID(adopt(made.get(), std::move(left)));
    }
    made->operators.push_back(std::move(op));
    TRY(auto right, parse_sum());
    TRY_VOID(adopt(made.get(), std::move(right)));
  }
  if (made) return made;
  return left;
}

ExpressionParser::Node ExpressionParser::binary(Node (ExpressionParser::*side)(),
                                                std::initializer_list<std::string_view> operators) {
  TRY(auto left, (this->*side)());
  while (peek().kind == Token::Kind::Operator &&
         std::ranges::find(operators, peek().text) != operators.end()) {
    auto made = make(Kind::Binary);
    made->text = take().text;
    TRY_VOID(adopt(made.get(), std::move(left)));
    TRY(auto right, (this->*side)());
    TRY_VOID(adopt(made.get(), std::move(right)));
    left = std::move(made);
  }
  return left;
}

ExpressionParser::Node ExpressionParser::parse_sum() {
  return binary(&ExpressionParser::parse_join, {"+", "-"});
}
ExpressionParser::Node ExpressionParser::parse_join() {
  return binary(&ExpressionParser::parse_product, {"~"});
}
ExpressionParser::Node ExpressionParser::parse_product() {
  return binary(&ExpressionParser::parse_power, {"*", "/", "//", "%"});
}
ExpressionParser::Node ExpressionParser::parse_power() {
  return binary(&ExpressionParser::parse_unary, {"**"});
}

ExpressionParser::Node ExpressionParser::parse_signed(bool with_filters) {
  if (++depth_ > depth_max_) return error("an expression is nested too deep");
  std::unique_ptr<Expression> node;
  if (peek().kind == Token::Kind::Operator && (peek().text == "-" || peek().text == "+")) {
    node = make(peek().text == "-" ? Kind::Negative : Kind::Positive);
    take();
    TRY(auto inner, parse_signed(false));
    TRY_VOID(adopt(node.get(), std::move(inner)));
  } else {
    TRY(node, parse_primary());
  }
  TRY(node, parse_postfix(std::move(node)));
  if (with_filters) {
    TRY(node, parse_filters(std::move(node)));
  }
  --depth_;
  return node;
}

ExpressionParser::Node ExpressionParser::parse_primary() {
  switch (peek().kind) {
    case Token::Kind::Name:
      return parse_name();
    case Token::Kind::Integer:
    case Token::Kind::Float:
      return parse_number();
    case Token::Kind::String: {
      auto node = make(Kind::Constant);
      std::string text;
      while (peek().kind == Token::Kind::String) text += take().text;  // "a" "b" is "ab"
      node->value = Value(std::move(text));
      return node;
    }
    default:
      break;
  }
  if (accept("(")) return parse_bracketed();
  if (accept("[")) return parse_list();
  if (accept("{")) return parse_dict();
  return unexpected("an expression");
}

ExpressionParser::Node ExpressionParser::parse_name() {
  const std::string& name = peek().text;
  constexpr std::array<std::string_view, 8> kReserved = {"and", "or", "not",  "in",
                                                         "is",  "if", "else", "elif"};
  if (std::ranges::find(kReserved, name) != kReserved.end()) return unexpected("an expression");
  auto node = make(Kind::Constant);
  if (name == "true" || name == "True") {
    node->value = Value(true);
  } else if (name == "false" || name == "False") {
    node->value = Value(false);
  } else if (name == "none" || name == "None") {
    node->value = Value(nullptr);
  } else {
    node->kind = Kind::Name;
    node->text = name;
  }
  take();
  return node;
}

ExpressionParser::Node ExpressionParser::parse_number() {
  auto node = make(Kind::Constant);
  const std::string& text = peek().text;
  std::errc failed{};
  if (peek().kind == Token::Kind::Integer) {
    int64_t value = 0;
    failed = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    node->value = Value(value);
  } else {
    double value = 0;
    failed = std::from_chars(text.data(), text.data() + text.size(), value).ec;
    node->value = Value(value);
  }
  if (failed != std::errc{}) return error("the number " + text.substr(0, 40) + " is too large");
  take();
  return node;
}

// After "(": an expression, or a tuple.
ExpressionParser::Node ExpressionParser::parse_bracketed() {
  auto list = make(Kind::Tuple);
  if (accept(")")) return list;
  TRY(auto first, parse_conditional());
  if (accept(")")) return first;
  TRY_VOID(adopt(list.get(), std::move(first)));
  while (!accept(")")) {
    if (!accept(",")) return unexpected(")");
    if (accept(")")) break;
    TRY(auto item, parse_conditional());
    TRY_VOID(adopt(list.get(), std::move(item)));
  }
  return list;
}

ExpressionParser::Node ExpressionParser::parse_list() {
  auto list = make(Kind::List);
  while (!accept("]")) {
    if (!list->parts.empty()) {
      if (!accept(",")) return unexpected("]");
      if (accept("]")) break;
    }
    TRY(auto item, parse_conditional());
    TRY_VOID(adopt(list.get(), std::move(item)));
  }
  return list;
}

ExpressionParser::Node ExpressionParser::parse_dict() {
  auto dict = make(Kind::Dict);
  while (!accept("}")) {
    if (!dict->parts.empty()) {
      if (!accept(",")) return unexpected("}");
      if (accept("}")) break;
    }
    TRY(auto key, parse_conditional());
    TRY_VOID(adopt(dict.get(), std::move(key)));
    if (!accept(":")) return unexpected(":");
    TRY(auto value, parse_conditional());
    TRY_VOID(adopt(dict.get(), std::move(value)));
  }
  return dict;
}

ExpressionParser::Node ExpressionParser::parse_postfix(std::unique_ptr<Expression> node) {
  for (;;) {
    if (accept(".")) {
      auto made = make(Kind::Attribute);
      TRY_VOID(adopt(made.get(), std::move(node)));
      if (peek().kind == Token::Kind::Integer) {
        made->kind = Kind::Subscript;
        TRY(auto index, parse_number());
        TRY_VOID(adopt(made.get(), std::move(index)));
      } else {
        if (peek().kind != Token::Kind::Name) return unexpected("the name of an attribute");
        made->text = take().text;
      }
      node = std::move(made);
    } else if (accept("[")) {
      TRY(node, parse_subscript(std::move(node)));
    } else if (accept("(")) {
      auto made = make(Kind::Call);
      TRY_VOID(adopt(made.get(), std::move(node)));
      TRY_VOID(parse_arguments(made.get()));
      node = std::move(made);
    } else {
      return node;
    }
  }
}

// After "[": an index, or begin:end:step with any of them left out.
ExpressionParser::Node ExpressionParser::parse_subscript(std::unique_ptr<Expression> node) {
  auto made = make(Kind::Subscript);
  TRY_VOID(adopt(made.get(), std::move(node)));
  int colons = 0;
  bool filled = false;
  while (!accept("]")) {
    if (accept(":")) {
      if (++colons > 2) return unexpected("]");
      if (!filled) made->parts.push_back(nullptr);
      filled = false;
      continue;
    }
    if (filled) return unexpected("]");
    TRY(auto part, parse_conditional());
    TRY_VOID(adopt(made.get(), std::move(part)));
    filled = true;
  }
  if (colons == 0) {
    if (!filled) return unexpected("an index");
    return made;
  }
  made->kind = Kind::Slice;
  made->parts.resize(4);
  return made;
}

// After "(": positional and named arguments.
base::Status ExpressionParser::parse_arguments(Expression* call) {
  bool first = true;
  while (!accept(")")) {
    if (!std::exchange(first, false)) {
      if (!accept(",")) return unexpected(", or )");
      if (accept(")")) break;
    }
    if (peek().kind == Token::Kind::Operator && peek().text.starts_with('*'))
      return unsupported("arguments with * are not supported in chat templates");
    if (peek().kind == Token::Kind::Name && peek(1).kind == Token::Kind::Operator &&
        peek(1).text == "=") {
      std::string name = take().text;
      take();
      TRY(auto value, parse_conditional());
      call->depth = std::max(call->depth, value->depth + 1);
      call->named.emplace_back(std::move(name), std::move(value));
      continue;
    }
    if (call->parts.size() > kArgumentsMax) return error("a call has more than 64 arguments");
    if (!call->named.empty()) return error("a positional argument follows a named one");
    TRY(auto value, parse_conditional());
    TRY_VOID(adopt(call, std::move(value)));
  }
  return {};
}

ExpressionParser::Node ExpressionParser::parse_filters(std::unique_ptr<Expression> node) {
  for (;;) {
    if (accept("|")) {
      auto made = make(Kind::Filter);
      if (peek().kind != Token::Kind::Name) return unexpected("the name of a filter");
      if (!is_filter(peek().text))
        return unsupported("the filter '" + peek().text + "' is not supported in chat templates");
      made->text = take().text;
      TRY_VOID(adopt(made.get(), std::move(node)));
      if (accept("(")) TRY_VOID(parse_arguments(made.get()));
      node = std::move(made);
    } else if (accept_name("is")) {
      TRY(node, parse_test(std::move(node)));
    } else if (accept("(")) {
      auto made = make(Kind::Call);
      TRY_VOID(adopt(made.get(), std::move(node)));
      TRY_VOID(parse_arguments(made.get()));
      node = std::move(made);
    } else {
      return node;
    }
  }
}

// After "is": a test, its argument with or without brackets.
ExpressionParser::Node ExpressionParser::parse_test(std::unique_ptr<Expression> node) {
  const bool negated = accept_name("not");
  auto made = make(Kind::Test);
  if (peek().kind != Token::Kind::Name) return unexpected("the name of a test");
  if (!is_test(peek().text))
    return unsupported("the test 'is " + peek().text + "' is not supported in chat templates");
  made->text = take().text;
  TRY_VOID(adopt(made.get(), std::move(node)));
  const Token& next = peek();
  const bool word = next.kind == Token::Kind::Name && next.text != "else" && next.text != "or" &&
                    next.text != "and" && next.text != "if" && next.text != "in" &&
                    next.text != "not" && next.text != "is";
  const bool opens = next.kind == Token::Kind::Operator && (next.text == "[" || next.text == "{");
  const bool constant = next.kind == Token::Kind::Integer || next.kind == Token::Kind::Float ||
                        next.kind == Token::Kind::String;
  if (accept("(")) {
    TRY_VOID(parse_arguments(made.get()));
  } else if (word || opens || constant) {
    TRY(auto argument, parse_primary());
    TRY(argument, parse_postfix(std::move(argument)));
    TRY_VOID(adopt(made.get(), std::move(argument)));
  }
  if (!negated) return made;
  auto inverted = make(Kind::Not);
  TRY_VOID(adopt(inverted.get(), std::move(made)));
  return inverted;
}

}  // namespace text::jinja
