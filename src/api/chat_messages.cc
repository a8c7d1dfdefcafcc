#include "api/chat_messages.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

constexpr std::string_view kRoles[] = {"system",   "assistant", "user",
                                       "function", "tool",      "developer"};
constexpr std::string_view kPartTypes[] = {"text",    "image_url", "input_audio",
                                           "refusal", "audio",     "file"};
constexpr std::string_view kDetails[] = {"auto", "low", "high"};
constexpr std::string_view kFunctionType[] = {"function", "custom"};

constexpr Field kImageUrlFields[] = {
    {.name = "url", .kinds = kString, .required = true},
    {.name = "detail", .kinds = kString, .values = kDetails},
};
constexpr Schema kImageUrl{"ChatImageUrl", kImageUrlFields, true};
constexpr Field kPartFields[] = {
    {.name = "type", .kinds = kString, .required = true, .values = kPartTypes},
    {.name = "text", .kinds = kString},
    {.name = "refusal", .kinds = kString},
    {.name = "image_url", .kinds = kObject, .schema = &kImageUrl},
    {.name = "input_audio", .kinds = kObject},
    {.name = "audio", .kinds = kObject},
    {.name = "file", .kinds = kObject},
};
constexpr Schema kPart{"ChatContentPart", kPartFields, true};

constexpr Field kCallFunctionFields[] = {
    {.name = "name", .kinds = kString, .required = true},
    {.name = "arguments", .kinds = kString, .required = true},
};
constexpr Schema kCallFunction{"ChatToolCallFunction", kCallFunctionFields, true};
constexpr Field kToolCallFields[] = {
    {.name = "id", .kinds = kString, .required = true},
    {.name = "type", .kinds = kString, .required = true, .values = kFunctionType},
    {.name = "function", .kinds = kObject, .schema = &kCallFunction},
};
constexpr Schema kToolCall{"ChatToolCall", kToolCallFields, true};

constexpr Field kMessageFields[] = {
    {.name = "role", .kinds = kString, .required = true, .values = kRoles},
    {.name = "content", .kinds = kString | kArray, .schema = &kPart, .elements = kObject},
    {.name = "name", .kinds = kString},
    {.name = "refusal", .kinds = kString},
    {.name = "tool_calls", .kinds = kArray, .max = 128, .schema = &kToolCall, .elements = kObject},
    {.name = "tool_call_id", .kinds = kString},
    {.name = "function_call", .kinds = kObject, .schema = &kCallFunction},
    {.name = "audio", .kinds = kObject},
};

std::string at(size_t index) { return "messages[" + std::to_string(index) + "]"; }
// OpenAI's checks of the conversation, older than those of fields, spell a place like this.
std::string dotted(size_t index, std::string_view member) {
  return "messages.[" + std::to_string(index) + "]." + std::string(member);
}

class Reader {
 public:
  explicit Reader(const json::Array& messages) : messages_(messages) {}
  base::Result<ChatMessages> read();

 private:
  base::Status read_message(size_t index);
  base::Result<json::Value> read_content(size_t index);
  base::Result<std::string> read_part(const json::Value& part, const std::string& path);
  base::Result<json::Value> read_calls(size_t index);
  base::Status take_answer(size_t index, std::string_view role, json::Value* out);
  base::Status check_answered(std::optional<size_t> next);

  const json::Array& messages_;
  ChatMessages out_;
  std::vector<std::string> open_calls_;  // of the last assistant message, not yet answered
  std::vector<std::string> calls_;       // all of that message
  size_t asked_at_ = 0;                  // its index
};

base::Result<std::string> Reader::read_part(const json::Value& part, const std::string& path) {
  const std::string& type = part["type"].as_string();
  if (type == "text" || type == "refusal") {
    const json::Value* text = find_parameter(part, type);
    if (text == nullptr) return missing(path + "." + type);
    return text->as_string();
  }
  if (find_parameter(part, type) == nullptr) return missing(path + "." + type);
  return std::string();
}

base::Result<json::Value> Reader::read_content(size_t index) {
  const json::Value& content = messages_[index]["content"];
  if (content.is_string()) return content;
  std::string text;
  bool only_text = true;
  const json::Array& parts = content.as_array();
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string path = at(index) + ".content[" + std::to_string(i) + "]";
    TRY(const std::string piece, read_part(parts[i], path));
    text += piece;
    const std::string& type = parts[i]["type"].as_string();
    if (type == "text" || type == "refusal") continue;
    only_text = false;
    if (out_.local_refusal) continue;
    out_.local_refusal = base::Error{
        base::Code::InvalidArgument,
        "Invalid content type. " + type + " is only supported by certain models.",
        {},
        "messages.[" + std::to_string(index) + "].content.[" + std::to_string(i) + "].type",
        {}};
  }
  if (only_text) return json::Value(std::move(text));
  return content;
}

// tool_calls, or function_call as the one of them.
base::Result<json::Value> Reader::read_calls(size_t index) {
  const json::Value& message = messages_[index];
  json::Array calls;
  if (const json::Value* old = find_parameter(message, "function_call")) {
    calls.push_back(json::Object{{"id", "call_of_message_" + std::to_string(index)},
                                 {"type", "function"},
                                 {"function", *old}});
  }
  const json::Value* list = find_parameter(message, "tool_calls");
  if (list == nullptr) return json::Value(std::move(calls));
  for (size_t i = 0; i < list->as_array().size(); ++i) {
    const json::Value& call = list->as_array()[i];
    const std::string path = at(index) + ".tool_calls[" + std::to_string(i) + "]";
    if (call["type"].as_string() != "function") {
      return refuse_parameter(
          "unsupported_value", path + ".type",
          "Unsupported value: '" + path + ".type' does not support 'custom' with this model.");
    }
    const json::Value* function = find_parameter(call, "function");
    if (function == nullptr) return missing(path + ".function");
    calls.push_back(json::Object{
        {"id", call["id"]},
        {"type", "function"},
        {"function",
         json::Object{{"name", (*function)["name"]}, {"arguments", (*function)["arguments"]}}}});
  }
  return json::Value(std::move(calls));
}

