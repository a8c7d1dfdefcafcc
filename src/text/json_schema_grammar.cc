#include "text/json_schema_grammar.h"

#include <algorithm>
#include <deque>
#include <map>
#include <unordered_map>

#include "base/check.h"
#include "text/grammar_cache.h"
#include "text/json_grammar.h"
#include "text/json_schema_strict.h"
#include "text/number_grammar.h"
#include "text/regex_grammar.h"
#include "text/string_formats.h"

namespace text {
namespace {

using json::Value;
using State = GrammarBuilder::State;
using Rule = GrammarBuilder::Rule;

constexpr int64_t kCountMax = 4096;  // of items and of characters that a schema may count
constexpr int kSchemasMax = 100'000;
constexpr int kInlineDepthMax = 60;
constexpr int kCopiedMax = 100'000;
constexpr size_t kDrawnStatesMax = 900'000;

class SchemaDrawer {
 public:
  SchemaDrawer(GrammarBuilder* builder, const Value& root, bool strict)
      : b_(*builder), rules_(builder), root_(root), strict_(strict) {}

  base::Result<Rule> draw_root() {
    const Rule root = rule_of(root_);
    while (!to_draw_.empty()) {
      const Waiting next = std::move(to_draw_.front());
      to_draw_.pop_front();
      path_ = next.path;
      TRY_VOID(draw(*next.schema, b_.first(next.rule), b_.last(next.rule)));
    }
    return root;
  }

 private:
  // Runs `draw` with the path one step longer.
  template <class Draw>
  base::Status at(std::initializer_list<std::string> steps, Draw&& draw) {
    path_.insert(path_.end(), steps);
    const base::Status drawn = draw();
    path_.resize(path_.size() - steps.size());
    return drawn;
  }

  base::Status refuse(const std::string& what) const {
    return invalid_schema(context_of(path_) + what);
  }

  // In strict mode what cannot be kept to is refused; otherwise something wider is drawn.
  base::Status or_wider(const base::Status& drawn, Rule wider, State from, State to) {
    if (drawn) return drawn;
    if (strict_) return refuse(drawn.error().message + ".");
    b_.call(from, wider, to);
    return {};
  }

  // Drawn later, so that a chain of references is no recursion here.
  Rule rule_of(const Value& schema) {
    const auto known = rule_ids_.find(&schema);
    if (known != rule_ids_.end()) return known->second;
    const Rule rule = b_.rule(context_of(path_));
    rule_ids_.emplace(&schema, rule);
    to_draw_.push_back({rule, &schema, path_});
    return rule;
  }

  // As a call when it is more than a few words: called from many places it is drawn once.
  base::Status draw_value(const Value& schema, State from, State to) {
    if (schema.find("const") || schema.find("enum") || schema.find("$ref"))
      return draw(schema, from, to);
    b_.call(from, rule_of(schema), to);
    return {};
  }

  base::Status draw(const Value& schema, State from, State to) {
    if (++schemas_ > kSchemasMax || inline_depth_ > kInlineDepthMax || path_.size() > 1000 ||
        b_.states() > kDrawnStatesMax) {
      return base::fail(base::Code::TooLarge, context_of(path_) + "the schema is too large.", {},
                        "INVALID_SCHEMA");
    }
    ++inline_depth_;
    const base::Status drawn = draw_kind(schema, from, to);
    --inline_depth_;
    return drawn;
  }

  base::Status draw_kind(const Value& schema, State from, State to) {
    if (schema == Value(false)) return {};  // fits nothing
    if (!schema.is_object()) return draw_any(from, to);
    if (const Value* reference = schema.find("$ref")) return draw_reference(*reference, from, to);
    if (const Value* value = schema.find("const")) {
      b_.empty(b_.literal(from, json::dump(*value)), to);
      return {};
    }
    if (const Value* values = schema.find("enum"); values && values->is_array())
      return draw_enum(schema, values->as_array(), from, to);
    for (const char* key : {"anyOf", "oneOf"}) {
      const Value* any = schema.find(key);
      if (any && any->is_array() && !any->as_array().empty() && !schema.find("properties"))
        return draw_alternatives(key, any->as_array(), from, to);
    }
    if (const Value* all = schema.find("allOf"); all && all->is_array())
      return draw_all(schema, all->as_array(), from, to);
    return draw_types(schema, from, to);
  }

  base::Status draw_any(State from, State to) {
    b_.call(from, rules_.value(), to);
    return {};
  }

  base::Status draw_reference(const Value& reference, State from, State to) {
    const Value* target =
        reference.is_string() ? find_reference(root_, reference.as_string()) : nullptr;
    if (!target) return draw_any(from, to);
    SchemaPath outside = std::exchange(path_, {});
    if (target != &root_)
      path_ = {"$defs", reference.as_string().substr(reference.as_string().rfind('/') + 1)};
    b_.call(from, rule_of(*target), to);
    path_ = std::move(outside);
    return {};
  }

