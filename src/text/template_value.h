// The values that a chat template works on: Python's, as far as templates see them. Copies are
// cheap (what is large is shared) and data cannot change, so a value never contains itself; only
// namespaces are written to, and they cannot be put into other values.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace text::jinja {

class Value;
struct Macro;  // template_ast.h

struct Undefined {
  std::string what = {};  // the sentence of the error that using it raises
};
struct List {
  std::vector<Value> items;
  int depth = 1;       // of nesting; bounded, so that no walk over a value overflows the stack
  bool tuple = false;  // printed with round brackets
};
struct Dict {
  std::vector<std::pair<std::string, Value>> items;  // order kept
  int depth = 1;
  const Value* find(std::string_view key) const;
};
struct Namespace {
  std::vector<std::pair<std::string, Value>> items;
};
struct Loop {  // the variable `loop` inside a for
  std::shared_ptr<const List> items;
  int64_t index0 = 0;
  int64_t depth = 1;
};
enum class Function : uint8_t { RaiseException, Range, Namespace, Dict, LoopCycle, Method };
struct Callable;

class Value {
 public:
  using Data = std::variant<Undefined, std::nullptr_t, bool, int64_t, double,
                            std::shared_ptr<const std::string>, std::shared_ptr<const List>,
                            std::shared_ptr<const Dict>, std::shared_ptr<Namespace>,
                            std::shared_ptr<const Loop>, std::shared_ptr<const Callable>>;

  Value() = default;  // undefined
  Value(Undefined v) : data_(std::move(v)) {}
  Value(std::nullptr_t) : data_(nullptr) {}
  Value(bool v) : data_(v) {}
  Value(int64_t v) : data_(v) {}
  Value(double v) : data_(v) {}
  Value(std::string v) : data_(std::make_shared<const std::string>(std::move(v))) {}
  Value(std::string_view v) : Value(std::string(v)) {}
  Value(const char* v) : Value(std::string(v)) {}
  Value(std::shared_ptr<const List> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<const Dict> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<Namespace> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<const Loop> v) : data_(std::move(v)) {}
  Value(std::shared_ptr<const Callable> v) : data_(std::move(v)) {}
  template <class T>
  Value(T*) = delete;  // would become a bool

  template <class T>
  const T* get() const {
    return std::get_if<T>(&data_);
  }
  const std::string* string() const { return shared<std::string>(); }
  const List* list() const { return shared<List>(); }
  const Dict* dict() const { return shared<Dict>(); }
  const Loop* loop() const { return shared<Loop>(); }
  const Callable* callable() const { return shared<Callable>(); }
  Namespace* name_space() const {
    const auto* found = get<std::shared_ptr<Namespace>>();
    return found ? found->get() : nullptr;
  }
  bool is_undefined() const { return get<Undefined>(); }
  bool is_none() const { return get<std::nullptr_t>(); }
  bool is_integer() const { return get<int64_t>() || get<bool>(); }
  bool is_number() const { return is_integer() || get<double>(); }
  int64_t integer() const {
    return get<bool>() ? int64_t{*get<bool>()} : *get<int64_t>();
  }  // when is_integer()
  double number() const { return get<double>() ? *get<double>() : static_cast<double>(integer()); }

  bool truthy() const;
  std::string_view type_name() const;  // as Python calls it
  int depth() const;                   // 0 for what holds nothing

 private:
  template <class T>
  const T* shared() const {
    const auto* found = get<std::shared_ptr<const T>>();
    return found ? found->get() : nullptr;
  }
  Data data_;
};

struct Callable {
  Function function = Function::Method;
  Value self = {};               // Method, LoopCycle
  std::string name = {};         // Method
  const Macro* macro = nullptr;  // set: a macro, and the rest does not matter
};

// Work done so far in one rendering; every walk over values is charged here.
class Budget {
 public:
  Budget(int64_t steps_max, size_t bytes_max) : steps_left_(steps_max), bytes_max_(bytes_max) {}
  base::Status spend(size_t steps);
  base::Status check_size(size_t bytes) const;  // of one string

 private:
  int64_t steps_left_;
  size_t bytes_max_;
};

// Refuse namespaces and loops as members, and deep nesting.
base::Result<Value> make_list(std::vector<Value> items, bool tuple = false);
base::Result<Value> make_dict(std::vector<std::pair<std::string, Value>> items);
base::Result<Value> from_json(const json::Value& value);

base::Result<bool> equal(const Value& a, const Value& b, Budget& budget);
base::Result<bool> less(const Value& a, const Value& b, Budget& budget);
// What `for` and `in` walk over: a list's members, a dict's keys, a string's characters, nothing
// for undefined.
base::Result<std::shared_ptr<const List>> members(const Value& value, Budget& budget);

base::Status append_text(const Value& value, Budget& budget, std::string* out);  // str()
base::Result<std::string> to_text(const Value& value, Budget& budget);
// json.dumps with ensure_ascii=False; indent < 0: on one line.
base::Status append_json(const Value& value, int indent, Budget& budget, std::string* out);

}  // namespace text::jinja
