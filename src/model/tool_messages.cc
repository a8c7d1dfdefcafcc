#include "model/tool_messages.h"

#include <algorithm>

#include "base/check.h"

namespace model {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr size_t kMistralIdSize = 9;  // its templates refuse ids of any other length

// Whether the word stands on its own in the source.
bool mentions(std::string_view source, std::string_view word) {
  const auto is_part = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  for (size_t at = source.find(word); at != source.npos; at = source.find(word, at + 1)) {
    const bool begins = at == 0 || !is_part(source[at - 1]);
    const size_t end = at + word.size();
    if (begins && (end == source.size() || !is_part(source[end]))) return true;
  }
  return false;
}

base::Result<std::string> plain_content(const Value& content) {
  if (content.is_null()) return "";
  if (content.is_string()) return content.as_string();
  std::string out;
  if (content.is_array()) {
    for (const Value& part : content.as_array()) {
      const Value& text = part["type"] == Value("refusal") ? part["refusal"] : part["text"];
      if (!text.is_string()) {
        const Value& type = part["type"];
        return base::fail(base::Code::InvalidArgument,
                          "This model reads only text, and a message has a part of type '" +
                              (type.is_string() ? type.as_string() : "unknown") + "'.",
                          "messages", "invalid_value");
      }
      out += text.as_string();
    }
  }
  return out;
}

// The last characters of an id that are letters or digits, as many as Mistral's templates want.
std::string short_id(const std::string& id) {
  std::string out;
  for (const char c : id)
    if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z')) out += c;
  if (out.size() < kMistralIdSize) out.insert(0, kMistralIdSize - out.size(), '0');
  return out.substr(out.size() - kMistralIdSize);
}

void shorten_id(Value* object, const char* key) {
  if (Value* id = object->find(key); id && id->is_string()) *id = short_id(id->as_string());
}

// Arguments travel as JSON text; templates want them as an object.
void open_arguments(Value* call) {
  Value* function = call->find("function");
  Value* arguments = function ? function->find("arguments") : nullptr;
  if (!arguments || !arguments->is_string()) return;
  if (arguments->as_string().empty()) {
    *arguments = Object{};
  } else if (auto parsed = json::parse(arguments->as_string())) {
    *arguments = *std::move(parsed);
  }
}

std::string call_text(const Value& call, ToolFormat::Kind kind) {
  const Value& function = call["function"];
  const Value& arguments = function["arguments"];
  const CallEnvelope& envelope = call_envelope(kind);
  const std::string name = function["name"].is_string() ? function["name"].as_string() : "";
  return std::string(envelope.trigger) + std::string(envelope.name) + name +
         std::string(envelope.arguments) + " " +
         (arguments.is_string() ? arguments.as_string() : json::dump(arguments)) +
         std::string(envelope.end);
}

Value calls_as_text(const Value& message, ToolFormat::Kind kind) {
  std::string content = message["content"].as_string();
  for (const Value& call : message["tool_calls"].as_array()) {
    if (!content.empty()) content += '\n';
    content += call_text(call, kind);
  }
  return Object{{"role", "assistant"}, {"content", std::move(content)}};
}

}  // namespace

const CallEnvelope& call_envelope(ToolFormat::Kind kind) {
  static constexpr CallEnvelope kHermes{"<tool_call>", "\n{\"name\": \"",
                                        "\", \"arguments\":", "}\n</tool_call>"};
  static constexpr CallEnvelope kLlama{"{\"name\":", " \"", "\", \"parameters\":", "}"};
  static constexpr CallEnvelope kMistral{"[TOOL_CALLS]", "[{\"name\": \"",
                                         "\", \"arguments\":", "}]"};
  switch (kind) {
    case ToolFormat::Kind::Hermes:
      return kHermes;
    case ToolFormat::Kind::LlamaJson:
      return kLlama;
    case ToolFormat::Kind::MistralCalls:
      return kMistral;
  }
  CHECK(false);
  return kHermes;
}

TemplateTools template_tools(std::string_view source) {
  const bool results =
      source.find("'tool'") != source.npos || source.find("\"tool\"") != source.npos;
  return {.shows_tools = mentions(source, "tools"),
          .shows_calls = mentions(source, "tool_calls"),
          .shows_results = results};
}

