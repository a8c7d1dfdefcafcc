// Runs a chat template's tree on variables. One Interpreter is one rendering.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "text/chat_template.h"
#include "text/template_ast.h"
#include "text/template_operations.h"

namespace text::jinja {

using Variables = std::vector<std::pair<std::string, Value>>;

class Interpreter {
 public:
  Interpreter(const TemplateLimits& limits, Variables variables)
      : budget_(limits.steps_max, limits.output_bytes_max), depth_max_(limits.depth_max) {
    scopes_.push_back(std::move(variables));
  }

  base::Result<std::string> run(const Body& body);

 private:
  enum class Flow : uint8_t { Normal, Break, Continue };

  base::Result<Flow> execute(const Body& body);
  base::Result<Flow> execute(const Statement& statement);
  base::Result<Flow> execute_if(const Statement& statement);
  base::Result<Flow> execute_for(const Statement& statement);
  base::Result<std::shared_ptr<const List>> loop_items(const Statement& statement);
  base::Status execute_set(const Statement& statement);
  base::Status execute_set_block(const Statement& statement);
  base::Status assign(const std::vector<std::string>& targets, const Value& value);
  void set(std::string_view name, Value value);

  base::Result<Value> evaluate(const Expression& expression);
  base::Result<Value> evaluate_kind(const Expression& expression);
  base::Result<Value> evaluate_dict(const Expression& expression);
  base::Result<Value> evaluate_slice(const Expression& expression);
  base::Result<Value> evaluate_compare(const Expression& expression);
  base::Result<Value> evaluate_conditional(const Expression& expression);
  base::Result<Value> evaluate_call(const Expression& expression);
  base::Result<Arguments> evaluate_arguments(const Expression& expression);
  base::Result<Value> call(const Callable& callable, const Arguments& arguments);
  base::Result<Value> call_macro(const Macro& macro, const Arguments& arguments);
  Value look_up(std::string_view name) const;

  Budget budget_;
  const int depth_max_;
  int depth_ = 0;  // of the walk over the tree, macros included
  int macro_depth_ = 0;
  int64_t loop_depth_ = 0;
  std::string out_;
  std::vector<Variables> scopes_;  // the first is the template's own
};

}  // namespace text::jinja
