#include "model/tool_format.h"

#include <algorithm>

#include "base/check.h"
#include "model/prompt.h"
#include "model/tool_messages.h"
#include "text/json_grammar.h"
#include "text/json_schema_grammar.h"

namespace model {
namespace {

using text::ByteSet;
using Builder = text::GrammarBuilder;

constexpr int32_t kOpenCallsMax = text::kJsonOpenCallsMax + 4;  // the envelope's own

std::string_view template_source(const Model& model) {
  return model.chat_template() ? model.chat_template()->source() : text::default_chat_template();
}

std::unexpected<base::Error> in_schema(const base::Error& error, const std::string& what,
                                       std::string where, std::string reason) {
  return base::fail(base::Code::InvalidArgument,
                    "Invalid schema for " + what + ": " + error.message, std::move(where),
                    std::move(reason));
}

bool uses_tools(const AnswerForm& form) {
  return form.choice != ToolChoice::None && !form.tools.empty();
}

// Draws the language of an answer. Where calls are possible the envelope is that of the format, and
// blanks within it are free where models write them or not.
class AnswerDrawer {
 public:
  AnswerDrawer(ToolFormat::Kind kind, const AnswerForm& form, bool exact)
      : kind_(kind), form_(form), exact_(exact), json_(&b_) {}

  base::Result<std::shared_ptr<const text::Grammar>> draw() {
    const Builder::Rule root = b_.rule();
    if (form_.choice == ToolChoice::Named && uses_tools(form_)) {
      const auto named = std::ranges::find(form_.tools, form_.tool_name, &Tool::name);
      CHECK(named != form_.tools.end());  // checked with the request
      TRY(const Builder::Rule arguments, arguments_of(*named));
      b_.call(json_.blank(b_.first(root)), arguments, b_.last(root));
    } else if (uses_tools(form_)) {
      TRY_VOID(draw_calls(b_.first(root), b_.last(root)));
    } else {
      TRY_VOID(draw_content(b_.first(root), b_.last(root)));
    }
    return b_.build(root, kOpenCallsMax);
  }

 private:
  base::Result<Builder::Rule> schema_rule(const json::Value& schema, bool strict) {
    return text::add_json_schema(&b_, schema, strict);
  }

  base::Result<Builder::Rule> arguments_of(const Tool& tool) {
    if (tool.parameters.is_null()) return tool.strict ? nothing() : json_.object();
    const bool object = tool.parameters["type"] == json::Value("object") ||
                        tool.parameters.find("properties") || tool.parameters.find("$ref");
    if (!tool.strict && (!exact_ || !object)) return json_.object();
    return schema_rule(tool.parameters, tool.strict);
  }

  Builder::Rule nothing() {
    const Builder::Rule rule = b_.rule();
    b_.empty(b_.literal(b_.first(rule), "{}"), b_.last(rule));
    return rule;
  }

  base::Status draw_content(Builder::State from, Builder::State to) {
    Builder::Rule rule = json_.object();
    if (form_.format.kind == OutputFormat::Kind::JsonSchema && (exact_ || form_.format.strict)) {
      TRY(rule, schema_rule(form_.format.schema, form_.format.strict));
    }
    b_.call(from, rule, to);
    return {};
  }

  base::Status draw_calls(Builder::State from, Builder::State to) {
    const Builder::State triggered = b_.state();
    const std::string_view trigger = call_envelope(kind_).trigger;
    if (form_.choice == ToolChoice::Required) {
      b_.empty(b_.literal(from, trigger), triggered);
    } else if (form_.format.kind != OutputFormat::Kind::Text) {
      TRY_VOID(draw_content(from, to));
      b_.empty(b_.literal(from, trigger), triggered);
    } else if (kind_ == ToolFormat::Kind::LlamaJson) {
      draw_text_unless_begun(from, trigger, triggered, to);
    } else {
      draw_text_until(from, trigger, triggered, to);
    }
    return draw_envelope(triggered, to);
  }