ToolFormat::Kind tool_kind(std::string_view source) {
  const auto has = [&](std::string_view text) { return source.find(text) != source.npos; };
  if (has("[TOOL_CALLS]")) return ToolFormat::Kind::MistralCalls;
  if (has("<tool_call>")) return ToolFormat::Kind::Hermes;
  const bool llama = has("\"parameters\":") || has("python_tag");
  return llama ? ToolFormat::Kind::LlamaJson : ToolFormat::Kind::Hermes;
}

base::Result<Array> plain_messages(const Value& messages, ToolFormat::Kind kind) {
  Array out;
  for (const Value& message : messages.as_array()) {
    Value plain = message;
    TRY(std::string content, plain_content(message["content"]));
    plain.set("content", std::move(content));
    std::erase_if(plain.as_object(), [](const json::Member& member) {
      const bool empty =
          member.second.is_null() || (member.second.is_array() && member.second.as_array().empty());
      return empty && (member.first == "tool_calls" || member.first == "tool_call_id" ||
                       member.first == "name" || member.first == "refusal");
    });
    if (Value* calls = plain.find("tool_calls"); calls && calls->is_array()) {
      for (Value& call : calls->as_array()) {
        open_arguments(&call);
        if (kind == ToolFormat::Kind::MistralCalls) shorten_id(&call, "id");
      }
    }
    if (kind == ToolFormat::Kind::MistralCalls) shorten_id(&plain, "tool_call_id");
    out.push_back(std::move(plain));
  }
  return out;
}

Array textual_messages(const Array& messages, const TemplateTools& knows, ToolFormat::Kind kind) {
  Array out;
  bool in_results = false;
  for (const Value& message : messages) {
    const bool result = message["role"] == Value("tool") || message["role"] == Value("function");
    if (result && !knows.shows_results) {
      const std::string text =
          "<tool_response>\n" + message["content"].as_string() + "\n</tool_response>";
      if (in_results) {
        Value& before = out.back();
        before.set("content", before["content"].as_string() + "\n" + text);
      } else {
        out.push_back(Object{{"role", "user"}, {"content", text}});
      }
    } else if (message["tool_calls"].is_array() && !knows.shows_calls) {
      out.push_back(calls_as_text(message, kind));
    } else {
      out.push_back(message);
    }
    in_results = result;
  }
  return out;
}

Value tools_for_template(const std::vector<Tool>& tools) {
  Array out;
  for (const Tool& tool : tools) {
    Value parameters = tool.parameters;
    if (parameters.is_null()) parameters = Object{{"type", "object"}, {"properties", Object{}}};
    Object function{{"name", tool.name}};
    if (!tool.description.empty()) function.emplace_back("description", tool.description);
    function.emplace_back("parameters", std::move(parameters));
    out.push_back(Object{{"type", "function"}, {"function", std::move(function)}});
  }
  return out;
}

void describe_tools(const std::vector<Tool>& tools, ToolFormat::Kind kind, Array* messages) {
  std::string text = "You can call functions. Each line here describes one of them:\n<tools>\n";
  const Value described = tools_for_template(tools);
  for (const Value& tool : described.as_array()) text += json::dump(tool["function"]) + "\n";
  const Value example =
      Object{{"function", Object{{"name", "NAME"}, {"arguments", Object{{"PARAMETER", "VALUE"}}}}}};
  text += "</tools>\nTo call one, answer in exactly this form:\n" + call_text(example, kind);
  if (!messages->empty() && messages->front()["role"] == Value("system")) {
    Value& system = messages->front();
    system.set("content", system["content"].as_string() + "\n\n" + text);
  } else {
    messages->insert(messages->begin(),
                     Value(Object{{"role", "system"}, {"content", std::move(text)}}));
  }
}

void fold_system_message(Array* messages) {
  if (messages->empty() || messages->front()["role"] != Value("system")) return;
  const std::string text = messages->front()["content"].as_string();
  messages->erase(messages->begin());
  const auto user = std::ranges::find_if(
      *messages, [](const Value& message) { return message["role"] == Value("user"); });
  if (user == messages->end()) {
    messages->insert(messages->begin(), Value(Object{{"role", "user"}, {"content", text}}));
  } else {
    user->set("content", text + "\n\n" + (*user)["content"].as_string());
  }
}

}  // namespace model
