// Messages with calls of tools, made fit for a model's chat template: the way it expects them, or
// as text where it knows nothing of tools.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "json/json.h"
#include "model/tool_format.h"

namespace model {

// What a template says about tools in its own words.
struct TemplateTools {
  bool shows_tools = false;    // reads `tools`
  bool shows_calls = false;    // reads `tool_calls` of a message
  bool shows_results = false;  // knows a role for what a tool answered
};
TemplateTools template_tools(std::string_view source);
ToolFormat::Kind tool_kind(std::string_view source);

// Contents as text (parts joined, null as nothing), arguments as objects. InvalidArgument for a
// part that is no text.
base::Result<json::Array> plain_messages(const json::Value& messages, ToolFormat::Kind kind);

// Calls and what tools answered as text of assistant and user, where the template shows neither.
json::Array textual_messages(const json::Array& messages, const TemplateTools& knows,
                             ToolFormat::Kind kind);

// The system message says what can be called and how; one is put in front when there is none.
void describe_tools(const std::vector<Tool>& tools, ToolFormat::Kind kind, json::Array* messages);

// For templates that refuse a system message: its text stands in front of the first user's.
void fold_system_message(json::Array* messages);

json::Value tools_for_template(const std::vector<Tool>& tools);

// The envelope of one call: what stands before the name, between name and arguments, and behind.
struct CallEnvelope {
  std::string_view trigger;    // where a call begins: nothing else in an answer looks like it
  std::string_view name;       // in front of the name
  std::string_view arguments;  // between name and arguments; a blank may follow
  std::string_view end;
};
const CallEnvelope& call_envelope(ToolFormat::Kind kind);

ToolCallParser make_tool_call_parser(ToolFormat::Kind kind, const AnswerForm& form);

}  // namespace model