  // Any bytes up to the trigger (Knuth, Morris and Pratt's automaton), with an end wherever the
  // model likes.
  void draw_text_until(Builder::State from, std::string_view trigger, Builder::State triggered,
                       Builder::State to) {
    std::vector<Builder::State> matched = {from};  // by how much of the trigger has been read
    while (matched.size() < trigger.size()) matched.push_back(b_.state());
    for (size_t read = 0; read < trigger.size(); ++read) {
      b_.free(matched[read]);
      b_.empty(matched[read], to);
      std::vector<ByteSet> sets(trigger.size() + 1);
      for (size_t byte = 0; byte < 256; ++byte) {
        std::string text(trigger.substr(0, read));
        text.push_back(static_cast<char>(byte));
        size_t match = text.size();
        while (!text.ends_with(trigger.substr(0, match))) --match;
        sets[match].set(byte);
      }
      for (size_t match = 0; match < sets.size(); ++match) {
        if (sets[match].none()) continue;
        b_.bytes(matched[read], sets[match], match == trigger.size() ? triggered : matched[match]);
      }
    }
  }

  // Any bytes that do not begin with the trigger.
  void draw_text_unless_begun(Builder::State from, std::string_view trigger,
                              Builder::State triggered, Builder::State to) {
    const Builder::State text = b_.state();
    b_.free(text);
    b_.bytes(text, ~ByteSet(), text);
    b_.empty(text, to);
    for (const char byte : trigger) {
      b_.free(from);
      b_.empty(from, to);
      b_.bytes(from, ~text::bytes_of({&byte, 1}), text);
      from = b_.literal(from, {&byte, 1});
    }
    b_.empty(from, triggered);
  }

  Builder::State line(Builder::State from) {
    const Builder::State to = b_.bytes(from, text::bytes_of("\n"));
    b_.empty(from, to);
    return to;
  }

  // Behind the trigger: one call, or several where that is allowed.
  base::Status draw_envelope(Builder::State from, Builder::State to) {
    const Builder::Rule call = b_.rule("the arguments of a call: ");
    TRY_VOID(draw_call(call));
    const bool more = form_.parallel_tool_calls;
    if (kind_ == ToolFormat::Kind::LlamaJson) {
      b_.call(from, call, to);
    } else if (kind_ == ToolFormat::Kind::MistralCalls) {
      const Builder::State open = b_.literal(json_.blank(from), "[");
      const Builder::State one = b_.call(b_.literal(open, "{\"name\":"), call);
      if (more) b_.empty(json_.comma(one), open);
      b_.empty(b_.literal(one, "]"), to);
    } else {
      const Builder::State one = b_.call(b_.literal(line(from), "{\"name\":"), call);
      const Builder::State end = b_.literal(line(one), "</tool_call>");
      b_.empty(end, to);
      if (more) b_.empty(b_.literal(line(end), "<tool_call>"), from);
    }
    return {};
  }

  // From behind "name": to the closing brace of the call.
  base::Status draw_call(Builder::Rule call) {
    const char* const key =
        kind_ == ToolFormat::Kind::LlamaJson ? "\"parameters\":" : "\"arguments\":";
    const Builder::State begin = json_.blank(b_.first(call));
    for (const Tool& tool : form_.tools) {
      TRY(const Builder::Rule arguments, arguments_of(tool));
      const Builder::State name = b_.literal(begin, "\"" + tool.name + "\"");
      const Builder::State value = json_.blank(b_.literal(json_.comma(name), key));
      b_.empty(b_.literal(b_.call(value, arguments), "}"), b_.last(call));
    }
    return {};
  }

