#include "api/anthropic_messages.h"

#include <algorithm>
#include <string>
#include <vector>

#include "api/errors.h"
#include "api/parameter.h"

namespace api {
namespace {

constexpr std::string_view kRoles[] = {"user", "assistant"};

constexpr Field kSourceFields[] = {
    {.name = "type", .kinds = kString, .required = true},
    {.name = "media_type", .kinds = kString},
    {.name = "data", .kinds = kString},
    {.name = "url", .kinds = kString},
};
constexpr Schema kSource{"AnthropicSource", kSourceFields, true};
constexpr Field kBlockFields[] = {
    {.name = "type", .kinds = kString, .required = true},
    {.name = "text", .kinds = kString},
    {.name = "source", .kinds = kObject, .schema = &kSource},
    {.name = "id", .kinds = kString},
    {.name = "name", .kinds = kString},
    {.name = "input", .kinds = kObject},
    {.name = "tool_use_id", .kinds = kString},
    {.name = "content", .kinds = kString | kArray, .elements = kObject},
    {.name = "is_error", .kinds = kBoolean},
};
constexpr Field kTurnFields[] = {
    {.name = "role", .kinds = kString, .required = true, .values = kRoles},
    {.name = "content",
     .kinds = kString | kArray,
     .required = true,
     .schema = &kAnthropicBlockSchema,
     .elements = kObject},
};

std::unexpected<base::Error> refuse(const std::string& path, const std::string& message) {
  return refuse_parameter("invalid_value", path, path + ": " + message);
}

class Reader {
 public:
  base::Status read_turn(const json::Value& turn, const std::string& path);
  base::Status check_answered(const std::string& path) const;
  base::Result<std::string> read_text(const json::Value& content, const std::string& path) const;

  AnthropicMessages read;

 private:
  struct Turn {
    std::string text;
    json::Array parts;  // when there is more than text
    bool only_text = true;
    json::Array results, calls;
    void add_text(const std::string& piece);
  };
  base::Status read_block(const json::Value& block, const std::string& role,
                          const std::string& path, Turn* turn);
  base::Status read_image(const json::Value& block, const std::string& path, Turn* turn);
  base::Status read_result(const json::Value& block, const std::string& path, Turn* turn);
  base::Status read_call(const json::Value& block, const std::string& path, Turn* turn);
  void push(Turn turn, const std::string& role);

