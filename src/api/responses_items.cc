#include "api/responses_items.h"

#include <algorithm>
#include <array>
#include <set>
#include <utility>

#include "api/errors.h"
#include "api/parameter.h"
#include "crypto/random.h"

namespace api {
namespace {

using base::Result;
using base::Status;

std::string at(const std::string& path, size_t index) {
  return path + "[" + std::to_string(index) + "]";
}

std::string quoted(std::span<const std::string_view> values) {
  std::string out;
  for (size_t i = 0; i < values.size(); ++i) {
    if (i > 0) out += i + 1 == values.size() ? ", and " : ", ";
    out += "'" + std::string(values[i]) + "'";
  }
  return out;
}

std::unexpected<base::Error> bad_value(const std::string& path, const std::string& got,
                                       std::span<const std::string_view> values) {
  return refuse_parameter(
      "invalid_value", path,
      "Invalid value: '" + got.substr(0, 80) + "'. Supported values are: " + quoted(values) + ".");
}

Result<std::string> required_string(const json::Value& object, std::string_view name,
                                    const std::string& path) {
  const std::string member = path + "." + std::string(name);
  const json::Value* value = find_parameter(object, name);
  if (value == nullptr) return missing(member);
  if (!value->is_string()) return wrong_type(member, "a string", *value);
  return value->as_string();
}

Status check_optional(const json::Value& object, std::string_view name, const std::string& path,
                      bool (json::Value::*is_kind)() const, std::string_view expected) {
  const json::Value* value = find_parameter(object, name);
  if (value != nullptr && !(value->*is_kind)())
    return wrong_type(path + "." + std::string(name), expected, *value);
  return {};
}

json::Value text_part(std::string_view type, std::string text) {
  json::Value part = json::Object{{"type", type}, {"text", std::move(text)}};
  if (type != "output_text") return part;
  part.set("annotations", json::Array{});
  part.set("logprobs", json::Array{});
  return part;
}

constexpr std::string_view kUserParts[] = {"input_text", "input_image", "input_file"};
constexpr std::string_view kAssistantParts[] = {"output_text", "refusal"};
constexpr std::string_view kRoles[] = {"assistant", "system", "developer", "user"};
constexpr std::string_view kTypes[] = {"message",   "function_call",  "function_call_output",
                                       "reasoning", "item_reference", "file_search_call"};

bool among(std::span<const std::string_view> list, std::string_view value) {
  return std::ranges::find(list, value) != list.end();
}

// One of several members must say where an image or a file is.
Status check_source(const json::Value& part, const std::string& path,
                    std::initializer_list<std::string_view> sources) {
  bool found = false;
  for (const std::string_view source : sources) {
    TRY_VOID(check_optional(part, source, path, &json::Value::is_string, "a string"));
    found |= find_parameter(part, source) != nullptr;
  }
  if (!found) return missing(path + "." + std::string(*sources.begin()));
  return {};
}

// A tool's output may be made of the parts that a user's message may be made of.
Result<json::Value> check_part(const json::Value& part, bool assistant, const std::string& path) {
  if (!part.is_object()) return wrong_type(path, "an object", part);
  TRY(const std::string type, required_string(part, "type", path));
  const std::span<const std::string_view> known =
      assistant ? std::span<const std::string_view>(kAssistantParts) : kUserParts;
  if (!among(known, type)) return bad_value(path + ".type", type, known);
  json::Value out = part;
  if (type == "input_image") {
    TRY_VOID(check_source(part, path, {"image_url", "file_id"}));
    TRY_VOID(check_optional(part, "detail", path, &json::Value::is_string, "a string"));
  } else if (type == "input_file") {
    TRY_VOID(check_source(part, path, {"file_id", "file_data", "file_url"}));
    TRY_VOID(check_optional(part, "filename", path, &json::Value::is_string, "a string"));
  } else {
    TRY_VOID(required_string(part, type == "refusal" ? "refusal" : "text", path));
  }
  if (type != "output_text") return out;
  for (const std::string_view list : {"annotations", "logprobs"}) {
    TRY_VOID(check_optional(part, list, path, &json::Value::is_array, "an array"));
    if (find_parameter(part, list) == nullptr) out.set(std::string(list), json::Array{});
  }
  return out;
}

// A string or an array of parts, as an array of parts.
Result<json::Value> check_content(const json::Value& content, bool assistant,
                                  const std::string& path) {
  if (content.is_string()) {
    return json::Value(
        json::Array{text_part(assistant ? "output_text" : "input_text", content.as_string())});
  }
  if (!content.is_array()) return wrong_type(path, "one of a string or array of objects", content);
  json::Array parts;
  for (size_t i = 0; i < content.as_array().size(); ++i) {
    TRY(json::Value part, check_part(content.as_array()[i], assistant, at(path, i)));
    parts.push_back(std::move(part));
  }
  return json::Value(std::move(parts));
}

// What every item may carry, in the order in which it is given out: id, type, status.
json::Value head_of(const json::Value& item, std::string_view type) {
  json::Value out = json::Object{};
  if (const json::Value* id = find_parameter(item, "id")) out.set("id", *id);
  out.set("type", type);
  const json::Value* status = find_parameter(item, "status");
  out.set("status", status == nullptr ? json::Value("completed") : *status);
  return out;
}

Result<json::Value> check_message(const json::Value& item, const std::string& path) {
  TRY(const std::string role, required_string(item, "role", path));
  if (!among(kRoles, role)) return bad_value(path + ".role", role, kRoles);
  const json::Value* content = find_parameter(item, "content");
  if (content == nullptr) return missing(path + ".content");
  json::Value out = head_of(item, "message");
  out.set("role", role);
  TRY(json::Value parts, check_content(*content, role == "assistant", path + ".content"));
  out.set("content", std::move(parts));
  return out;
}

Result<json::Value> check_call(const json::Value& item, const std::string& path) {
  json::Value out = head_of(item, "function_call");
  for (const std::string name : {"arguments", "call_id", "name"}) {
    TRY(std::string value, required_string(item, name, path));
    out.set(name, std::move(value));
  }
  return out;
}

Result<json::Value> check_call_output(const json::Value& item, const std::string& path) {
  json::Value out = head_of(item, "function_call_output");
  TRY(std::string call_id, required_string(item, "call_id", path));
  out.set("call_id", std::move(call_id));
  const json::Value* output = find_parameter(item, "output");
  if (output == nullptr) return missing(path + ".output");
  if (output->is_string()) {
    out.set("output", *output);
    return out;
  }
  TRY(json::Value parts, check_content(*output, false, path + ".output"));
  out.set("output", std::move(parts));
  return out;
}

Status check_texts(const json::Value& item, std::string_view name, std::string_view type,
                   const std::string& path, json::Value* out) {
  json::Array parts;
  const json::Value* given = find_parameter(item, name);
  const std::string list = path + "." + std::string(name);
  if (given != nullptr && !given->is_array()) return wrong_type(list, "an array", *given);
  for (size_t i = 0; given != nullptr && i < given->as_array().size(); ++i) {
    const json::Value& part = given->as_array()[i];
    if (!part.is_object()) return wrong_type(at(list, i), "an object", part);
    TRY(std::string text, required_string(part, "text", at(list, i)));
    parts.push_back(json::Object{{"type", type}, {"text", std::move(text)}});
  }
  out->set(std::string(name), std::move(parts));
  return {};
}

Result<json::Value> check_reasoning(const json::Value& item, const std::string& path) {
  json::Value out = head_of(item, "reasoning");
  TRY_VOID(check_texts(item, "summary", "summary_text", path, &out));
  TRY_VOID(check_texts(item, "content", "reasoning_text", path, &out));
  TRY_VOID(check_optional(item, "encrypted_content", path, &json::Value::is_string, "a string"));
  if (const json::Value* encrypted = find_parameter(item, "encrypted_content"))
    out.set("encrypted_content", *encrypted);
  return out;
}

Result<json::Value> check_search(const json::Value& item, const std::string& path) {
  json::Value out = head_of(item, "file_search_call");
  const json::Value* queries = find_parameter(item, "queries");
  if (queries == nullptr) return missing(path + ".queries");
  if (!queries->is_array()) return wrong_type(path + ".queries", "an array of strings", *queries);
  out.set("queries", *queries);
  TRY_VOID(check_optional(item, "results", path, &json::Value::is_array, "an array"));
  out.set("results", item["results"]);
  return out;
}

Result<std::string> type_of(const json::Value& item, const std::string& path) {
  const json::Value* type = find_parameter(item, "type");
  if (type == nullptr) {
    // Short forms: a message is known by its role, a reference by having nothing but an id.
    if (find_parameter(item, "role") != nullptr) return std::string("message");
    if (find_parameter(item, "id") != nullptr && item.as_object().size() <= 2)
      return std::string("item_reference");
    return missing(path + ".type");
  }
  if (!type->is_string()) return wrong_type(path + ".type", "a string", *type);
  return type->as_string();
}

// --- items to messages

// The texts of parts put together when they are all text; else the parts as chat messages have
// them.
json::Value chat_content(const json::Value& content) {
  if (!content.is_array()) return content;
  std::string text;
  json::Array parts;
  bool only_text = true;
  for (const json::Value& part : content.as_array()) {
    const std::string& type = part["type"].as_string();
    if (type == "input_image") {
      only_text = false;
      json::Value image = json::Object{{"url", part["image_url"]}};
      if (find_parameter(part, "file_id") != nullptr) image.set("file_id", part["file_id"]);
      if (find_parameter(part, "detail") != nullptr) image.set("detail", part["detail"]);
      parts.push_back(json::Object{{"type", "image_url"}, {"image_url", std::move(image)}});
    } else if (type == "input_file") {
      only_text = false;
      json::Value file = part;
      std::erase_if(file.as_object(), [](const json::Member& m) { return m.first == "type"; });
      parts.push_back(json::Object{{"type", "file"}, {"file", std::move(file)}});
    } else {
      const std::string& piece = part[type == "refusal" ? "refusal" : "text"].as_string();
      text += piece;
      parts.push_back(json::Object{{"type", "text"}, {"text", piece}});
    }
  }
  if (only_text) return text;
  return parts;
}

json::Value chat_call(const json::Value& item) {
  return json::Object{
      {"id", item["call_id"]},
      {"type", "function"},
      {"function", json::Object{{"name", item["name"]}, {"arguments", item["arguments"]}}}};
}

// What a search found, for the next turns to know it.
std::string search_text(const json::Value& item) {
  std::string text = "Results of a file search:";
  for (const json::Value& result : item["results"].as_array()) {
    const json::Value &name = result["filename"], &found = result["text"];
    text += "\n\n[" + (name.is_string() ? name.as_string() : std::string()) + "]\n";
    if (found.is_string()) text += found.as_string();
  }
  return text;
}

class MessageList {
 public:
  void add(json::Value message) { list_.push_back(std::move(message)); }

