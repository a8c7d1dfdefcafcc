#include "text/template_filters.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "text/unicode.h"

namespace text::jinja {
namespace {

using Filter = base::Result<Value> (*)(const Value& input, const Arguments& arguments,
                                       Budget& budget);

struct NamedFilter {
  std::string_view name;
  Filter filter;
};

constexpr size_t kStepsPerElement = 4;
constexpr int64_t kIndentMax = 64;

base::Result<Value> trim_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(const std::string text, to_text(input, budget));
  const Value* characters = arguments.get(0, "chars");
  if (!characters || characters->is_none()) return Value(strip(text, true, true));
  if (!characters->string()) return wrong("trim needs its characters as a text");
  const std::string_view set = *characters->string();
  return Value(strip(text, true, true, &set));
}

template <std::string (*Map)(std::string_view)>
base::Result<Value> text_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(const std::string text, to_text(input, budget));
  return Value(Map(text));
}

base::Result<Value> length_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY_VOID(budget.spend(1));
  if (const List* list = input.list()) return Value(static_cast<int64_t>(list->items.size()));
  if (const Dict* dict = input.dict()) return Value(static_cast<int64_t>(dict->items.size()));
  if (const std::string* text = input.string()) {
    TRY_VOID(budget.spend(text->size() / 16));
    return Value(static_cast<int64_t>(count_characters(*text)));
  }
  if (input.is_undefined()) return Value(int64_t{0});
  return wrong("a value of type " + std::string(input.type_name()) + " has no length");
}

base::Result<Value> tojson_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  const Value* indent = arguments.get(0, "indent");
  int64_t width = -1;
  if (indent && !indent->is_none()) {
    if (!indent->is_integer() || indent->integer() < 0 || indent->integer() > kIndentMax)
      return wrong("the indent of tojson must be a whole number from 0 to 64");
    width = indent->integer();
  }
  for (const auto& [name, value] : arguments.named) {
    if (name != "indent" && name != "ensure_ascii")
      return wrong("tojson does not take '" + name + "'");
  }
  TRY_VOID(must_be_defined(input));
  std::string out;
  TRY_VOID(append_json(input, static_cast<int>(width), budget, &out));
  return Value(std::move(out));
}

// A dotted path, as `attribute` arguments give it.
base::Result<Value> follow(Value value, const Value& path, Budget& budget) {
  if (!path.string()) return subscript(value, path, budget);
  std::string_view rest = *path.string();
  for (;;) {
    const size_t dot = rest.find('.');
    TRY(value, subscript(value, Value(rest.substr(0, dot)), budget));
    if (dot == std::string_view::npos) return value;
    rest.remove_prefix(dot + 1);
  }
}

base::Result<Value> join_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(const auto list, members(input, budget));
  const Value* separator = arguments.get(0, "d");
  const Value* path = arguments.get(1, "attribute");
  std::string out;
  for (size_t i = 0; i < list->items.size(); ++i) {
    if (i > 0 && separator) TRY_VOID(append_text(*separator, budget, &out));
    Value item = list->items[i];
    if (path && !path->is_none()) {
      TRY(item, follow(std::move(item), *path, budget));
    }
    TRY_VOID(append_text(item, budget, &out));
  }
  return Value(std::move(out));
}

base::Result<Value> default_filter(const Value& input, const Arguments& arguments, Budget&) {
  const Value* otherwise = arguments.get(0, "default_value");
  const Value* any_false = arguments.get(1, "boolean");
  if (!input.is_undefined() && !(any_false && any_false->truthy() && !input.truthy())) return input;
  return otherwise ? *otherwise : Value("");
}

base::Result<Value> end_of(const Value& input, bool last, Budget& budget) {
  TRY(const auto list, members(input, budget));
  if (list->items.empty())
    return Value(Undefined{last ? "the list has no last item" : "the list has no first item"});
  return last ? list->items.back() : list->items.front();
}

base::Result<Value> replace_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(std::string text, to_text(input, budget));
  Arguments plain;
  for (const auto& [place, name] :
       {std::pair<size_t, const char*>{0, "old"}, {1, "new"}, {2, "count"}}) {
    if (const Value* value = arguments.get(place, name); value && !value->is_none())
      plain.positional.push_back(*value);
  }
  return call_method(Value(std::move(text)), "replace", plain, budget);
}

base::Result<Value> items_filter(const Value& input, const Arguments&, Budget& budget) {
  if (input.is_undefined()) return make_list({});
  if (!input.dict())
    return wrong("items needs a mapping, not a value of type " + std::string(input.type_name()));
  return dict_items(*input.dict(), budget);
}

