#include "text/template_operations.h"

#include <algorithm>
#include <cmath>

namespace text::jinja {
namespace {

constexpr size_t kStepsPerElement = 4;

std::string kind(const Value& value) { return std::string(value.type_name()); }

Value loop_attribute(const Value& self, const Loop& loop, std::string_view name) {
  const auto length = static_cast<int64_t>(loop.items->items.size());
  if (name == "index0") return loop.index0;
  if (name == "index") return loop.index0 + 1;
  if (name == "first") return loop.index0 == 0;
  if (name == "last") return loop.index0 == length - 1;
  if (name == "length") return length;
  if (name == "revindex") return length - loop.index0;
  if (name == "revindex0") return length - loop.index0 - 1;
  if (name == "depth") return loop.depth;
  if (name == "depth0") return loop.depth - 1;
  if (name == "previtem" && loop.index0 > 0) return loop.items->items[loop.index0 - 1];
  if (name == "nextitem" && loop.index0 + 1 < length) return loop.items->items[loop.index0 + 1];
  if (name == "cycle")
    return Value(
        std::make_shared<const Callable>(Callable{Function::LoopCycle, self, "cycle", nullptr}));
  return Undefined{"'loop' has no item " + std::string(name)};
}

Value missing(const Value& object, std::string_view name) {
  return Undefined{"a value of type " + kind(object) + " has no attribute '" + std::string(name) +
                   "'"};
}

base::Result<int64_t> slice_bound(const Value* bound, int64_t otherwise, int64_t size, int64_t low,
                                  int64_t high) {
  if (!bound || bound->is_none()) return otherwise;
  if (!bound->is_integer()) return wrong("slice bounds must be integers");
  const int64_t value = bound->integer();
  return std::clamp(value < 0 ? value + size : value, low, high);
}

base::Result<Value> integer_arithmetic(std::string_view op, int64_t a, int64_t b) {
  int64_t out = 0;
  bool overflow = false;
  if (op == "+") {
    overflow = __builtin_add_overflow(a, b, &out);
  } else if (op == "-") {
    overflow = __builtin_sub_overflow(a, b, &out);
  } else if (op == "*") {
    overflow = __builtin_mul_overflow(a, b, &out);
  } else if (op == "**") {
    if (b < 0) return Value(std::pow(static_cast<double>(a), static_cast<double>(b)));
    out = 1;
    if (a == 0 || a == 1 || a == -1)
      return Value(b == 0 ? int64_t{1} : a == -1 && b % 2 == 0 ? int64_t{1} : a);
    for (int64_t i = 0; i < b && !overflow; ++i) overflow = __builtin_mul_overflow(out, a, &out);
  } else {  // // and %, rounding down as Python does
    if (b == 0) return wrong("division by zero");
    if (b == -1) {
      overflow = op == "//" && __builtin_sub_overflow(int64_t{0}, a, &out);
    } else {
      const bool down = a % b != 0 && (a < 0) != (b < 0);
      out = op == "//" ? a / b - (down ? 1 : 0) : a % b + (down ? b : 0);
    }
  }
  if (overflow) return wrong("a whole number became too large");
  return Value(out);
}

base::Result<Value> float_arithmetic(std::string_view op, double a, double b) {
  if (op == "+") return Value(a + b);
  if (op == "-") return Value(a - b);
  if (op == "*") return Value(a * b);
  if (op == "**") return Value(std::pow(a, b));
  if (b == 0) return wrong("division by zero");
  if (op == "/") return Value(a / b);
  const double floor = std::floor(a / b);
  return Value(op == "//" ? floor : a - floor * b);
}

base::Result<Value> repeated(const std::string& text, int64_t count, Budget& budget) {
  if (count <= 0 || text.empty()) return Value("");
  if (count > (int64_t{1} << 32)) return wrong("a text is repeated too often");
  const size_t bytes = text.size() * static_cast<size_t>(count);
  TRY_VOID(budget.check_size(bytes));
  TRY_VOID(budget.spend(bytes / 16));
  std::string out;
  out.reserve(bytes);
  for (int64_t i = 0; i < count; ++i) out += text;
  return Value(std::move(out));
}

base::Result<Value> joined_lists(const List& a, const List& b, Budget& budget) {
  TRY_VOID(budget.spend(kStepsPerElement * (a.items.size() + b.items.size())));
  std::vector<Value> items = a.items;
  items.insert(items.end(), b.items.begin(), b.items.end());
  return make_list(std::move(items));
}

}  // namespace

const Value* Arguments::get(size_t place, std::string_view name) const {
  if (place < positional.size()) return &positional[place];
  for (const auto& [key, value] : named) {
    if (key == name) return &value;
  }
  return nullptr;
}

std::unexpected<base::Error> wrong(std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message));
}

base::Status must_be_defined(const Value& value) {
  if (const Undefined* undefined = value.get<Undefined>())
    return wrong(undefined->what.empty() ? "a value is undefined" : undefined->what);
  return {};
}

base::Result<Value> attribute(const Value& object, std::string_view name) {
  TRY_VOID(must_be_defined(object));
  if (const Loop* loop = object.loop()) return loop_attribute(object, *loop, name);
  if (const Namespace* space = object.name_space()) {
    for (const auto& [key, value] : space->items) {
      if (key == name) return value;
    }
    return missing(object, name);
  }
  if (has_method(object, name))
    return Value(std::make_shared<const Callable>(
        Callable{Function::Method, object, std::string(name), nullptr}));
  if (const Dict* dict = object.dict()) {
    if (const Value* found = dict->find(name)) return *found;
  }
  return missing(object, name);
}

