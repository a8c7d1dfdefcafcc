#include "text/template_value.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "base/utf8.h"

namespace text::jinja {
namespace {

constexpr int kValueDepthMax = 100;

base::Status check_member(const Value& value, int* depth) {
  if (value.name_space() || value.loop() || value.callable())
    return base::fail(base::Code::Unimplemented,
                      "a " + std::string(value.type_name()) + " cannot be stored in another value");
  *depth = std::max(*depth, value.depth() + 1);
  if (*depth > kValueDepthMax)
    return base::fail(base::Code::TooLarge, "values are nested more than 100 deep");
  return {};
}

// Python's repr of a float: shortest that reads back, exponent from 1e16 on and below 1e-4.
std::string float_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  char buffer[64];
  const double magnitude = std::fabs(value);
  const bool plain = magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e16);
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value,
                                 plain ? std::chars_format::fixed : std::chars_format::scientific)
                       .ptr;
  std::string out(buffer, end);
  if (plain && out.find('.') == std::string::npos) out += ".0";
  return out;
}

void append_repr(std::string_view text, std::string* out) {
  const bool use_double =
      text.find('\'') != std::string_view::npos && text.find('"') == std::string_view::npos;
  const char quote = use_double ? '"' : '\'';
  out->push_back(quote);
  for (const char c : text) {
    if (c == '\n') {
      *out += "\\n";
    } else if (c == '\r') {
      *out += "\\r";
    } else if (c == '\t') {
      *out += "\\t";
    } else if (c == '\\' || c == quote) {
      out->push_back('\\');
      out->push_back(c);
    } else if (static_cast<uint8_t>(c) < 0x20 || c == 0x7F) {
      constexpr char kHex[] = "0123456789abcdef";
      *out += "\\x";
      out->push_back(kHex[static_cast<uint8_t>(c) >> 4]);
      out->push_back(kHex[c & 15]);
    } else {
      out->push_back(c);
    }
  }
  out->push_back(quote);
}

base::Status append_nested(const Value& value, Budget& budget, std::string* out) {
  if (const std::string* text = value.string()) {
    TRY_VOID(budget.spend(1 + text->size() / 16));
    append_repr(*text, out);
    return budget.check_size(out->size());
  }
  return append_text(value, budget, out);
}

void new_line(int indent, int level, std::string* out) {
  out->push_back('\n');
  out->append(static_cast<size_t>(indent) * static_cast<size_t>(level), ' ');
}

struct JsonWriter {
  int indent;
  Budget& budget;
  std::string* out;

  template <class Items, class Write>
  base::Status group(char open, char close, int level, const Items& items, Write&& write) {
    out->push_back(open);
    bool first = true;
    for (const auto& item : items) {
      if (!std::exchange(first, false)) *out += indent < 0 ? ", " : ",";
      if (indent >= 0) new_line(indent, level + 1, out);
      TRY_VOID(write(item));
    }
    if (indent >= 0 && !first) new_line(indent, level, out);
    out->push_back(close);
    return {};
  }

  base::Status write(const Value& value, int level) {
    TRY_VOID(budget.spend(1));
    TRY_VOID(budget.check_size(out->size()));
    if (const std::string* text = value.string()) {
      TRY_VOID(budget.spend(text->size() / 16));
      json::append_string(out, *text);
      return {};
    }
    if (const bool* truth = value.get<bool>()) {
      *out += *truth ? "true" : "false";
    } else if (value.is_none()) {
      *out += "null";
    } else if (value.is_number()) {
      return append_text(value, budget, out);
    } else if (const List* list = value.list()) {
      return group('[', ']', level, list->items,
                   [&](const Value& item) { return write(item, level + 1); });
    } else if (const Dict* dict = value.dict()) {
      return group('{', '}', level, dict->items, [&](const auto& item) {
        json::append_string(out, item.first);
        *out += ": ";
        return write(item.second, level + 1);
      });
    } else {
      return base::fail(
          base::Code::InvalidArgument,
          "a value of type " + std::string(value.type_name()) + " cannot be written as JSON");
    }
    return {};
  }
};

}  // namespace