base::Result<Value> dictsort_filter(const Value& input, const Arguments& arguments,
                                    Budget& budget) {
  if (!input.dict()) return wrong("dictsort needs a mapping");
  if (!arguments.positional.empty() || !arguments.named.empty())
    return wrong("dictsort takes no arguments here");
  auto items = input.dict()->items;
  TRY_VOID(budget.spend(kStepsPerElement * items.size()));
  std::ranges::sort(items, {},
                    [](const auto& item) { return std::pair(to_lower(item.first), item.first); });
  return dict_items(Dict{std::move(items), input.dict()->depth}, budget);
}

base::Result<Value> int_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  if (input.is_integer()) return Value(input.integer());
  const Value* otherwise = arguments.get(0, "default");
  const Value fallback = otherwise ? *otherwise : Value(int64_t{0});
  if (const double* real = input.get<double>())
    return std::fabs(*real) < 9e18 ? Value(static_cast<int64_t>(*real)) : fallback;
  if (!input.string()) return fallback;
  TRY_VOID(budget.spend(1));
  const std::string_view text = strip(*input.string(), true, true);
  int64_t value = 0;
  const auto whole = std::from_chars(text.data(), text.data() + text.size(), value);
  if (whole.ec == std::errc{} && whole.ptr == text.data() + text.size()) return Value(value);
  double real = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), real);
  const bool fits =
      parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() && std::fabs(real) < 9e18;
  return fits ? Value(static_cast<int64_t>(real)) : fallback;
}

base::Result<Value> float_filter(const Value& input, const Arguments& arguments, Budget&) {
  if (input.is_number()) return Value(input.number());
  const Value* otherwise = arguments.get(0, "default");
  const Value fallback = otherwise ? *otherwise : Value(0.0);
  if (!input.string()) return fallback;
  const std::string_view text = strip(*input.string(), true, true);
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  return parsed.ec == std::errc{} && parsed.ptr == text.data() + text.size() ? Value(value)
                                                                             : fallback;
}

base::Result<Value> abs_filter(const Value& input, const Arguments&, Budget&) {
  if (!input.is_number()) return wrong("abs needs a number");
  return input.number() < 0 ? negative(input) : input;
}

base::Result<Value> list_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(auto list, members(input, budget));
  return Value(std::move(list));
}

base::Result<Value> string_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(std::string text, to_text(input, budget));
  return Value(std::move(text));
}

base::Result<Value> reverse_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(const auto list, members(input, budget));
  TRY_VOID(budget.spend(kStepsPerElement * list->items.size()));
  std::vector<Value> items(list->items.rbegin(), list->items.rend());
  if (!input.string()) return make_list(std::move(items));
  std::string out;
  for (const Value& character : items) out += *character.string();
  return Value(std::move(out));
}

base::Result<Value> unique_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(const auto list, members(input, budget));
  std::vector<Value> items;
  for (const Value& item : list->items) {
    bool seen = false;
    for (size_t i = 0; i < items.size() && !seen; ++i) {
      TRY(seen, equal(items[i], item, budget));
    }
    if (!seen) items.push_back(item);
  }
  return make_list(std::move(items));
}

base::Result<Value> indent_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(const std::string text, to_text(input, budget));
  const Value* width = arguments.get(0, "width");
  const Value* first = arguments.get(1, "first");
  const Value* blank = arguments.get(2, "blank");
  if (width && (!width->is_integer() || width->integer() < 0 || width->integer() > kIndentMax))
    return wrong("the width of indent must be a whole number from 0 to 64");
  const std::string pad(static_cast<size_t>(width ? width->integer() : 4), ' ');
  TRY_VOID(budget.spend(text.size()));
  std::string out;
  for (size_t at = 0; at <= text.size();) {
    const size_t end = std::min(text.find('\n', at), text.size());
    const bool empty = end == at;
    if (at == 0 ? first && first->truthy() : !empty || (blank && blank->truthy())) out += pad;
    out += text.substr(at, end - at + 1);
    at = end + 1;
    TRY_VOID(budget.check_size(out.size()));
  }
  return Value(std::move(out));
}

// map('upper'), map(attribute='role')
base::Result<Value> map_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(const auto list, members(input, budget));
  const Value* path = arguments.positional.empty() ? arguments.get(0, "attribute") : nullptr;
  const Value* otherwise = arguments.get(1, "default");
  const bool named = !arguments.positional.empty() && arguments.positional[0].string();
  if (!path && !named) return wrong("map needs the name of a filter, or attribute='...'");
  Arguments rest;
  if (named)
    rest = {{arguments.positional.begin() + 1, arguments.positional.end()}, arguments.named};
  std::vector<Value> out;
  for (const Value& item : list->items) {
    TRY_VOID(budget.spend(kStepsPerElement));
    TRY(Value mapped, path ? follow(item, *path, budget)
                           : apply_filter(*arguments.positional[0].string(), item, rest, budget));
    if (path && otherwise && mapped.is_undefined()) mapped = *otherwise;
    out.push_back(std::move(mapped));
  }
  return make_list(std::move(out));
}

