#include "text/template_parser.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <initializer_list>
#include <optional>

#include "text/template_expression_parser.h"

namespace text::jinja {
namespace {

using StatementPtr = std::unique_ptr<const Statement>;
using Kind = Token::Kind;

class Parser {
 public:
  Parser(std::vector<Token> tokens, int depth_max)
      : cursor_(std::move(tokens), depth_max), depth_max_(depth_max) {}

  base::Result<Body> run() {
    TRY(Body body, parse_body({}));
    return body;
  }

 private:
  using Until = std::initializer_list<std::string_view>;

  base::Result<Body> parse_body(Until until);
  base::Result<StatementPtr> parse_block();
  base::Result<StatementPtr> parse_if();
  base::Result<StatementPtr> parse_for();
  base::Result<StatementPtr> parse_set();
  base::Result<StatementPtr> parse_macro();
  base::Result<StatementPtr> parse_group(std::string_view end);
  base::Result<std::vector<std::string>> parse_targets(
      std::initializer_list<std::string_view> stops);
  base::Status end_block(std::string_view name);
  bool at_end_tag(Until until) const;

  std::unique_ptr<Statement> make(Statement::Kind kind) const {
    auto made = std::make_unique<Statement>();
    made->kind = kind;
    made->line = cursor_.peek().line;
    return made;
  }