const Value* Dict::find(std::string_view key) const {
  const auto found = std::ranges::find(
      items, key, [](const auto& item) -> std::string_view { return item.first; });
  return found == items.end() ? nullptr : &found->second;
}

base::Status Budget::spend(size_t steps) {
  if (steps > static_cast<size_t>(steps_left_))
    return base::fail(base::Code::TooLarge, "the chat template takes too many steps", {},
                      "TEMPLATE_LIMIT");
  steps_left_ -= static_cast<int64_t>(steps);
  return {};
}

base::Status Budget::check_size(size_t bytes) const {
  if (bytes > bytes_max_)
    return base::fail(base::Code::TooLarge, "the chat template makes more text than allowed", {},
                      "TEMPLATE_LIMIT");
  return {};
}

bool Value::truthy() const {
  if (is_undefined() || is_none()) return false;
  if (const bool* truth = get<bool>()) return *truth;
  if (is_number()) return number() != 0;
  if (const std::string* text = string()) return !text->empty();
  if (const List* l = list()) return !l->items.empty();
  if (const Dict* d = dict()) return !d->items.empty();
  return true;
}

std::string_view Value::type_name() const {
  constexpr std::string_view kNames[] = {"Undefined", "NoneType", "bool",    "int",
                                         "float",     "str",      "list",    "dict",
                                         "Namespace", "loop",     "function"};
  return kNames[data_.index()];
}

int Value::depth() const {
  if (const List* l = list()) return l->depth;
  if (const Dict* d = dict()) return d->depth;
  return 0;
}

base::Result<Value> make_list(std::vector<Value> items, bool tuple) {
  int depth = 1;
  for (const Value& item : items) TRY_VOID(check_member(item, &depth));
  return Value(std::make_shared<const List>(List{std::move(items), depth, tuple}));
}

base::Result<Value> make_dict(std::vector<std::pair<std::string, Value>> items) {
  int depth = 1;
  for (const auto& item : items) TRY_VOID(check_member(item.second, &depth));
  return Value(std::make_shared<const Dict>(Dict{std::move(items), depth}));
}

base::Result<Value> from_json(const json::Value& value) {
  if (value.is_null()) return Value(nullptr);
  if (value.is_bool()) return Value(value.as_bool());
  if (value.is_int()) return Value(value.as_int());
  if (value.is_number()) return Value(value.as_double());
  if (value.is_string()) return Value(value.as_string());
  if (value.is_array()) {
    std::vector<Value> items;
    for (const json::Value& item : value.as_array()) {
      TRY(Value converted, from_json(item));
      items.push_back(std::move(converted));
    }
    return make_list(std::move(items));
  }
  std::vector<std::pair<std::string, Value>> items;
  for (const auto& [key, item] : value.as_object()) {
    TRY(Value converted, from_json(item));
    items.emplace_back(key, std::move(converted));
  }
  return make_dict(std::move(items));
}

base::Result<bool> equal(const Value& a, const Value& b, Budget& budget) {
  TRY_VOID(budget.spend(1));
  if (a.is_integer() && b.is_integer()) return a.integer() == b.integer();
  if (a.is_number() && b.is_number()) return a.number() == b.number();
  if (a.string() && b.string()) {
    TRY_VOID(budget.spend(std::min(a.string()->size(), b.string()->size()) / 64));
    return *a.string() == *b.string();
  }
  if (const List *x = a.list(), *y = b.list(); x && y) {
    if (x->items.size() != y->items.size()) return false;
    for (size_t i = 0; i < x->items.size(); ++i) {
      TRY(const bool same, equal(x->items[i], y->items[i], budget));
      if (!same) return false;
    }
    return true;
  }
  if (const Dict *x = a.dict(), *y = b.dict(); x && y) {
    if (x->items.size() != y->items.size()) return false;
    TRY_VOID(budget.spend(x->items.size() * x->items.size()));
    for (const auto& [key, value] : x->items) {
      const Value* other = y->find(key);
      if (!other) return false;
      TRY(const bool same, equal(value, *other, budget));
      if (!same) return false;
    }
    return true;
  }
  return (a.is_undefined() && b.is_undefined()) || (a.is_none() && b.is_none());
}

