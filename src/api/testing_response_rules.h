// For tests: the order rules of a response's events, as the helpers of OpenAI's and Vercel's
// clients hold them. Fed one block of the event stream after another, it says what is wrong.
#pragma once

#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "json/json.h"

namespace api::testing {

class ResponseRules {
 public:
  // Empty, or what rule the event breaks.
  std::string take(std::string_view block) {
    const size_t data = block.find("\ndata: ");
    if (!block.starts_with("event: ") || data == block.npos || !block.ends_with("\n\n"))
      return "not a block of an event stream";
    const std::string name(block.substr(7, data - 7));
    const auto event = json::parse(block.substr(data + 7, block.size() - data - 9));
    if (!event) return "not JSON: " + event.error().message;
    if ((*event)["type"] != json::Value(name)) return "the type is not the event's name";
    if ((*event)["sequence_number"] != json::Value(next_++)) return "a number is missing";
    if (ended_) return "an event behind the last one";
    const std::string wrong = check(name, *event);
    return wrong.empty() ? "" : name + ": " + wrong;
  }
  // What is still missing once no event follows.
  std::string end() const { return ended_ ? "" : "no last event"; }
  const json::Value& final_response() const { return final_; }
  std::string text() const {
    std::string out;
    for (const Item& item : items_) {
      for (const Part& part : item.parts) out += part.type == "output_text" ? part.text : "";
    }
    return out;
  }

 private:
  struct Part {
    std::string type, text;
    bool text_done = false, done = false;
    int64_t annotations = 0;
  };
  struct Item {
    std::string id, type, call_id, arguments;
    std::vector<Part> parts = {};
    bool arguments_done = false;
    json::Value done = {};
  };

  std::string check(const std::string& name, const json::Value& event) {
    if (name == "response.created") return created(event["response"]);
    if (id_.empty()) return "created does not come first";
    if (name == "response.queued" || name == "response.in_progress")
      return items_.empty() ? same_response(event["response"]) : "comes behind an item";
    if (name == "response.output_item.added") return added(event);
    if (name == "response.output_item.done") return item_done(event);
    if (name == "response.completed" || name == "response.incomplete" || name == "response.failed")
      return last(name, event["response"]);
    return in_item(name, event);
  }

  std::string created(const json::Value& response) {
    if (!id_.empty()) return "twice";
    id_ = text_of(response["id"]);
    if (!id_.starts_with("resp_")) return "no id";
    if (!response["created_at"].is_int() || !response["model"].is_string())
      return "no time or model";
    return response["output"] == json::Value(json::Array{}) ? "" : "output is not empty";
  }
  std::string same_response(const json::Value& response) const {
    return text_of(response["id"]) == id_ ? "" : "the response's id changed";
  }

  std::string added(const json::Value& event) {
    const json::Value& item = event["item"];
    if (event["output_index"] != json::Value(static_cast<int64_t>(items_.size())))
      return "output_index is not the next";
    Item next{text_of(item["id"]), text_of(item["type"]), text_of(item["call_id"]), ""};
    if (next.id.empty() || next.type.empty()) return "no id or type";
    if (next.type == "function_call" && (next.call_id.empty() || next.call_id == next.id))
      return "no call_id of its own";
    if (next.type == "function_call" && item["arguments"] != json::Value(""))
      return "arguments are not empty";
    if (!ids_.insert(next.id).second) return "an id twice";
    if (!next.call_id.empty() && !ids_.insert(next.call_id).second) return "a call_id twice";
    if (item["status"] != json::Value("in_progress")) return "status is not in_progress";
    items_.push_back(std::move(next));
    return "";
  }

  std::string item_done(const json::Value& event) {
    Item* item = item_at(event);
    if (item == nullptr) return "no such item";
    const json::Value& done = event["item"];
    if (!item->done.is_null()) return "twice";
    if (text_of(done["id"]) != item->id || text_of(done["type"]) != item->type ||
        text_of(done["call_id"]) != item->call_id)
      return "another item than was added";
    for (const Part& part : item->parts) {
      if (!part.done) return "a part is not done";
    }
    if (item->type == "function_call" &&
        (!item->arguments_done || text_of(done["arguments"]) != item->arguments))
      return "the arguments are not those of the deltas";
    if (item->type == "message" && done["content"].as_array().size() != item->parts.size())
      return "not the parts that were added";
    item->done = done;
    return "";
  }