base::Result<Value> subscript(const Value& object, const Value& key, Budget& budget) {
  TRY_VOID(must_be_defined(object));
  if (const std::string* name = key.string()) {
    if (const Dict* dict = object.dict()) {
      TRY_VOID(budget.spend(dict->items.size() / 8));
      if (const Value* found = dict->find(*name)) return *found;
    }
    return attribute(object, *name);
  }
  if (key.is_integer() && (object.list() || object.string())) {
    TRY(const auto list, members(object, budget));
    const auto size = static_cast<int64_t>(list->items.size());
    const int64_t index = key.integer() < 0 ? key.integer() + size : key.integer();
    if (index >= 0 && index < size) return list->items[index];
  }
  TRY(const std::string shown, to_text(key, budget));
  return missing(object, shown);
}

base::Result<Value> slice(const Value& object, const Value* begin, const Value* end,
                          const Value* step, Budget& budget) {
  TRY_VOID(must_be_defined(object));
  if (!object.list() && !object.string())
    return wrong("a value of type " + kind(object) + " has no slices");
  TRY(const auto list, members(object, budget));
  const auto size = static_cast<int64_t>(list->items.size());
  int64_t stride = 1;
  if (step && !step->is_none()) {
    if (!step->is_integer() || step->integer() == 0)
      return wrong("the step of a slice must be an integer other than 0");
    stride = std::clamp(step->integer(), -size - 1, size + 1);
  }
  const bool forward = stride > 0;
  TRY(const int64_t first, slice_bound(begin, forward ? 0 : size - 1, size, forward ? 0 : -1,
                                       forward ? size : size - 1));
  TRY(const int64_t last,
      slice_bound(end, forward ? size : -1, size, forward ? 0 : -1, forward ? size : size - 1));
  std::vector<Value> items;
  TRY_VOID(budget.spend(kStepsPerElement * list->items.size()));
  for (int64_t i = first; forward ? i < last : i > last; i += stride)
    items.push_back(list->items[i]);
  if (object.list()) return make_list(std::move(items));
  std::string text;
  for (const Value& character : items) text += *character.string();
  return Value(std::move(text));
}

base::Result<Value> binary(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  if (op == "~") {
    std::string out;
    TRY_VOID(append_text(a, budget, &out));
    TRY_VOID(append_text(b, budget, &out));
    return Value(std::move(out));
  }
  TRY_VOID(must_be_defined(a));
  TRY_VOID(must_be_defined(b));
  if (a.is_integer() && b.is_integer() && op != "/")
    return integer_arithmetic(op, a.integer(), b.integer());
  if (a.is_number() && b.is_number()) return float_arithmetic(op, a.number(), b.number());
  if (op == "+" && a.string() && b.string()) {
    TRY_VOID(budget.spend((a.string()->size() + b.string()->size()) / 16));
    TRY_VOID(budget.check_size(a.string()->size() + b.string()->size()));
    return Value(*a.string() + *b.string());
  }
  if (op == "+" && a.list() && b.list()) return joined_lists(*a.list(), *b.list(), budget);
  if (op == "*" && a.string() && b.is_integer()) return repeated(*a.string(), b.integer(), budget);
  if (op == "*" && b.string() && a.is_integer()) return repeated(*b.string(), a.integer(), budget);
  return wrong("'" + std::string(op) + "' does not go between values of type " + kind(a) + " and " +
               kind(b));
}

base::Result<bool> contains(const Value& container, const Value& item, Budget& budget) {
  if (const std::string* text = container.string()) {
    if (!item.string())
      return wrong("only a text can be looked for in a text, not a value of type " + kind(item));
    TRY_VOID(budget.spend(text->size() / 16));
    return text->find(*item.string()) != std::string::npos;
  }
  if (const Dict* dict = container.dict()) {
    TRY_VOID(budget.spend(dict->items.size() / 8));
    return item.string() && dict->find(*item.string());
  }
  TRY(const auto list, members(container, budget));
  for (const Value& member : list->items) {
    TRY(const bool same, equal(member, item, budget));
    if (same) return true;
  }
  return false;
}

base::Result<bool> compare(std::string_view op, const Value& a, const Value& b, Budget& budget) {
  if (op == "in") return contains(b, a, budget);
  if (op == "not in") {
    TRY(const bool found, contains(b, a, budget));
    return !found;
  }
  if (op == "==" || op == "!=") {
    TRY(const bool same, equal(a, b, budget));
    return same == (op == "==");
  }
  if (op == "<" || op == ">=") {
    TRY(const bool is_less, less(a, b, budget));
    return is_less == (op == "<");
  }
  TRY(const bool is_greater, less(b, a, budget));
  return is_greater == (op == ">");
}

base::Result<Value> negative(const Value& value) {
  TRY_VOID(must_be_defined(value));
  if (value.is_integer()) return integer_arithmetic("-", 0, value.integer());
  if (value.is_number()) return Value(-value.number());
  return wrong("'-' does not go before a value of type " + kind(value));
}

base::Result<Value> dict_items(const Dict& dict, Budget& budget) {
  TRY_VOID(budget.spend(kStepsPerElement * dict.items.size()));
  std::vector<Value> out;
  for (const auto& [key, value] : dict.items) {
    TRY(Value pair, make_list({Value(key), value}, true));
    out.push_back(std::move(pair));
  }
  return make_list(std::move(out));
}

}  // namespace text::jinja