// A message of a tool: which call it answers.
base::Status Reader::take_answer(size_t index, std::string_view role, json::Value* out) {
  const json::Value& message = messages_[index];
  if (calls_.empty()) {
    return refuse_parameter("", dotted(index, "role"),
                            "Invalid parameter: messages with role '" + std::string(role) +
                                "' must be a response to a preceeding message with '" +
                                (role == "tool" ? "tool_calls" : "function_call") + "'.");
  }
  std::string id = calls_.front();
  if (role == "tool") {
    const json::Value* given = find_parameter(message, "tool_call_id");
    if (given == nullptr) return missing(at(index) + ".tool_call_id");
    id = given->as_string();
    if (std::ranges::find(calls_, id) == calls_.end()) {
      return refuse_parameter("", dotted(index, "tool_call_id"),
                              "Invalid parameter: 'tool_call_id' of '" + id.substr(0, 80) +
                                  "' not found in 'tool_calls' of previous message.");
    }
  } else if (find_parameter(message, "name") == nullptr) {
    return missing(at(index) + ".name");
  }
  std::erase(open_calls_, id);
  out->set("tool_call_id", std::move(id));
  return {};
}

// Before anything but a tool's message: every call of the last assistant message has its answer.
base::Status Reader::check_answered(std::optional<size_t> next) {
  if (open_calls_.empty()) {
    calls_.clear();
    return {};
  }
  std::string ids;
  for (const std::string& id : open_calls_) ids += (ids.empty() ? "" : ", ") + id.substr(0, 80);
  return refuse_parameter("", dotted(next.value_or(asked_at_), "role"),
                          "An assistant message with 'tool_calls' must be followed by tool "
                          "messages responding to each 'tool_call_id'. The following tool_call_ids "
                          "did not have response messages: " +
                              ids);
}

base::Status Reader::read_message(size_t index) {
  const json::Value& message = messages_[index];
  const std::string& role = message["role"].as_string();
  const bool answers = role == "tool" || role == "function";
  json::Value out = json::Object{{"role", role == "developer" ? "system"
                                          : answers           ? "tool"
                                                              : std::string_view(role)}};
  if (!answers) TRY_VOID(check_answered(index));
  if (answers) TRY_VOID(take_answer(index, role, &out));

  TRY(json::Value calls, role == "assistant" ? read_calls(index) : json::Value(json::Array{}));
  const json::Value* content = message.find("content");
  const bool empty = content == nullptr || content->is_null();
  const bool may_be_empty = role == "assistant" && (!calls.as_array().empty() ||
                                                    find_parameter(message, "refusal") != nullptr);
  if (empty && !may_be_empty) {
    if (content == nullptr) return missing(at(index) + ".content");
    return refuse_parameter("", dotted(index, "content"),
                            "Invalid value for 'content': expected a string, got null.");
  }
  json::Value text;
  if (!empty) {
    TRY(text, read_content(index));
  } else if (const json::Value* refusal = find_parameter(message, "refusal")) {
    text = *refusal;
  }
  out.set("content", std::move(text));
  if (const json::Value* name = find_parameter(message, "name")) out.set("name", *name);
  if (!calls.as_array().empty()) {
    for (const json::Value& call : calls.as_array()) calls_.push_back(call["id"].as_string());
    open_calls_ = calls_;
    asked_at_ = index;
    out.set("tool_calls", std::move(calls));
  }
  out_.list.as_array().push_back(std::move(out));
  return {};
}

base::Result<ChatMessages> Reader::read() {
  out_.list = json::Array{};
  for (size_t i = 0; i < messages_.size(); ++i) TRY_VOID(read_message(i));
  TRY_VOID(check_answered({}));
  return std::move(out_);
}

bool contains_word_json(std::string_view text) {
  constexpr std::string_view kWord = "json";
  return std::ranges::search(text, kWord, {}, [](char c) {
           return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c;
         }).begin() != text.end();
}

bool contains_word_json(const json::Value& content) {
  if (content.is_string()) return contains_word_json(std::string_view(content.as_string()));
  if (!content.is_array()) return false;
  return std::ranges::any_of(
      content.as_array(), [](const json::Value& part) { return contains_word_json(part["text"]); });
}

}  // namespace

const Schema kChatMessageSchema{"ChatMessage", kMessageFields, true};

base::Result<ChatMessages> read_chat_messages(const json::Value& messages) {
  return Reader(messages.as_array()).read();
}

base::Status require_word_json(const json::Value& messages, std::string_view parameter,
                               std::string_view format_parameter) {
  for (const json::Value& message : messages.as_array()) {
    if (contains_word_json(message["content"])) return {};
  }
  return refuse_parameter("", std::string(parameter),
                          "'" + std::string(parameter) +
                              "' must contain the word 'json' in some form, to use '" +
                              std::string(format_parameter) + "' of type 'json_object'.");
}

}  // namespace api