  static bool is_of_type(const Value& value, const Value& type) {
    if (type.is_array()) {
      return std::ranges::any_of(type.as_array(),
                                 [&](const Value& one) { return is_of_type(value, one); });
    }
    if (!type.is_string()) return true;
    if (type == Value("number")) return value.is_number();
    return value.type_name() == type.as_string();
  }

  base::Status draw_enum(const Value& schema, const json::Array& values, State from, State to) {
    for (const Value& value : values) {
      if (is_of_type(value, schema["type"])) b_.empty(b_.literal(from, json::dump(value)), to);
    }
    return {};
  }

  base::Status draw_alternatives(const std::string& key, const json::Array& any, State from,
                                 State to) {
    for (size_t i = 0; i < any.size(); ++i)
      TRY_VOID(at({key, std::to_string(i)}, [&] { return draw(any[i], from, to); }));
    return {};
  }

  // Objects are put together; of anything else the first part stands for all.
  base::Status draw_all(const Value& schema, const json::Array& all, State from, State to) {
    if (!affordable(schema)) return draw_any(from, to);
    Value whole = schema;
    std::erase_if(whole.as_object(), [](const json::Member& m) { return m.first == "allOf"; });
    for (const Value& part : all) {
      const Value* resolved = &part;
      if (part["$ref"].is_string()) resolved = find_reference(root_, part["$ref"].as_string());
      if (!resolved || !resolved->is_object()) continue;
      if (!affordable(*resolved)) return draw_any(from, to);
      merge(*resolved, &whole);
    }
    if (whole.find("allOf")) return draw_any(from, to);
    merged_.push_back(std::move(whole));
    return draw(merged_.back(), from, to);
  }

  // Counts what is copied, so that a schema that refers to a large part many times stays small.
  bool affordable(const Value& part) {
    if (++copied_ > kCopiedMax) return false;
    const auto member = [&](const json::Member& m) { return affordable(m.second); };
    const auto item = [&](const Value& value) { return affordable(value); };
    if (part.is_object()) return std::ranges::all_of(part.as_object(), member);
    return !part.is_array() || std::ranges::all_of(part.as_array(), item);
  }

  static void merge(const Value& part, Value* whole) {
    for (const auto& [key, value] : part.as_object()) {
      Value* has = whole->find(key);
      if (!has) {
        whole->set(key, value);
      } else if (key == "properties" && has->is_object() && value.is_object()) {
        for (const auto& [name, property] : value.as_object())
          if (!has->find(name)) has->set(name, property);
      } else if (key == "required" && has->is_array() && value.is_array()) {
        for (const Value& name : value.as_array()) has->as_array().push_back(name);
      }
    }
  }

  base::Status draw_types(const Value& schema, State from, State to) {
    const Value* type = schema.find("type");
    if (type && type->is_array()) {
      for (const Value& one : type->as_array())
        TRY_VOID(draw_type(schema, one.is_string() ? one.as_string() : "", from, to));
      return {};
    }
    if (type && type->is_string()) return draw_type(schema, type->as_string(), from, to);
    for (const auto& [key, meaning] : {std::pair{"properties", "object"},
                                       {"required", "object"},
                                       {"items", "array"},
                                       {"pattern", "string"},
                                       {"minimum", "number"},
                                       {"maximum", "number"}}) {
      if (schema.find(key)) return draw_type(schema, meaning, from, to);
    }
    return draw_any(from, to);
  }

  base::Status draw_type(const Value& schema, std::string_view type, State from, State to) {
    if (type == "object") return draw_object(schema, from, to);
    if (type == "array") return draw_array(schema, from, to);
    if (type == "string") return draw_string(schema, from, to);
    if (type == "integer" || type == "number")
      return draw_bounded(schema, type == "integer", from, to);
    if (type == "boolean") {
      for (const char* word : {"true", "false"}) b_.empty(b_.literal(from, word), to);
      return {};
    }
    if (type == "null") {
      b_.empty(b_.literal(from, "null"), to);
      return {};
    }
    return draw_any(from, to);
  }