  std::vector<std::string> calls_, open_calls_;  // of the last turn; not yet answered
};

void Reader::Turn::add_text(const std::string& piece) {
  text += piece;
  parts.push_back(json::Object{{"type", "text"}, {"text", piece}});
}

base::Result<std::string> Reader::read_text(const json::Value& content,
                                            const std::string& path) const {
  if (content.is_null()) return std::string();
  if (content.is_string()) return content.as_string();
  std::string out;
  for (size_t i = 0; i < content.as_array().size(); ++i) {
    const json::Value& block = content.as_array()[i];
    const std::string at = path + "." + std::to_string(i);
    const bool text = block["type"] == json::Value("text") && block["text"].is_string();
    if (!text) return refuse(at, "only blocks of type 'text' with a text are supported here.");
    out += block["text"].as_string();
  }
  return out;
}

base::Status Reader::read_image(const json::Value& block, const std::string& path, Turn* turn) {
  const json::Value& source = block["source"];
  if (!source.is_object()) return missing(path + ".source");
  std::string url;
  if (source["type"] == json::Value("url") && source["url"].is_string()) {
    url = source["url"].as_string();
  } else if (source["type"] == json::Value("base64") && source["data"].is_string() &&
             source["media_type"].is_string()) {
    url = "data:" + source["media_type"].as_string() + ";base64," + source["data"].as_string();
  } else {
    return refuse(path + ".source", "give a url, or base64 with media_type and data.");
  }
  turn->only_text = false;
  turn->parts.push_back(
      json::Object{{"type", "image_url"}, {"image_url", json::Object{{"url", std::move(url)}}}});
  if (!read.local_refusal) {
    read.local_refusal = base::Error{
        base::Code::InvalidArgument, path + ": this model does not read images.", {}, path, {}};
  }
  return {};
}

base::Status Reader::read_result(const json::Value& block, const std::string& path, Turn* turn) {
  const json::Value* id = find_parameter(block, "tool_use_id");
  if (id == nullptr) return missing(path + ".tool_use_id");
  if (std::ranges::find(calls_, id->as_string()) == calls_.end()) {
    return refuse(
        path,
        "unexpected `tool_use_id` found in `tool_result` blocks: " + id->as_string().substr(0, 80) +
            ". Each `tool_result` block must have a corresponding `tool_use` block in "
            "the previous message.");
  }
  TRY(std::string text, read_text(block["content"], path + ".content"));
  std::erase(open_calls_, id->as_string());
  turn->results.push_back(
      json::Object{{"role", "tool"}, {"tool_call_id", *id}, {"content", std::move(text)}});
  return {};
}

base::Status Reader::read_call(const json::Value& block, const std::string& path, Turn* turn) {
  for (const std::string_view name : {"id", "name", "input"}) {
    if (find_parameter(block, name) == nullptr) return missing(path + "." + std::string(name));
  }
  turn->calls.push_back(json::Object{
      {"id", block["id"]},
      {"type", "function"},
      {"function",
       json::Object{{"name", block["name"]}, {"arguments", json::dump(block["input"])}}}});
  return {};
}

base::Status Reader::read_block(const json::Value& block, const std::string& role,
                                const std::string& path, Turn* turn) {
  const std::string& type = block["type"].as_string();
  if (type == "text") {
    const json::Value* text = find_parameter(block, "text");
    if (text == nullptr) return missing(path + ".text");
    turn->add_text(text->as_string());
    return {};
  }
  if (role == "user") {
    if (type == "image") return read_image(block, path, turn);
    if (type == "tool_result") return read_result(block, path, turn);
    const json::Value& source = block["source"];
    if (type == "document" && source["type"] == json::Value("text") && source["data"].is_string()) {
      turn->add_text(source["data"].as_string());
      return {};
    }
  } else {
    if (type == "tool_use") return read_call(block, path, turn);
    if (type == "thinking" || type == "redacted_thinking") return {};  // a model's own business
  }
  return refuse(path + ".type", "blocks of type '" + type.substr(0, 40) +
                                    "' are not supported for the role '" + role +
                                    "' with this model.");
}

base::Status Reader::check_answered(const std::string& path) const {
  if (open_calls_.empty()) return {};
  std::string ids;
  for (const std::string& id : open_calls_) ids += (ids.empty() ? "" : ", ") + id.substr(0, 80);
  return refuse(path,
                "`tool_use` ids were found without `tool_result` blocks immediately after: " + ids +
                    ". Each `tool_use` block must have a corresponding `tool_result` block "
                    "in the next message.");
}

void Reader::push(Turn turn, const std::string& role) {
  json::Array& list = read.list.as_array();
  for (json::Value& result : turn.results) list.push_back(std::move(result));
  if (turn.parts.empty() && turn.calls.empty() && !turn.results.empty()) return;
  json::Value content = turn.only_text ? json::Value(turn.text) : json::Value(turn.parts);
  if (turn.text.empty() && !turn.calls.empty()) content = nullptr;
  json::Value message = json::Object{{"role", role}, {"content", std::move(content)}};
  if (!turn.calls.empty()) message.set("tool_calls", std::move(turn.calls));
  list.push_back(std::move(message));
}

base::Status Reader::read_turn(const json::Value& turn, const std::string& path) {
  const std::string& role = turn["role"].as_string();
  const json::Value& content = turn["content"];
  Turn current;
  if (content.is_string()) {
    current.add_text(content.as_string());
  } else {
    for (size_t i = 0; i < content.as_array().size(); ++i) {
      TRY_VOID(read_block(content.as_array()[i], role, path + ".content." + std::to_string(i),
                          &current));
    }
  }
  TRY_VOID(check_answered(path));
  calls_.clear();
  for (const json::Value& call : current.calls) calls_.push_back(call["id"].as_string());
  open_calls_ = calls_;
  push(std::move(current), role);
  return {};
}

}  // namespace

const Schema kAnthropicBlockSchema{"AnthropicBlock", kBlockFields, true};
const Schema kAnthropicTurnSchema{"AnthropicMessage", kTurnFields, true};

base::Result<AnthropicMessages> read_anthropic_messages(const json::Value& system,
                                                        const json::Value& messages) {
  Reader reader;
  reader.read.list = json::Array{};
  TRY(std::string text, reader.read_text(system, "system"));
  if (!text.empty()) {
    reader.read.list.as_array().push_back(
        json::Object{{"role", "system"}, {"content", std::move(text)}});
  }
  const json::Array& turns = messages.as_array();
  for (size_t i = 0; i < turns.size(); ++i)
    TRY_VOID(reader.read_turn(turns[i], "messages." + std::to_string(i)));
  TRY_VOID(reader.check_answered("messages." + std::to_string(turns.size() - 1)));
  return std::move(reader.read);
}

}  // namespace api
