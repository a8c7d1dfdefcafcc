// The expressions of a chat template, by precedence as in Jinja: if-else, or, and, not, comparison,
// + -, ~, * / // %, **, sign, then attributes, calls, filters and tests.
#pragma once

#include <algorithm>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/template_ast.h"
#include "text/template_lexer.h"

namespace text::jinja {

class ExpressionParser {
 public:
  ExpressionParser(std::vector<Token> tokens, int depth_max)
      : tokens_(std::move(tokens)), depth_max_(depth_max) {}

  base::Result<ExpressionPtr> parse(bool with_conditional = true);
  base::Result<ExpressionPtr> parse_tuple(bool with_conditional = true);  // a, b, c

  const Token& peek(size_t ahead = 0) const {
    return tokens_[std::min(at_ + ahead, tokens_.size() - 1)];
  }
  const Token& take() {
    const Token& token = peek();
    if (at_ + 1 < tokens_.size()) ++at_;
    return token;
  }
  bool accept(std::string_view op) { return accept_kind(Token::Kind::Operator, op); }
  bool accept_name(std::string_view name) { return accept_kind(Token::Kind::Name, name); }

  std::unexpected<base::Error> error(const std::string& message) const;
  std::unexpected<base::Error> unsupported(const std::string& message) const;
  std::unexpected<base::Error> unexpected(const std::string& wanted) const;

 private:
  using Node = base::Result<std::unique_ptr<Expression>>;

  bool accept_kind(Token::Kind kind, std::string_view text) {
    if (peek().kind != kind || peek().text != text) return false;
    take();
    return true;
  }
  bool sees_name(std::string_view name, size_t ahead = 0) const {
    return peek(ahead).kind == Token::Kind::Name && peek(ahead).text == name;
  }
  std::unique_ptr<Expression> make(Expression::Kind kind) const;
  base::Status adopt(Expression* parent, std::unique_ptr<Expression> child);
  Node binary(Node (ExpressionParser::*side)(), std::initializer_list<std::string_view> operators);

  Node parse_conditional();
  Node parse_or();
  Node parse_and();
  Node parse_not();
  Node parse_compare();
  Node parse_sum();
  Node parse_join();
  Node parse_product();
  Node parse_power();
  Node parse_unary() { return parse_signed(true); }
  Node parse_signed(bool with_filters);
  Node parse_primary();
  Node parse_name();
  Node parse_number();
  Node parse_bracketed();
  Node parse_list();
  Node parse_dict();
  Node parse_postfix(std::unique_ptr<Expression> node);
  Node parse_subscript(std::unique_ptr<Expression> node);
  Node parse_filters(std::unique_ptr<Expression> node);
  Node parse_test(std::unique_ptr<Expression> node);
  base::Status parse_arguments(Expression* call);

  std::vector<Token> tokens_;
  size_t at_ = 0;
  int depth_ = 0;
  const int depth_max_;
};

}  // namespace text::jinja