  // The properties in order, each that is not required left out or not. `none` and `some`: whether
  // a property stands in front, so that a comma has to come.
  base::Status draw_object(const Value& schema, State from, State to) {
    const auto properties = properties_of(schema);
    if (properties.empty()) return draw_map(schema, from, to);
    State none = b_.literal(from, "{");
    std::optional<State> some;
    for (const auto& [name, property, required] : properties) {
      const State key = b_.state();
      b_.empty(none, key);
      if (some) b_.empty(rules_.comma(*some), key);
      const State behind = b_.state();
      const State value = rules_.blank(b_.literal(key, json::dump(Value(name)) + ":"));
      TRY_VOID(at({"properties", name}, [&] { return draw_value(*property, value, behind); }));
      const State after = b_.state();
      b_.empty(behind, after);
      if (!required && some) b_.empty(*some, after);
      if (required) none = b_.state();  // which nothing reaches
      some = after;
    }
    for (const State end : {none, *some}) b_.bytes(end, bytes_of("}"), to);
    return {};
  }

  struct Property {
    std::string name;
    const Value* schema;
    bool required;
  };
  std::vector<Property> properties_of(const Value& schema) const {
    static const Value kAnything = json::Object{};
    std::vector<Property> out;
    std::unordered_map<std::string_view, bool> required;
    if (const Value* names = schema.find("required"); names && names->is_array()) {
      for (const Value& name : names->as_array())
        if (name.is_string()) required.emplace(name.as_string(), false);
    }
    if (const Value* properties = schema.find("properties");
        properties && properties->is_object()) {
      for (const auto& [name, property] : properties->as_object()) {
        const auto found = required.find(name);
        if (found != required.end()) found->second = true;
        out.push_back({name, &property, found != required.end()});
      }
    }
    for (const auto& [name, described] : required)
      if (!described) out.push_back({std::string(name), &kAnything, true});
    std::ranges::sort(out.end() - std::ranges::count(required, false, is_described), out.end(), {},
                      &Property::name);
    return out;
  }

  base::Status draw_map(const Value& schema, State from, State to) {
    const Value* more = schema.find("additionalProperties");
    const bool closed = schema.find("properties") != nullptr || strict_;
    if (more ? *more == Value(false) : closed) {
      b_.empty(b_.literal(from, "{}"), to);
      return {};
    }
    Rule value = rules_.value();
    if (more && more->is_object()) {
      TRY_VOID(at({"additionalProperties"}, [&]() -> base::Status {
        value = rule_of(*more);
        return {};
      }));
    }
    b_.empty(rules_.map(from, value), to);
    return {};
  }

  base::Result<std::optional<size_t>> count(const Value& schema, const char* key) const {
    const Value* given = schema.find(key);
    if (!given || given->is_null()) return std::nullopt;
    if (!given->is_int() || given->as_int() < 0) {
      if (!strict_) return std::nullopt;
      return invalid_schema(context_of(path_) + "'" + key + "' must be a whole number from 0.");
    }
    return static_cast<size_t>(std::min(given->as_int(), kCountMax + 1));
  }

  base::Status draw_array(const Value& schema, State from, State to) {
    TRY(std::optional<size_t> least, count(schema, "minItems"));
    TRY(std::optional<size_t> most, count(schema, "maxItems"));
    if (least > kCountMax) return refuse("'minItems' of more than 4096 cannot be kept to.");
    if (most > kCountMax) most = kCountMax;
    if (least && most && *least > *most) return refuse("'minItems' is more than 'maxItems'.");
    Rule item = rules_.value();
    if (const Value* items = schema.find("items"); items && items->is_object()) {
      TRY_VOID(at({"items"}, [&]() -> base::Status {
        item = rule_of(*items);
        return {};
      }));
    }
    b_.empty(rules_.list(from, item, least.value_or(0), most), to);
    return {};
  }

  base::Status draw_string(const Value& schema, State from, State to) {
    const Value* pattern = schema.find("pattern");
    TRY(const std::optional<size_t> least, count(schema, "minLength"));
    TRY(const std::optional<size_t> most, count(schema, "maxLength"));
    std::string_view expression;
    if (pattern && pattern->is_string()) {
      expression = pattern->as_string();
    } else if (const Value* format = schema.find("format"); format && format->is_string()) {
      expression = format_pattern(format->as_string());
      if (expression.empty() && strict_)
        return refuse("'format' value " + json::dump(*format) + " is not supported.");
    }
    if (!expression.empty()) {
      if (strict_ && (least || most || (pattern && schema.find("format"))))
        return refuse(
            "'pattern' and 'format' cannot be kept to together with each other or with a length.");
      const State inside = b_.state(), end = b_.state();
      const base::Status drawn = draw_pattern(&b_, inside, expression, Spelling::JsonString, end);
      TRY_VOID(or_wider(drawn, rules_.string(), from, to));
      if (!drawn) return {};
      b_.empty(b_.literal(from, "\""), inside);
      b_.bytes(end, bytes_of("\""), to);
      return {};
    }
    if (least.value_or(0) > 0 || most) return draw_counted(least.value_or(0), most, from, to);
    b_.call(from, rules_.string(), to);
    return {};
  }

