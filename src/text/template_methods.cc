// The methods that templates call on strings and dicts.
#include <algorithm>
#include <array>
#include <limits>

#include "base/utf8.h"
#include "text/template_operations.h"
#include "text/unicode.h"

namespace text::jinja {
namespace {

constexpr std::array<std::string_view, 25> kStringMethods = {
    "strip",      "lstrip",       "rstrip",       "startswith", "endswith",   "split",   "rsplit",
    "splitlines", "upper",        "lower",        "title",      "capitalize", "replace", "find",
    "rfind",      "count",        "join",         "isdigit",    "isalpha",    "isspace", "isupper",
    "islower",    "removeprefix", "removesuffix", "index"};
constexpr std::array<std::string_view, 4> kDictMethods = {"items", "keys", "values", "get"};
constexpr std::array<std::string_view, 2> kListMethods = {"index", "count"};
constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();
constexpr size_t kStepsPerElement = 4;

base::Result<std::string_view> text_argument(const Arguments& arguments, size_t place,
                                             std::string_view name) {
  const Value* value = arguments.get(place, name);
  if (!value || !value->string())
    return wrong("the argument '" + std::string(name) + "' must be a text");
  return std::string_view(*value->string());
}

base::Result<int64_t> limit_argument(const Arguments& arguments, size_t place,
                                     std::string_view name) {
  const Value* value = arguments.get(place, name);
  if (!value) return kNoLimit;
  if (!value->is_integer())
    return wrong("the argument '" + std::string(name) + "' must be an integer");
  return value->integer() < 0 ? kNoLimit : value->integer();
}

base::Result<Value> stripped(std::string_view text, bool left, bool right,
                             const Arguments& arguments) {
  const Value* characters = arguments.get(0, "chars");
  if (!characters || characters->is_none()) return Value(strip(text, left, right));
  TRY(const std::string_view set, text_argument(arguments, 0, "chars"));
  return Value(strip(text, left, right, &set));
}

// startswith and endswith take a text, or a list of them.
base::Result<Value> has_affix(std::string_view text, const Arguments& arguments, bool at_start) {
  const Value* affix = arguments.get(0, "prefix");
  if (!affix) return wrong("startswith and endswith need an argument");
  std::vector<Value> options = affix->list() ? affix->list()->items : std::vector<Value>{*affix};
  for (const Value& option : options) {
    if (!option.string())
      return wrong("startswith and endswith take texts, not a value of type " +
                   std::string(option.type_name()));
    if (at_start ? text.starts_with(*option.string()) : text.ends_with(*option.string()))
      return Value(true);
  }
  return Value(false);
}

void split_on_blanks(std::string_view text, int64_t limit, std::vector<Value>* out) {
  for (text = strip(text, true, false); !text.empty(); text = strip(text, true, false)) {
    if (static_cast<int64_t>(out->size()) == limit) return out->push_back(Value(text));
    size_t end = 0;
    while (end < text.size()) {
      size_t next = end;
      if (is_white_space(base::next_code_point(text, &next))) break;
      end = next;
    }
    out->emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

base::Result<Value> split_text(std::string_view text, const Arguments& arguments, bool from_right,
                               Budget& budget) {
  TRY_VOID(budget.spend(kStepsPerElement * text.size()));
  TRY(const int64_t limit, limit_argument(arguments, 1, "maxsplit"));
  std::vector<Value> out;
  const Value* separator = arguments.get(0, "sep");
  if (!separator || separator->is_none()) {
    if (from_right && limit != kNoLimit) return wrong("rsplit needs a separator");
    split_on_blanks(text, limit, &out);
    return make_list(std::move(out));
  }
  TRY(const std::string_view sep, text_argument(arguments, 0, "sep"));
  if (sep.empty()) return wrong("the separator of a split is empty");
  for (int64_t splits = 0; splits < limit; ++splits) {
    const size_t at = from_right ? text.rfind(sep) : text.find(sep);
    if (at == std::string_view::npos) break;
    out.emplace_back(from_right ? text.substr(at + sep.size()) : text.substr(0, at));
    text = from_right ? text.substr(0, at) : text.substr(at + sep.size());
  }
  out.emplace_back(text);
  if (from_right) std::ranges::reverse(out);
  return make_list(std::move(out));
}

base::Result<Value> lines_of(std::string_view text, Budget& budget) {
  TRY_VOID(budget.spend(kStepsPerElement * text.size()));
  std::vector<Value> out;
  while (!text.empty()) {
    const size_t end = std::min(text.find_first_of("\r\n"), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
    text.remove_prefix(text.starts_with("\r\n") ? 2 : text.empty() ? 0 : 1);
  }
  return make_list(std::move(out));
}

base::Result<Value> replaced_text(const std::string& text, const Arguments& arguments,
                                  Budget& budget) {
  TRY(const std::string_view from, text_argument(arguments, 0, "old"));
  TRY(const std::string_view to, text_argument(arguments, 1, "new"));
  TRY(const int64_t count, limit_argument(arguments, 2, "count"));
  const size_t places = from.empty() ? text.size() + 1 : text.size() / from.size();
  TRY_VOID(budget.check_size(text.size() + places * to.size()));
  TRY_VOID(budget.spend(text.size() / 16 + places));
  return Value(replaced(text, from, to, count));
}

// Places are counted in characters.
base::Result<Value> found_at(std::string_view text, const Arguments& arguments,
                             std::string_view name) {
  TRY(const std::string_view what, text_argument(arguments, 0, "sub"));
  const size_t at = name == "rfind" ? text.rfind(what) : text.find(what);
  if (at == std::string_view::npos && name == "index")
    return wrong("the text to look for is not there");
  if (at == std::string_view::npos) return Value(int64_t{-1});
  return Value(static_cast<int64_t>(count_characters(text.substr(0, at))));
}

base::Result<Value> count_of(std::string_view text, const Arguments& arguments) {
  TRY(const std::string_view what, text_argument(arguments, 0, "sub"));
  if (what.empty()) return Value(static_cast<int64_t>(count_characters(text)) + 1);
  int64_t count = 0;
  for (size_t at = 0; (at = text.find(what, at)) != std::string_view::npos; at += what.size())
    ++count;
  return Value(count);
}

base::Result<Value> joined(const std::string& separator, const Arguments& arguments,
                           Budget& budget) {
  if (arguments.positional.size() != 1) return wrong("join needs a list");
  TRY(const auto list, members(arguments.positional[0], budget));
  std::string out;
  for (size_t i = 0; i < list->items.size(); ++i) {
    if (i > 0) out += separator;
    if (!list->items[i].string()) return wrong("join needs a list of texts");
    TRY_VOID(append_text(list->items[i], budget, &out));
  }
  return Value(std::move(out));
}

bool all_characters(std::string_view text, bool (*holds)(char32_t)) {
  for (size_t at = 0; at < text.size();) {
    if (!holds(base::next_code_point(text, &at))) return false;
  }
  return !text.empty();
}

base::Result<Value> affix_removed(std::string_view text, const Arguments& arguments,
                                  bool at_start) {
  TRY(const std::string_view affix, text_argument(arguments, 0, at_start ? "prefix" : "suffix"));
  if (at_start && text.starts_with(affix)) return Value(text.substr(affix.size()));
  if (!at_start && text.ends_with(affix)) return Value(text.substr(0, text.size() - affix.size()));
  return Value(text);
}

base::Result<Value> string_method(const std::string& text, std::string_view name,
                                  const Arguments& arguments, Budget& budget) {
  TRY_VOID(budget.spend(1 + text.size() / 16));
  if (name == "strip") return stripped(text, true, true, arguments);
  if (name == "lstrip") return stripped(text, true, false, arguments);
  if (name == "rstrip") return stripped(text, false, true, arguments);
  if (name == "startswith") return has_affix(text, arguments, true);
  if (name == "endswith") return has_affix(text, arguments, false);
  if (name == "split") return split_text(text, arguments, false, budget);
  if (name == "rsplit") return split_text(text, arguments, true, budget);
  if (name == "splitlines") return lines_of(text, budget);
  if (name == "upper") return Value(to_upper(text));
  if (name == "lower") return Value(to_lower(text));
  if (name == "title") return Value(title_case(text));
  if (name == "capitalize") return Value(capitalize(text));
  if (name == "replace") return replaced_text(text, arguments, budget);
  if (name == "find" || name == "rfind" || name == "index") return found_at(text, arguments, name);
  if (name == "count") return count_of(text, arguments);
  if (name == "join") return joined(text, arguments, budget);
  if (name == "removeprefix") return affix_removed(text, arguments, true);
  if (name == "removesuffix") return affix_removed(text, arguments, false);
  if (name == "isdigit")
    return Value(all_characters(text, [](char32_t c) { return c >= '0' && c <= '9'; }));
  if (name == "isspace") return Value(all_characters(text, is_white_space));
  if (name == "isalpha") return Value(all_characters(text, is_letter));
  if (name == "isupper") return Value(to_upper(text) == text && to_lower(text) != text);
  return Value(to_lower(text) == text && to_upper(text) != text);  // islower
}

base::Result<Value> dict_method(const Dict& dict, std::string_view name, const Arguments& arguments,
                                Budget& budget) {
  if (name == "items") return dict_items(dict, budget);
  if (name == "get") {
    TRY(const std::string_view key, text_argument(arguments, 0, "key"));
    if (const Value* found = dict.find(key)) return *found;
    const Value* otherwise = arguments.get(1, "default");
    return otherwise ? *otherwise : Value(nullptr);
  }
  TRY_VOID(budget.spend(kStepsPerElement * dict.items.size()));
  std::vector<Value> out;
  for (const auto& [key, value] : dict.items) out.push_back(name == "keys" ? Value(key) : value);
  return make_list(std::move(out));
}

base::Result<Value> list_method(const List& list, std::string_view name, const Arguments& arguments,
                                Budget& budget) {
  if (arguments.positional.size() != 1)
    return wrong("the method '" + std::string(name) + "' needs one argument");
  int64_t count = 0;
  for (size_t i = 0; i < list.items.size(); ++i) {
    TRY(const bool same, equal(list.items[i], arguments.positional[0], budget));
    if (same && name == "index") return Value(static_cast<int64_t>(i));
    count += same ? 1 : 0;
  }
  if (name == "index") return wrong("the value to look for is not in the list");
  return Value(count);
}

}  // namespace

bool has_method(const Value& self, std::string_view name) {
  const auto holds = [name](const auto& names) {
    return std::ranges::find(names, name) != names.end();
  };
  return self.string() ? holds(kStringMethods)
         : self.dict() ? holds(kDictMethods)
                       : self.list() && holds(kListMethods);
}

base::Result<Value> call_method(const Value& self, std::string_view name,
                                const Arguments& arguments, Budget& budget) {
  if (const std::string* text = self.string()) return string_method(*text, name, arguments, budget);
  if (const List* list = self.list()) return list_method(*list, name, arguments, budget);
  return dict_method(*self.dict(), name, arguments, budget);
}

std::string replaced(std::string_view text, std::string_view from, std::string_view to,
                     int64_t count_max) {
  std::string out;
  int64_t count = 0;
  if (from.empty()) {  // `to` goes before each character, and at the end
    for (size_t at = 0; at < text.size();) {
      const size_t start = at;
      base::next_code_point(text, &at);
      if (count++ < count_max) out += to;
      out += text.substr(start, at - start);
    }
    if (count < count_max) out += to;
    return out;
  }
  for (size_t at = 0;;) {
    const size_t found = count++ < count_max ? text.find(from, at) : std::string_view::npos;
    out += text.substr(at, found - at);
    if (found == std::string_view::npos) return out;
    out += to;
    at = found + from.size();
  }
}

}  // namespace text::jinja