// select, reject (on the item) and selectattr, rejectattr (on an attribute of it), by truth or by a
// named test.
base::Result<Value> pick(const Value& input, const Arguments& arguments, bool on_attribute,
                         bool wanted, Budget& budget) {
  TRY(const auto list, members(input, budget));
  const size_t skip = on_attribute ? 1 : 0;
  if (arguments.positional.size() < skip)
    return wrong("selectattr and rejectattr need the name of an attribute");
  const Value* test = arguments.get(skip, "test");
  if (test && !test->string()) return wrong("the test must be named by a text");
  Arguments rest;
  for (size_t i = skip + 1; i < arguments.positional.size(); ++i)
    rest.positional.push_back(arguments.positional[i]);
  std::vector<Value> out;
  for (const Value& item : list->items) {
    TRY_VOID(budget.spend(kStepsPerElement));
    Value tested = item;
    if (on_attribute) {
      TRY(tested, follow(item, arguments.positional[0], budget));
    }
    bool holds = tested.truthy();
    if (test) {
      TRY(holds, apply_test(*test->string(), tested, rest, budget));
    }
    if (holds == wanted) out.push_back(item);
  }
  return make_list(std::move(out));
}

base::Result<Value> sum_filter(const Value& input, const Arguments& arguments, Budget& budget) {
  TRY(const auto list, members(input, budget));
  const Value* path = arguments.get(0, "attribute");
  Value total(int64_t{0});
  for (const Value& item : list->items) {
    Value part = item;
    if (path && !path->is_none()) {
      TRY(part, follow(item, *path, budget));
    }
    TRY_VOID(budget.spend(1));
    TRY(total, binary("+", total, part, budget));
  }
  return total;
}

base::Result<Value> escape_filter(const Value& input, const Arguments&, Budget& budget) {
  TRY(const std::string text, to_text(input, budget));
  TRY_VOID(budget.check_size(6 * text.size()));
  std::string out;
  for (const char c : text) {
    constexpr std::string_view kMarkup = "&<>\"'";
    constexpr std::array<std::string_view, 5> kEscaped = {"&amp;", "&lt;", "&gt;", "&#34;",
                                                          "&#39;"};
    const size_t found = kMarkup.find(c);
    if (found == std::string_view::npos) {
      out.push_back(c);
    } else {
      out += kEscaped[found];
    }
  }
  return Value(std::move(out));
}

constexpr NamedFilter kFilters[] = {
    {"trim", trim_filter},
    {"upper", text_filter<to_upper>},
    {"lower", text_filter<to_lower>},
    {"title", text_filter<title_case>},
    {"capitalize", text_filter<capitalize>},
    {"length", length_filter},
    {"count", length_filter},
    {"tojson", tojson_filter},
    {"join", join_filter},
    {"default", default_filter},
    {"d", default_filter},
    {"first", [](const Value& v, const Arguments&, Budget& b) { return end_of(v, false, b); }},
    {"last", [](const Value& v, const Arguments&, Budget& b) { return end_of(v, true, b); }},
    {"replace", replace_filter},
    {"items", items_filter},
    {"dictsort", dictsort_filter},
    {"string", string_filter},
    {"safe", string_filter},
    {"int", int_filter},
    {"float", float_filter},
    {"abs", abs_filter},
    {"list", list_filter},
    {"reverse", reverse_filter},
    {"unique", unique_filter},
    {"indent", indent_filter},
    {"map", map_filter},
    {"select",
     [](const Value& v, const Arguments& a, Budget& b) { return pick(v, a, false, true, b); }},
    {"reject",
     [](const Value& v, const Arguments& a, Budget& b) { return pick(v, a, false, false, b); }},
    {"selectattr",
     [](const Value& v, const Arguments& a, Budget& b) { return pick(v, a, true, true, b); }},
    {"rejectattr",
     [](const Value& v, const Arguments& a, Budget& b) { return pick(v, a, true, false, b); }},
    {"sum", sum_filter},
    {"escape", escape_filter},
    {"e", escape_filter},
};

const NamedFilter* find_filter(std::string_view name) {
  const auto* found = std::ranges::find(kFilters, name, &NamedFilter::name);
  return found == std::end(kFilters) ? nullptr : found;
}

}  // namespace

bool is_filter(std::string_view name) { return find_filter(name); }

base::Result<Value> apply_filter(std::string_view name, const Value& input,
                                 const Arguments& arguments, Budget& budget) {
  const NamedFilter* filter = find_filter(name);
  if (!filter)
    return base::fail(base::Code::Unimplemented,
                      "the filter '" + std::string(name) + "' is not supported");
  return filter->filter(input, arguments, budget);
}

}  // namespace text::jinja