base::Result<bool> less(const Value& a, const Value& b, Budget& budget) {
  TRY_VOID(budget.spend(1));
  if (a.is_integer() && b.is_integer()) return a.integer() < b.integer();
  if (a.is_number() && b.is_number()) return a.number() < b.number();
  if (a.string() && b.string()) {
    TRY_VOID(budget.spend(std::min(a.string()->size(), b.string()->size()) / 64));
    return *a.string() < *b.string();  // UTF-8 sorts as its code points do
  }
  for (const Value* side : {&a, &b}) {
    if (const Undefined* missing = side->get<Undefined>())
      return base::fail(base::Code::InvalidArgument, missing->what);
  }
  return base::fail(base::Code::InvalidArgument, "values of type " + std::string(a.type_name()) +
                                                     " and " + std::string(b.type_name()) +
                                                     " have no order");
}

base::Result<std::shared_ptr<const List>> members(const Value& value, Budget& budget) {
  if (const auto* list = value.get<std::shared_ptr<const List>>()) return *list;
  auto out = std::make_shared<List>();
  if (const Dict* dict = value.dict()) {
    TRY_VOID(budget.spend(dict->items.size()));
    for (const auto& item : dict->items) out->items.emplace_back(item.first);
  } else if (const std::string* text = value.string()) {
    TRY_VOID(budget.spend(text->size()));
    for (size_t at = 0; at < text->size();) {
      const size_t start = at;
      base::next_code_point(*text, &at);
      out->items.emplace_back(std::string_view(*text).substr(start, at - start));
    }
  } else if (!value.is_undefined()) {
    return base::fail(
        base::Code::InvalidArgument,
        "a value of type " + std::string(value.type_name()) + " has no members to go through");
  }
  return out;
}

base::Status append_text(const Value& value, Budget& budget, std::string* out) {
  TRY_VOID(budget.spend(1));
  if (const std::string* text = value.string()) {
    TRY_VOID(budget.spend(text->size() / 16));
    TRY_VOID(budget.check_size(out->size() + text->size()));
    *out += *text;
  } else if (const bool* truth = value.get<bool>()) {
    *out += *truth ? "True" : "False";
  } else if (value.is_integer()) {
    *out += std::to_string(value.integer());
  } else if (value.is_number()) {
    *out += float_text(value.number());
  } else if (value.is_none()) {
    *out += "None";
  } else if (const List* list = value.list()) {
    out->push_back(list->tuple ? '(' : '[');
    for (size_t i = 0; i < list->items.size(); ++i) {
      if (i > 0) *out += ", ";
      TRY_VOID(append_nested(list->items[i], budget, out));
    }
    if (list->tuple && list->items.size() == 1) out->push_back(',');
    out->push_back(list->tuple ? ')' : ']');
  } else if (const Dict* dict = value.dict()) {
    out->push_back('{');
    for (size_t i = 0; i < dict->items.size(); ++i) {
      if (i > 0) *out += ", ";
      append_repr(dict->items[i].first, out);
      *out += ": ";
      TRY_VOID(append_nested(dict->items[i].second, budget, out));
    }
    out->push_back('}');
  } else if (!value.is_undefined()) {
    return base::fail(
        base::Code::InvalidArgument,
        "a value of type " + std::string(value.type_name()) + " cannot be written as text");
  }
  return budget.check_size(out->size());
}

base::Result<std::string> to_text(const Value& value, Budget& budget) {
  std::string out;
  TRY_VOID(append_text(value, budget, &out));
  return out;
}

base::Status append_json(const Value& value, int indent, Budget& budget, std::string* out) {
  TRY_VOID((JsonWriter{indent, budget, out}.write(value, 0)));
  return budget.check_size(out->size());
}

}  // namespace text::jinja
