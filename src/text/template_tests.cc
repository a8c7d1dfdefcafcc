// The tests of chat templates: value is name(argument).
#include <algorithm>
#include <array>

#include "text/template_filters.h"
#include "text/unicode.h"

namespace text::jinja {
namespace {

using Test = base::Result<bool> (*)(const Value& input, const Value& argument, Budget& budget);

struct NamedTest {
  std::string_view name;
  bool with_argument;
  Test test;
};

base::Result<bool> is_divisible(const Value& input, int64_t by) {
  if (!input.is_integer() || by == 0)
    return wrong("only whole numbers can be even, odd or divisible");
  return by == -1 || input.integer() % by == 0;
}

template <const char* Operator>
base::Result<bool> compares(const Value& input, const Value& argument, Budget& budget) {
  return compare(Operator, input, argument, budget);
}

constexpr char kEqual[] = "==", kNotEqual[] = "!=", kLess[] = "<", kGreater[] = ">",
               kLessEqual[] = "<=", kGreaterEqual[] = ">=", kIn[] = "in";

bool iterable(const Value& v) { return v.list() || v.dict() || v.string() || v.is_undefined(); }

constexpr NamedTest kTests[] = {
    {"defined", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return !v.is_undefined(); }},
    {"undefined", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return v.is_undefined(); }},
    {"none", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return v.is_none(); }},
    {"boolean", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.get<bool>() != nullptr;
     }},
    {"true", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.get<bool>() && v.truthy();
     }},
    {"false", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.get<bool>() && !v.truthy();
     }},
    {"integer", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.get<int64_t>() != nullptr;
     }},
    {"float", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.get<double>() != nullptr;
     }},
    {"number", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return v.is_number(); }},
    {"string", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.string() != nullptr;
     }},
    {"mapping", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.dict() != nullptr;
     }},
    {"iterable", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return iterable(v); }},
    {"sequence", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> { return iterable(v); }},
    {"callable", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.callable() != nullptr;
     }},
    {"odd", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       TRY(const bool even, is_divisible(v, 2));
       return !even;
     }},
    {"even", false, [](const Value& v, const Value&, Budget&) { return is_divisible(v, 2); }},
    {"divisibleby", true,
     [](const Value& v, const Value& by, Budget&) -> base::Result<bool> {
       if (!by.is_integer()) return wrong("'divisibleby' needs a whole number");
       return is_divisible(v, by.integer());
     }},
    {"lower", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.string() && to_lower(*v.string()) == *v.string();
     }},
    {"upper", false,
     [](const Value& v, const Value&, Budget&) -> base::Result<bool> {
       return v.string() && to_upper(*v.string()) == *v.string();
     }},
    {"eq", true, compares<kEqual>},
    {"equalto", true, compares<kEqual>},
    {"sameas", true, compares<kEqual>},
    {"ne", true, compares<kNotEqual>},
    {"lt", true, compares<kLess>},
    {"lessthan", true, compares<kLess>},
    {"gt", true, compares<kGreater>},
    {"greaterthan", true, compares<kGreater>},
    {"le", true, compares<kLessEqual>},
    {"ge", true, compares<kGreaterEqual>},
    {"in", true, compares<kIn>},
};

const NamedTest* find_test(std::string_view name) {
  const auto* found = std::ranges::find(kTests, name, &NamedTest::name);
  return found == std::end(kTests) ? nullptr : found;
}

}  // namespace

bool is_test(std::string_view name) { return find_test(name); }

base::Result<bool> apply_test(std::string_view name, const Value& input, const Arguments& arguments,
                              Budget& budget) {
  const NamedTest* test = find_test(name);
  if (!test)
    return base::fail(base::Code::Unimplemented,
                      "the test '" + std::string(name) + "' is not supported");
  if (test->with_argument != (arguments.positional.size() == 1) || !arguments.named.empty())
    return wrong("the test '" + std::string(name) +
                 (test->with_argument ? "' needs one argument" : "' takes no argument"));
  return test->test(input, test->with_argument ? arguments.positional[0] : Value(), budget);
}

}  // namespace text::jinja
