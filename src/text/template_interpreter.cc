#include "text/template_interpreter.h"

#include <algorithm>

#include "text/template_filters.h"

namespace text::jinja {
namespace {

using Kind = Expression::Kind;

constexpr int kWalkDepthMax = 1000;
constexpr int64_t kRangeMax = 100'000;
constexpr size_t kStepsPerElement = 4;

// Says in which line a failure happened, once.
base::Error located(base::Error error, int line) {
  if (!error.where.empty()) return error;
  error.message = "chat template, line " + std::to_string(line) + ": " + error.message;
  error.where = "chat_template";
  return error;
}

base::Result<Value> raise(const Arguments& arguments, Budget& budget) {
  std::string words = "the chat template refuses these messages";
  if (!arguments.positional.empty()) {
    TRY(words, to_text(arguments.positional[0], budget));
  }
  return base::fail(base::Code::InvalidArgument, std::move(words), "messages", "TEMPLATE_REFUSED");
}

base::Result<Value> range(const Arguments& arguments, Budget& budget) {
  int64_t bounds[3] = {0, 0, 1};
  const size_t given = arguments.positional.size();
  if (given < 1 || given > 3) return wrong("range needs one to three whole numbers");
  for (size_t i = 0; i < given; ++i) {
    if (!arguments.positional[i].is_integer()) return wrong("range needs whole numbers");
    bounds[given == 1 ? 1 : i] = arguments.positional[i].integer();
  }
  const auto [begin, end, step] = bounds;
  if (step == 0) return wrong("the step of a range is 0");
  std::vector<Value> items;
  for (int64_t i = begin; step > 0 ? i < end : i > end;) {
    if (static_cast<int64_t>(items.size()) == kRangeMax)
      return wrong("a range has more than 100000 members");
    TRY_VOID(budget.spend(kStepsPerElement));
    items.emplace_back(i);
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return make_list(std::move(items));
}

// namespace(a=1) and dict(a=1); both also take a mapping.
base::Result<Variables> keyword_items(const Arguments& arguments) {
  Variables items;
  for (const Value& value : arguments.positional) {
    if (!value.dict()) return wrong("namespace and dict take named values, or a mapping");
    items.insert(items.end(), value.dict()->items.begin(), value.dict()->items.end());
  }
  for (const auto& [name, value] : arguments.named) {
    std::erase_if(items, [&](const auto& item) { return item.first == name; });
    items.emplace_back(name, value);
  }
  return items;
}

base::Result<Value> new_namespace(const Arguments& arguments) {
  TRY(Variables items, keyword_items(arguments));
  TRY(const Value checked, make_dict(items));
  static_cast<void>(checked);
  return Value(std::make_shared<Namespace>(Namespace{std::move(items)}));
}

base::Result<Value> loop_cycle(const Value& self, const Arguments& arguments) {
  if (arguments.positional.empty()) return wrong("loop.cycle needs arguments");
  return arguments
      .positional[static_cast<size_t>(self.loop()->index0) % arguments.positional.size()];
}

Value function(Function which) {
  return Value(std::make_shared<const Callable>(Callable{which, {}, {}, nullptr}));
}

class Deeper {
 public:
  explicit Deeper(int* depth) : depth_(*depth) { ++depth_; }
  Deeper(const Deeper&) = delete;
  Deeper& operator=(const Deeper&) = delete;
  ~Deeper() { --depth_; }

 private:
  int& depth_;
};

}  // namespace

base::Result<std::string> Interpreter::run(const Body& body) {
  TRY_VOID(execute(body));
  return std::move(out_);
}

base::Result<Interpreter::Flow> Interpreter::execute(const Body& body) {
  const Deeper deeper(&depth_);
  if (depth_ > kWalkDepthMax)
    return base::fail(base::Code::TooLarge, "the chat template is nested too deep", {},
                      "TEMPLATE_LIMIT");
  for (const auto& statement : body) {
    auto flow = execute(*statement);
    if (!flow) return std::unexpected(located(std::move(flow).error(), statement->line));
    if (*flow != Flow::Normal) return *flow;
  }
  return Flow::Normal;
}

base::Result<Interpreter::Flow> Interpreter::execute(const Statement& statement) {
  TRY_VOID(budget_.spend(1));
  switch (statement.kind) {
    case Statement::Kind::Text:
      TRY_VOID(budget_.spend(statement.text.size() / 16));
      out_ += statement.text;
      TRY_VOID(budget_.check_size(out_.size()));
      return Flow::Normal;
    case Statement::Kind::Output: {
      TRY(const Value value, evaluate(*statement.expression));
      TRY_VOID(append_text(value, budget_, &out_));
      return Flow::Normal;
    }
    case Statement::Kind::If:
      return execute_if(statement);
    case Statement::Kind::For:
      return execute_for(statement);
    case Statement::Kind::Set:
      TRY_VOID(execute_set(statement));
      return Flow::Normal;
    case Statement::Kind::SetBlock:
      TRY_VOID(execute_set_block(statement));
      return Flow::Normal;
    case Statement::Kind::Group:
      return execute(statement.body);
    case Statement::Kind::Break:
      return Flow::Break;
    case Statement::Kind::Continue:
      return Flow::Continue;
    case Statement::Kind::Macro:
      set(statement.macro->name, Value(std::make_shared<const Callable>(
                                     Callable{Function::Method, {}, {}, statement.macro.get()})));
      return Flow::Normal;
  }
  return Flow::Normal;
}

base::Result<Interpreter::Flow> Interpreter::execute_if(const Statement& statement) {
  for (const auto& [condition, body] : statement.branches) {
    bool holds = true;
    if (condition) {
      TRY(const Value value, evaluate(*condition));
      holds = value.truthy();
    }
    if (holds) return execute(body);
  }
  return Flow::Normal;
}

// What the loop goes over: with a condition, the items that meet it.
base::Result<std::shared_ptr<const List>> Interpreter::loop_items(const Statement& statement) {
  TRY(const Value value, evaluate(*statement.expression));
  TRY(auto items, members(value, budget_));
  if (!statement.condition) return items;
  auto kept = std::make_shared<List>();
  kept->depth = items->depth;
  scopes_.emplace_back();
  for (const Value& item : items->items) {
    scopes_.back().clear();
    TRY_VOID(assign(statement.targets, item));
    TRY(const Value holds, evaluate(*statement.condition));
    TRY_VOID(budget_.spend(kStepsPerElement));
    if (holds.truthy()) kept->items.push_back(item);
  }
  scopes_.pop_back();
  return kept;
}

base::Result<Interpreter::Flow> Interpreter::execute_for(const Statement& statement) {
  TRY(const auto items, loop_items(statement));
  if (items->items.empty()) return execute(statement.otherwise);
  ++loop_depth_;
  scopes_.emplace_back();
  for (size_t i = 0; i < items->items.size(); ++i) {
    TRY_VOID(budget_.spend(1));
    scopes_.back().clear();
    set("loop",
        Value(std::make_shared<const Loop>(Loop{items, static_cast<int64_t>(i), loop_depth_})));
    TRY_VOID(assign(statement.targets, items->items[i]));
    TRY(const Flow flow, execute(statement.body));
    if (flow == Flow::Break) break;
  }
  scopes_.pop_back();
  --loop_depth_;
  return Flow::Normal;
}

base::Status Interpreter::execute_set(const Statement& statement) {
  TRY(Value value, evaluate(*statement.expression));
  if (statement.attribute.empty()) return assign(statement.targets, value);
  const Value target = look_up(statement.targets[0]);
  Namespace* space = target.name_space();
  if (!space)
    return wrong("only a namespace's attributes can be set, and '" + statement.targets[0] +
                 "' is none");
  TRY(const Value checked, make_list({value}));  // refuses what may not be stored
  static_cast<void>(checked);
  for (auto& [name, stored] : space->items) {
    if (name == statement.attribute) {
      stored = std::move(value);
      return {};
    }
  }
  TRY_VOID(budget_.spend(1));
  space->items.emplace_back(statement.attribute, std::move(value));
  return {};
}

base::Status Interpreter::execute_set_block(const Statement& statement) {
  std::string outer = std::exchange(out_, {});
  scopes_.emplace_back();
  TRY_VOID(execute(statement.body));
  scopes_.pop_back();
  set(statement.targets[0], Value(std::exchange(out_, std::move(outer))));
  return {};
}

base::Status Interpreter::assign(const std::vector<std::string>& targets, const Value& value) {
  if (targets.size() == 1) {
    set(targets[0], value);
    return {};
  }
  TRY(const auto items, members(value, budget_));
  if (items->items.size() != targets.size())
    return wrong(std::to_string(targets.size()) + " names cannot take " +
                 std::to_string(items->items.size()) + " values");
  for (size_t i = 0; i < targets.size(); ++i) set(targets[i], items->items[i]);
  return {};
}

void Interpreter::set(std::string_view name, Value value) {
  for (auto& [known, stored] : scopes_.back()) {
    if (known == name) {
      stored = std::move(value);
      return;
    }
  }
  scopes_.back().emplace_back(name, std::move(value));
}

Value Interpreter::look_up(std::string_view name) const {
  for (auto scope = scopes_.rbegin(); scope != scopes_.rend(); ++scope) {
    for (const auto& [known, value] : *scope) {
      if (known == name) return value;
    }
  }
  if (name == "raise_exception") return function(Function::RaiseException);
  if (name == "range") return function(Function::Range);
  if (name == "namespace") return function(Function::Namespace);
  if (name == "dict") return function(Function::Dict);
  return Undefined{"'" + std::string(name) + "' is undefined"};
}

base::Result<Value> Interpreter::evaluate(const Expression& expression) {
  const Deeper deeper(&depth_);
  if (depth_ > kWalkDepthMax)
    return base::fail(base::Code::TooLarge, "the chat template is nested too deep", {},
                      "TEMPLATE_LIMIT");
  TRY_VOID(budget_.spend(1));
  auto value = evaluate_kind(expression);
  if (!value) return std::unexpected(located(std::move(value).error(), expression.line));
  return value;
}

base::Result<Value> Interpreter::evaluate_kind(const Expression& expression) {
  const auto& parts = expression.parts;
  switch (expression.kind) {
    case Kind::Constant:
      return expression.value;
    case Kind::Name:
      return look_up(expression.text);
    case Kind::List:
    case Kind::Tuple: {
      std::vector<Value> items;
      for (const auto& part : parts) {
        TRY(Value item, evaluate(*part));
        items.push_back(std::move(item));
      }
      return make_list(std::move(items), expression.kind == Kind::Tuple);
    }
    case Kind::Dict:
      return evaluate_dict(expression);
    case Kind::Call:
      return evaluate_call(expression);
    case Kind::Compare:
      return evaluate_compare(expression);
    case Kind::Conditional:
      return evaluate_conditional(expression);
    case Kind::Slice:
      return evaluate_slice(expression);
    default:
      break;
  }
  TRY(Value first, evaluate(*parts[0]));
  switch (expression.kind) {
    case Kind::Attribute:
      return attribute(first, expression.text);
    case Kind::Filter: {
      TRY(const Arguments arguments, evaluate_arguments(expression));
      return apply_filter(expression.text, first, arguments, budget_);
    }
    case Kind::Test: {
      TRY(const Arguments arguments, evaluate_arguments(expression));
      TRY(const bool holds, apply_test(expression.text, first, arguments, budget_));
      return Value(holds);
    }
    case Kind::Not:
      return Value(!first.truthy());
    case Kind::Negative:
      return negative(first);
    case Kind::Positive:
      return first;
    case Kind::And:
      return first.truthy() ? evaluate(*parts[1]) : base::Result<Value>(std::move(first));
    case Kind::Or:
      return first.truthy() ? base::Result<Value>(std::move(first)) : evaluate(*parts[1]);
    default:
      break;
  }
  TRY(const Value second, evaluate(*parts[1]));
  if (expression.kind == Kind::Subscript) return subscript(first, second, budget_);
  return binary(expression.text, first, second, budget_);
}

base::Result<Value> Interpreter::evaluate_dict(const Expression& expression) {
  Variables items;
  for (size_t i = 0; i + 1 < expression.parts.size(); i += 2) {
    TRY(const Value key, evaluate(*expression.parts[i]));
    TRY(Value value, evaluate(*expression.parts[i + 1]));
    if (!key.string()) return wrong("the keys of a mapping must be texts");
    std::erase_if(items, [&](const auto& item) { return item.first == *key.string(); });
    items.emplace_back(*key.string(), std::move(value));
  }
  TRY_VOID(budget_.spend(items.size() * items.size() / 8));
  return make_dict(std::move(items));
}

base::Result<Value> Interpreter::evaluate_slice(const Expression& expression) {
  TRY(const Value object, evaluate(*expression.parts[0]));
  Value bounds[3] = {Value(nullptr), Value(nullptr), Value(nullptr)};
  for (size_t i = 0; i < 3; ++i) {
    if (!expression.parts[i + 1]) continue;
    TRY(bounds[i], evaluate(*expression.parts[i + 1]));
  }
  return slice(object, &bounds[0], &bounds[1], &bounds[2], budget_);
}

base::Result<Value> Interpreter::evaluate_compare(const Expression& expression) {
  TRY(Value left, evaluate(*expression.parts[0]));
  for (size_t i = 0; i < expression.operators.size(); ++i) {
    TRY(Value right, evaluate(*expression.parts[i + 1]));
    TRY(const bool holds, compare(expression.operators[i], left, right, budget_));
    if (!holds) return Value(false);
    left = std::move(right);
  }
  return Value(true);
}

base::Result<Value> Interpreter::evaluate_conditional(const Expression& expression) {
  TRY(const Value condition, evaluate(*expression.parts[0]));
  if (condition.truthy()) return evaluate(*expression.parts[1]);
  if (expression.parts[2]) return evaluate(*expression.parts[2]);
  return Value(Undefined{"the condition does not hold, and there is no else"});
}

base::Result<Arguments> Interpreter::evaluate_arguments(const Expression& expression) {
  Arguments arguments;
  for (size_t i = 1; i < expression.parts.size(); ++i) {
    TRY(Value value, evaluate(*expression.parts[i]));
    arguments.positional.push_back(std::move(value));
  }
  for (const auto& [name, part] : expression.named) {
    TRY(Value value, evaluate(*part));
    arguments.named.emplace_back(name, std::move(value));
  }
  return arguments;
}

base::Result<Value> Interpreter::evaluate_call(const Expression& expression) {
  TRY(const Value callee, evaluate(*expression.parts[0]));
  TRY_VOID(must_be_defined(callee));
  const Callable* callable = callee.callable();
  if (!callable)
    return wrong("a value of type " + std::string(callee.type_name()) + " cannot be called");
  TRY(const Arguments arguments, evaluate_arguments(expression));
  return call(*callable, arguments);
}

base::Result<Value> Interpreter::call(const Callable& callable, const Arguments& arguments) {
  if (callable.macro) return call_macro(*callable.macro, arguments);
  switch (callable.function) {
    case Function::RaiseException:
      return raise(arguments, budget_);
    case Function::Range:
      return range(arguments, budget_);
    case Function::Namespace:
      return new_namespace(arguments);
    case Function::Dict: {
      TRY(Variables items, keyword_items(arguments));
      return make_dict(std::move(items));
    }
    case Function::LoopCycle:
      return loop_cycle(callable.self, arguments);
    case Function::Method:
      return call_method(callable.self, callable.name, arguments, budget_);
  }
  return wrong("this cannot be called");
}

base::Result<Value> Interpreter::call_macro(const Macro& macro, const Arguments& arguments) {
  const Deeper deeper(&macro_depth_);
  if (macro_depth_ > depth_max_)
    return base::fail(base::Code::TooLarge, "macros call each other too deep", {},
                      "TEMPLATE_LIMIT");
  if (arguments.positional.size() > macro.parameters.size())
    return wrong("the macro '" + macro.name + "' takes " + std::to_string(macro.parameters.size()) +
                 " arguments");
  for (const auto& [name, value] : arguments.named) {
    if (std::ranges::none_of(macro.parameters,
                             [&](const auto& parameter) { return parameter.first == name; }))
      return wrong("the macro '" + macro.name + "' has no parameter '" + name + "'");
  }
  // A macro sees the template's own variables and its parameters, not those of its caller.
  std::vector<Variables> callers(std::make_move_iterator(scopes_.begin() + 1),
                                 std::make_move_iterator(scopes_.end()));
  scopes_.resize(1);
  scopes_.emplace_back();
  for (size_t i = 0; i < macro.parameters.size(); ++i) {
    const auto& [name, otherwise] = macro.parameters[i];
    Value value = Undefined{"parameter '" + name + "' was not provided"};
    if (const Value* given = arguments.get(i, name)) {
      value = *given;
    } else if (otherwise) {
      TRY(value, evaluate(*otherwise));
    }
    set(name, std::move(value));
  }
  std::string outer = std::exchange(out_, {});
  TRY_VOID(execute(macro.body));
  scopes_.resize(1);
  std::ranges::move(callers, std::back_inserter(scopes_));
  return Value(std::exchange(out_, std::move(outer)));
}

}  // namespace text::jinja
