// A chat template as a tree: what the parser makes and the interpreter walks. Immutable once made.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "text/template_value.h"

namespace text::jinja {

struct Expression;
using ExpressionPtr = std::unique_ptr<const Expression>;

struct Expression {
  enum class Kind : uint8_t {
    Constant,   // value
    Name,       // text
    List,       // parts
    Tuple,      // parts
    Dict,       // parts: key, value, key, value ...
    Attribute,  // parts[0].text
    Subscript,  // parts[0][parts[1]]
    Slice,      // parts[0][parts[1]:parts[2]:parts[3]], each may be null
    Call,       // parts[0](parts[1..], named)
    Filter,     // parts[0] | text(parts[1..], named)
    Test,       // parts[0] is text(parts[1..])
    Not,
    And,
    Or,
    Negative,
    Positive,
    Binary,       // parts[0] text parts[1]; text is + - * / // % ** ~
    Compare,      // parts[0] operators[0] parts[1] operators[1] parts[2] ...
    Conditional,  // parts[1] if parts[0] else parts[2] (may be null)
  };
  Kind kind = Kind::Constant;
  int line = 0;
  int depth = 1;
  std::string text = {};
  Value value = {};
  std::vector<ExpressionPtr> parts = {};
  std::vector<std::pair<std::string, ExpressionPtr>> named = {};
  std::vector<std::string> operators = {};
};

struct Statement;
using Body = std::vector<std::unique_ptr<const Statement>>;

struct Macro {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;  // with default, or null
  Body body;
};

struct Statement {
  enum class Kind : uint8_t {
    Text,      // text
    Output,    // expression
    If,        // branches (condition null: else)
    For,       // targets in expression [if condition]: body, else: otherwise
    Set,       // targets = expression; or object.attribute = expression
    SetBlock,  // targets[0] = rendered body, through `filters` if any
    Group,     // body, as it stands (generation)
    Break,
    Continue,
    Macro,
  };
  Kind kind = Kind::Text;
  int line = 0;
  std::string text = {};
  ExpressionPtr expression = {};
  ExpressionPtr condition = {};
  std::vector<std::string> targets = {};
  std::string attribute = {};  // Set: targets[0].attribute
  std::vector<std::pair<ExpressionPtr, Body>> branches = {};
  Body body = {};
  Body otherwise = {};
  std::unique_ptr<const Macro> macro = {};
};

}  // namespace text::jinja