  base::Status draw_counted(size_t least, std::optional<size_t> most, State from, State to) {
    if (least > kCountMax) return refuse("'minLength' of more than 4096 cannot be kept to.");
    if (most && least > *most) return refuse("'minLength' is more than 'maxLength'.");
    const Rule character = rules_.character();
    State here = b_.literal(from, "\"");
    for (size_t i = 0; i < least; ++i) here = b_.call(here, character);
    const State end = b_.state();
    b_.empty(here, end);
    if (!most) b_.call(end, character, end);
    for (size_t i = least; i < std::min<size_t>(most.value_or(0), kCountMax); ++i) {
      here = b_.call(here, character);
      b_.empty(here, end);
    }
    b_.bytes(end, bytes_of("\""), to);
    return {};
  }

  base::Status draw_bounded(const Value& schema, bool integer, State from, State to) {
    NumberForm form{.integer = integer};
    const auto bound = [&](const char* key, const char* open_key) -> std::optional<Bound> {
      const Value& closed = schema[key];
      const Value& open = schema[open_key];
      const bool old_form = open == Value(true) && closed.is_number();  // drafts 3 and 4
      if (old_form) return Bound{closed, true};
      if (!open.is_number())
        return closed.is_number() ? std::optional(Bound{closed}) : std::nullopt;
      if (!closed.is_number()) return Bound{open, true};
      const bool least = std::string_view(key) == "minimum";
      const bool open_wins =
          least ? open.as_double() >= closed.as_double() : open.as_double() <= closed.as_double();
      return open_wins ? Bound{open, true} : Bound{closed, false};
    };
    form.least = bound("minimum", "exclusiveMinimum");
    form.most = bound("maximum", "exclusiveMaximum");
    if (schema["multipleOf"].is_number()) form.multiple_of = schema["multipleOf"];
    if (form.plain()) {
      b_.call(from, integer ? rules_.integer() : rules_.number(), to);
      return {};
    }
    const State first = b_.state(), last = b_.state();
    const base::Status drawn = draw_number(&b_, first, form, last);
    TRY_VOID(or_wider(drawn, integer ? rules_.integer() : rules_.number(), from, to));
    if (!drawn) return {};
    b_.empty(from, first);
    b_.empty(last, to);
    return {};
  }

  static bool is_described(const std::pair<const std::string_view, bool>& entry) {
    return entry.second;
  }

  GrammarBuilder& b_;
  JsonRules rules_;
  const Value& root_;
  const bool strict_;
  SchemaPath path_;
  std::map<const Value*, Rule> rule_ids_;
  struct Waiting {
    Rule rule;
    const Value* schema;
    SchemaPath path;
  };
  std::deque<Waiting> to_draw_;
  std::deque<Value> merged_;  // schemas put together; rule_ids_ points into them
  int schemas_ = 0, inline_depth_ = 0, copied_ = 0;
};

GrammarCache& compiled() {
  static GrammarCache all;
  return all;
}

base::Result<std::shared_ptr<const Grammar>> compile(const Value& schema, bool strict) {
  GrammarBuilder builder;
  TRY(const Rule rule, add_json_schema(&builder, schema, strict));
  auto grammar = builder.build(rule, kJsonOpenCallsMax);
  if (!grammar) return std::unexpected(schema_build_error(grammar.error()));
  return grammar;
}

}  // namespace

base::Error schema_build_error(const base::Error& error) {
  if (error.reason == "UNPRODUCTIVE") {
    return invalid_schema(error.where +
                          "no value can fit the schema: its bounds exclude each other, or it "
                          "contains itself without end.")
        .error();
  }
  return invalid_schema("The schema is too large: its grammar would have more than 150000 states.")
      .error();
}

base::Result<Rule> add_json_schema(GrammarBuilder* builder, const Value& schema, bool strict) {
  if (strict) TRY_VOID(check_strict_schema(schema));
  return SchemaDrawer(builder, schema, strict).draw_root();
}

base::Result<std::shared_ptr<const Grammar>> compile_json_schema(const Value& schema, bool strict) {
  const std::string key = (strict ? "s" : "w") + json::dump(schema);
  if (auto known = compiled().find(key)) return known;
  auto grammar = compile(schema, strict);
  if (!grammar && !strict) grammar = json_object_grammar();
  if (grammar) compiled().keep(key, *grammar);
  return grammar;
}

std::shared_ptr<const Grammar> json_object_grammar() {
  static const std::shared_ptr<const Grammar> grammar = [] {
    GrammarBuilder builder;
    const Rule object = JsonRules(&builder).object();
    auto built = builder.build(object, 16);
    CHECK(built);
    return *built;
  }();
  return grammar;
}

}  // namespace text