  void add_message(const json::Value& item) {
    const std::string& role = item["role"].as_string();
    add(json::Object{{"role", role == "developer" ? "system" : role},
                     {"content", chat_content(item["content"])}});
    assistant_open_ = role == "assistant";
  }
  // Calls join the assistant's message before them.
  Status add_call(const json::Value& item) {
    const std::string& id = item["call_id"].as_string();
    if (!open_.insert(id).second) {
      return refuse_parameter("", "input",
                              "Duplicate function call with call_id " + id.substr(0, 80) +
                                  ". Each call needs its own id.");
    }
    if (!assistant_open_) add(json::Object{{"role", "assistant"}, {"content", nullptr}});
    json::Value& message = list_.back();
    if (message.find("tool_calls") == nullptr) message.set("tool_calls", json::Array{});
    message.find("tool_calls")->as_array().push_back(chat_call(item));
    assistant_open_ = true;
    return {};
  }
  Status add_output(const json::Value& item) {
    const std::string& id = item["call_id"].as_string();
    if (open_.erase(id) == 0) {
      return refuse_parameter(
          "", "input",
          "No tool call found for function call output with call_id " + id.substr(0, 80) + ".");
    }
    add(json::Object{
        {"role", "tool"}, {"tool_call_id", id}, {"content", chat_content(item["output"])}});
    assistant_open_ = false;
    return {};
  }
  void add_search(const json::Value& item) {
    if (!item["results"].is_array() || item["results"].as_array().empty()) return;
    add(json::Object{{"role", "system"}, {"content", search_text(item)}});
    assistant_open_ = false;
  }
  Result<gateway::Messages> take() {
    if (!open_.empty()) {
      return refuse_parameter(
          "", "input",
          "No tool output found for function call " + open_.begin()->substr(0, 80) + ".");
    }
    return gateway::Messages{json::Value(std::move(list_))};
  }