  ExpressionParser cursor_;
  int depth_ = 0;
  int loops_ = 0;
  const int depth_max_;
};

bool Parser::at_end_tag(Until until) const {
  return cursor_.peek().kind == Kind::BlockBegin && cursor_.peek(1).kind == Kind::Name &&
         std::ranges::find(until, cursor_.peek(1).text) != until.end();
}

// Statements up to a {% name %} of `until`, which stays unread; an empty `until` means the end of
// the template.
base::Result<Body> Parser::parse_body(Until until) {
  if (++depth_ > depth_max_) return cursor_.error("blocks are nested too deep");
  Body body;
  while (!at_end_tag(until)) {
    const Token& token = cursor_.peek();
    if (token.kind == Kind::End) {
      if (until.size() == 0) break;
      return cursor_.error("the template ends, and {% " + std::string(*(until.end() - 1)) +
                           " %} is missing");
    }
    if (token.kind == Kind::Text) {
      auto text = make(Statement::Kind::Text);
      text->text = cursor_.take().text;
      body.push_back(std::move(text));
    } else if (token.kind == Kind::OutputBegin) {
      auto output = make(Statement::Kind::Output);
      cursor_.take();
      TRY(output->expression, cursor_.parse_tuple());
      if (cursor_.peek().kind != Kind::OutputEnd) return cursor_.unexpected("}}");
      cursor_.take();
      body.push_back(std::move(output));
    } else {
      TRY(StatementPtr block, parse_block());
      body.push_back(std::move(block));
    }
  }
  --depth_;
  return body;
}

base::Result<StatementPtr> Parser::parse_block() {
  cursor_.take();
  const Token& name = cursor_.peek();
  if (name.kind != Kind::Name) return cursor_.unexpected("the name of a block");
  if (name.text == "if") return parse_if();
  if (name.text == "for") return parse_for();
  if (name.text == "set") return parse_set();
  if (name.text == "macro") return parse_macro();
  if (name.text == "generation") return parse_group("endgeneration");
  if (name.text == "break" || name.text == "continue") {
    if (loops_ == 0) return cursor_.error("{% " + name.text + " %} stands outside a loop");
    auto jump = make(name.text == "break" ? Statement::Kind::Break : Statement::Kind::Continue);
    TRY_VOID(end_block(name.text));
    return jump;
  }
  constexpr std::array<std::string_view, 14> kKnown = {
      "block", "extends", "include",    "import", "from",      "call",  "filter",
      "with",  "do",      "autoescape", "trans",  "pluralize", "debug", "raw"};
  if (std::ranges::find(kKnown, name.text) != kKnown.end())
    return cursor_.unsupported("{% " + name.text + " %} is not supported in chat templates");
  return cursor_.error("unknown block {% " + name.text + " %}");
}

// name %}
base::Status Parser::end_block(std::string_view name) {
  if (cursor_.peek().text != name) return cursor_.unexpected(std::string(name));
  cursor_.take();
  if (cursor_.peek().kind != Kind::BlockEnd) return cursor_.unexpected("%}");
  cursor_.take();
  return {};
}

base::Result<StatementPtr> Parser::parse_if() {
  auto made = make(Statement::Kind::If);
  for (;;) {
    const std::string word = cursor_.take().text;  // if, elif, else
    ExpressionPtr condition;
    if (word != "else") {
      TRY(condition, cursor_.parse_tuple());
    }
    if (cursor_.peek().kind != Kind::BlockEnd) return cursor_.unexpected("%}");
    cursor_.take();
    TRY(Body body, word == "else" ? parse_body({"endif"}) : parse_body({"elif", "else", "endif"}));
    made->branches.emplace_back(std::move(condition), std::move(body));
    cursor_.take();
    if (cursor_.peek().text != "endif") continue;
    TRY_VOID(end_block("endif"));
    return made;
  }
}

base::Result<std::vector<std::string>> Parser::parse_targets(
    std::initializer_list<std::string_view> stops) {
  std::vector<std::string> targets;
  const bool bracket = cursor_.accept("(");
  for (;;) {
    if (cursor_.peek().kind != Kind::Name) return cursor_.unexpected("the name of a variable");
    targets.push_back(cursor_.take().text);
    if (!cursor_.accept(",")) break;
    if (std::ranges::find(stops, cursor_.peek().text) != stops.end()) break;
  }
  if (bracket && !cursor_.accept(")")) return cursor_.unexpected(")");
  return targets;
}

base::Result<StatementPtr> Parser::parse_for() {
  auto made = make(Statement::Kind::For);
  cursor_.take();
  TRY(made->targets, parse_targets({"in"}));
  if (!cursor_.accept_name("in")) return cursor_.unexpected("in");
  TRY(made->expression, cursor_.parse_tuple(false));
  if (cursor_.accept_name("if")) {
    TRY(made->condition, cursor_.parse());
  }
  if (cursor_.peek().text == "recursive")
    return cursor_.unsupported("recursive loops are not supported in chat templates");
  if (cursor_.peek().kind != Kind::BlockEnd) return cursor_.unexpected("%}");
  cursor_.take();
  ++loops_;
  TRY(made->body, parse_body({"else", "endfor"}));
  --loops_;
  cursor_.take();
  if (cursor_.peek().text == "else") {
    TRY_VOID(end_block("else"));
    TRY(made->otherwise, parse_body({"endfor"}));
    cursor_.take();
  }
  TRY_VOID(end_block("endfor"));
  return made;
}

base::Result<StatementPtr> Parser::parse_set() {
  auto made = make(Statement::Kind::Set);
  cursor_.take();
  TRY(made->targets, parse_targets({"="}));
  if (made->targets.size() == 1 && cursor_.accept(".")) {
    if (cursor_.peek().kind != Kind::Name) return cursor_.unexpected("the name of an attribute");
    made->attribute = cursor_.take().text;
  }
  if (cursor_.accept("=")) {
    TRY(made->expression, cursor_.parse_tuple());
    if (cursor_.peek().kind != Kind::BlockEnd) return cursor_.unexpected("%}");
    cursor_.take();
    return made;
  }
  if (cursor_.peek().text == "|")
    return cursor_.unsupported("filters on a {% set %} block are not supported in chat templates");
  if (cursor_.peek().kind != Kind::BlockEnd || made->targets.size() != 1)
    return cursor_.unexpected("=");
  cursor_.take();
  made->kind = Statement::Kind::SetBlock;
  TRY(made->body, parse_body({"endset"}));
  cursor_.take();
  TRY_VOID(end_block("endset"));
  return made;
}

base::Result<StatementPtr> Parser::parse_macro() {
  auto made = make(Statement::Kind::Macro);
  cursor_.take();
  if (depth_ > 1)
    return cursor_.unsupported("macros inside other blocks are not supported in chat templates");
  auto macro = std::make_unique<Macro>();
  if (cursor_.peek().kind != Kind::Name) return cursor_.unexpected("the name of a macro");
  macro->name = cursor_.take().text;
  if (!cursor_.accept("(")) return cursor_.unexpected("(");
  while (!cursor_.accept(")")) {
    if (!macro->parameters.empty() && !cursor_.accept(",")) return cursor_.unexpected(", or )");
    if (cursor_.peek().kind != Kind::Name) return cursor_.unexpected("the name of a parameter");
    macro->parameters.emplace_back(cursor_.take().text, nullptr);
    if (cursor_.accept("=")) {
      TRY(macro->parameters.back().second, cursor_.parse());
    }
  }
  if (cursor_.peek().kind != Kind::BlockEnd) return cursor_.unexpected("%}");
  cursor_.take();
  const int loops = std::exchange(loops_, 0);
  TRY(macro->body, parse_body({"endmacro"}));
  loops_ = loops;
  cursor_.take();
  TRY_VOID(end_block("endmacro"));
  made->macro = std::move(macro);
  return made;
}

base::Result<StatementPtr> Parser::parse_group(std::string_view end) {
  auto made = make(Statement::Kind::Group);
  TRY_VOID(end_block(cursor_.peek().text));
  TRY(made->body, parse_body({end}));
  cursor_.take();
  TRY_VOID(end_block(end));
  return made;
}

}  // namespace

base::Result<Body> parse_template(std::string_view source, int depth_max) {
  TRY(std::vector<Token> tokens, lex(source));
  return Parser(std::move(tokens), depth_max).run();
}

}  // namespace text::jinja