  const ToolFormat::Kind kind_;
  const AnswerForm& form_;
  const bool exact_;  // schemas that are hints are kept to as well
  Builder b_;
  text::JsonRules json_;
};

// What a grammar depends on.
std::string key_of(const AnswerForm& form) {
  json::Array tools;
  for (const Tool& tool : form.tools)
    tools.push_back(json::Array{tool.name, tool.parameters, tool.strict});
  const auto format = static_cast<int>(form.format.kind);
  return json::dump(json::Array{std::move(tools), static_cast<int>(form.choice), form.tool_name,
                                form.parallel_tool_calls, format, form.format.schema,
                                form.format.strict});
}

base::Status check_schemas(const AnswerForm& form) {
  for (size_t i = 0; uses_tools(form) && i < form.tools.size(); ++i) {
    const Tool& tool = form.tools[i];
    if (!tool.strict || tool.parameters.is_null()) continue;
    const auto compiled = text::compile_json_schema(tool.parameters, true);
    if (!compiled) {
      return in_schema(compiled.error(), "function '" + tool.name + "'",
                       "tools[" + std::to_string(i) + "].function.parameters",
                       "invalid_function_parameters");
    }
  }
  if (form.format.kind == OutputFormat::Kind::JsonSchema && form.format.strict) {
    const auto compiled = text::compile_json_schema(form.format.schema, true);
    if (!compiled) {
      return in_schema(compiled.error(), "response_format '" + form.format.name + "'",
                       "response_format", "invalid_json_schema");
    }
  }
  return {};
}

}  // namespace

ToolFormat::ToolFormat(std::shared_ptr<const Model> model)
    : model_(std::move(model)), grammars_(std::make_unique<text::GrammarCache>()) {
  kind_ = tool_kind(template_source(*model_));
  const int32_t trigger = model_->tokenizer().find(call_envelope(kind_).trigger);
  const int32_t close = model_->tokenizer().find("</tool_call>");
  for (const int32_t token : {trigger, close})
    if (model_->tokenizer().is_control(token)) spelled_tokens_.push_back(token);
}

ToolFormat::~ToolFormat() = default;

base::Result<std::string> ToolFormat::render(const json::Value& messages,
                                             const AnswerForm& form) const {
  TRY(const json::Array plain, plain_messages(messages, kind_));
  TemplateTools knows = template_tools(template_source(*model_));
  base::Result<std::string> rendered = render_as(plain, form, knows);
  // A template may still refuse what it seemed to know, and a system message that was not there.
  if (!rendered && knows.shows_calls) rendered = render_as(plain, form, {});
  if (!rendered) return rendered;
  if (!uses_tools(form) || form.choice != ToolChoice::Named) return rendered;
  const CallEnvelope& envelope = call_envelope(kind_);
  return *rendered + std::string(envelope.trigger) + std::string(envelope.name) + form.tool_name +
         std::string(envelope.arguments);
}

base::Result<std::string> ToolFormat::render_as(const json::Array& plain, const AnswerForm& form,
                                                const TemplateTools& knows) const {
  json::Array messages = textual_messages(plain, knows, kind_);
  if (!uses_tools(form)) return render_chat(*model_, messages);
  if (knows.shows_tools) return render_chat(*model_, messages, tools_for_template(form.tools));
  describe_tools(form.tools, kind_, &messages);
  auto rendered = render_chat(*model_, messages);
  if (rendered) return rendered;
  fold_system_message(&messages);
  return render_chat(*model_, messages);
}

base::Result<std::shared_ptr<const text::Grammar>> ToolFormat::grammar(
    const AnswerForm& form) const {
  if (!uses_tools(form)) {
    TRY_VOID(check_schemas(form));
    if (form.format.kind == OutputFormat::Kind::Text) return nullptr;
    if (form.format.kind == OutputFormat::Kind::JsonObject) return text::json_object_grammar();
    return text::compile_json_schema(form.format.schema, form.format.strict);
  }
  std::string key = key_of(form);
  if (auto known = grammars_->find(key)) return known;
  TRY_VOID(check_schemas(form));
  auto drawn = AnswerDrawer(kind_, form, true).draw();
  if (!drawn) drawn = AnswerDrawer(kind_, form, false).draw();  // hints that go too far are let go
  if (!drawn) {
    return base::fail(base::Code::InvalidArgument,
                      "The schemas of the tools are too large together: " + drawn.error().message,
                      "tools", "invalid_function_parameters");
  }
  grammars_->keep(std::move(key), *drawn);
  return *drawn;
}

}  // namespace model