 private:
  json::Array list_;
  bool assistant_open_ = false;  // the last message is the assistant's
  std::set<std::string> open_;   // calls without an output so far
};

}  // namespace

bool is_item_reference(const json::Value& item) {
  return item["type"] == json::Value("item_reference");
}

Result<json::Value> check_item(const json::Value& item, const std::string& path) {
  if (!item.is_object()) return wrong_type(path, "an object", item);
  TRY_VOID(check_optional(item, "id", path, &json::Value::is_string, "a string"));
  TRY_VOID(check_optional(item, "status", path, &json::Value::is_string, "a string"));
  TRY(const std::string type, type_of(item, path));
  if (type == "message") return check_message(item, path);
  if (type == "function_call") return check_call(item, path);
  if (type == "function_call_output") return check_call_output(item, path);
  if (type == "reasoning") return check_reasoning(item, path);
  if (type == "file_search_call") return check_search(item, path);
  if (type == "item_reference") {
    TRY(std::string id, required_string(item, "id", path));
    return json::Value(json::Object{{"type", type}, {"id", std::move(id)}});
  }
  return bad_value(path + ".type", type, kTypes);
}

Result<json::Array> check_items(const json::Value& input, const std::string& path,
                                size_t items_max) {
  if (input.is_string()) {
    TRY(json::Value message,
        check_message(json::Object{{"role", "user"}, {"content", input}}, path));
    return json::Array{std::move(message)};
  }
  if (!input.is_array()) return wrong_type(path, "one of a string or array of objects", input);
  const json::Array& list = input.as_array();
  if (list.size() > items_max) {
    return refuse_parameter("array_above_max_length", path,
                            "Invalid '" + path +
                                "': array too long. Expected an array with "
                                "maximum length " +
                                std::to_string(items_max) + ", but got an array with length " +
                                std::to_string(list.size()) + " instead.");
  }
  json::Array out;
  for (size_t i = 0; i < list.size(); ++i) {
    TRY(json::Value item, check_item(list[i], at(path, i)));
    out.push_back(std::move(item));
  }
  return out;
}

std::string new_item_id(const json::Value& item) {
  const std::string& type = item["type"].as_string();
  const std::string_view prefix = type == "function_call"          ? "fc_"
                                  : type == "function_call_output" ? "fco_"
                                  : type == "reasoning"            ? "rs_"
                                  : type == "file_search_call"     ? "fs_"
                                                                   : "msg_";
  return crypto::random_id(prefix);
}

Result<gateway::Messages> messages_of_items(std::span<const json::Value> items,
                                            const std::string& instructions) {
  MessageList list;
  if (!instructions.empty()) list.add(json::Object{{"role", "system"}, {"content", instructions}});
  for (const json::Value& item : items) {
    const std::string& type = item["type"].as_string();
    if (type == "message") list.add_message(item);
    if (type == "function_call") TRY_VOID(list.add_call(item));
    if (type == "function_call_output") TRY_VOID(list.add_output(item));
    if (type == "file_search_call") list.add_search(item);
  }
  return list.take();
}

}  // namespace api