  std::string last(const std::string& name, const json::Value& response) {
    ended_ = true;
    final_ = response;
    const std::string status = text_of(response["status"]);
    const std::string wanted = status == "completed" ? "response.completed"
                               : status == "failed"  ? "response.failed"
                                                     : "response.incomplete";
    if (name != wanted) return "status is " + status;
    const json::Array& output = response["output"].as_array();
    if (output.size() != items_.size()) return "the output does not list every item";
    for (size_t i = 0; i < output.size(); ++i) {
      if (items_[i].done.is_null()) return "an item is not done";
      if (output[i] != items_[i].done) return "the output differs from an item that was done";
    }
    for (const std::string_view detail : {"input_tokens_details", "output_tokens_details"}) {
      if (!response["usage"][detail].is_object()) return "no usage";
    }
    return same_response(response);
  }

  std::string in_item(const std::string& name, const json::Value& event) {
    Item* item = item_at(event);
    if (item == nullptr) return "no such item";
    if (text_of(event["item_id"]) != item->id) return "item_id is not the item's";
    if (!item->done.is_null()) return "behind the item's end";
    if (name == "response.function_call_arguments.delta") {
      if (item->arguments_done) return "behind the arguments' end";
      item->arguments += text_of(event["delta"]);
      return item->type == "function_call" ? "" : "not a call";
    }
    if (name == "response.function_call_arguments.done") {
      item->arguments_done = true;
      return text_of(event["arguments"]) == item->arguments ? "" : "not what the deltas said";
    }
    if (name.starts_with("response.file_search_call."))
      return item->type == "file_search_call" ? "" : "not a search";
    if (name == "response.content_part.added") return part_added(*item, event);
    return in_part(name, *item, event);
  }

  std::string part_added(Item& item, const json::Value& event) {
    if (event["content_index"] != json::Value(static_cast<int64_t>(item.parts.size())))
      return "content_index is not the next";
    if (!item.parts.empty() && !item.parts.back().done) return "the part before is not done";
    item.parts.push_back({text_of(event["part"]["type"]), ""});
    const bool reasoning = item.parts.back().type == "reasoning_text";
    return reasoning == (item.type == "reasoning") ? "" : "not a part of such an item";
  }

  std::string in_part(const std::string& name, Item& item, const json::Value& event) {
    const json::Value& index = event["content_index"];
    if (!index.is_int() || index.as_int() < 0 ||
        index.as_int() >= static_cast<int64_t>(item.parts.size()))
      return "no such part";
    Part& part = item.parts[static_cast<size_t>(index.as_int())];
    if (part.done) return "behind the part's end";
    if (name == "response.content_part.done") {
      part.done = true;
      if (!part.text_done) return "the text is not done";
      const json::Value& text = event["part"][part.type == "refusal" ? "refusal" : "text"];
      return text_of(text) == part.text ? "" : "not what the deltas said";
    }
    if (name == "response.output_text.annotation.added")
      return event["annotation_index"] == json::Value(part.annotations++) ? "" : "not the next";
    const bool delta = name == "response." + part.type + ".delta";
    if (!delta && name != "response." + part.type + ".done") return "an unknown event";
    if (part.text_done) return "behind the text's end";
    if (delta) {
      part.text += text_of(event["delta"]);
      return part.type != "output_text" || event["logprobs"].is_array() ? "" : "no logprobs";
    }
    part.text_done = true;
    const json::Value& text = event[part.type == "refusal" ? "refusal" : "text"];
    return text_of(text) == part.text ? "" : "not what the deltas said";
  }

  Item* item_at(const json::Value& event) {
    const json::Value& index = event["output_index"];
    if (!index.is_int() || index.as_int() < 0 ||
        index.as_int() >= static_cast<int64_t>(items_.size()))
      return nullptr;
    return &items_[static_cast<size_t>(index.as_int())];
  }
  static std::string text_of(const json::Value& value) {
    return value.is_string() ? value.as_string() : "";
  }

  int64_t next_ = 0;
  std::string id_;
  std::set<std::string> ids_;
  std::vector<Item> items_;
  bool ended_ = false;
  json::Value final_;
};

}  // namespace api::testing
