// From the deltas of a generation to a response: its output items as they grow, and the events of a
// stream in the order that clients check (created first, every item added before its parts and done
// before the last event, indexes dense, ids stable). Pure: knows neither connections nor the store.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

// How a response ended, from how its generation ended. `cancel_asked`: by the client; otherwise a
// cancelled generation is a failure of the server.
struct ResponseEnd {
  std::string status;             // "completed", "incomplete", "failed", "cancelled"
  std::string incomplete_reason;  // "max_output_tokens", "content_filter"
  json::Value error = {};         // {"code", "message"} of a failed one
  gateway::TokenUsage usage = {};
};
ResponseEnd response_end(const gateway::End& end, bool cancel_asked);

// One block of an event stream: "event: TYPE\ndata: {"type":TYPE,"sequence_number":N,…}\n\n".
std::string response_event(std::string_view type, int64_t sequence_number, json::Object members);
// The type of the last event of a response that ended so.
std::string_view last_event_type(std::string_view status);
bool is_last_event(std::string_view event);  // a whole block

class ResponseEvents {
 public:
  // `response`: the whole object with status "in_progress" or "queued" and an empty output. `emit`
  // gets each event as a block; empty: nobody reads the stream.
  ResponseEvents(json::Value response, bool logprobs, std::function<void(std::string)> emit);

  void created();      // and response.queued when the response is
  void in_progress();  // once the generation has started
  // A file_search_call that has been made, before any delta; the text cites what it found:
  // {"type": "file_citation", "file_id", "filename"} each.
  void search(const json::Value& item, json::Array citations);
  void delta(const gateway::Delta& delta);
  // Ends every open item; the response has its status, output and usage from here on.
  void finish(const ResponseEnd& end, base::Time now);
  void last();  // response.completed, .incomplete or .failed

  const json::Value& response() const { return response_; }

 private:
  enum class Kind : uint8_t { Message, Reasoning, Call };
  struct Part {
    bool refusal = false;
    std::string text = {};
    json::Array logprobs = {};
    json::Array annotations = {};
  };
  struct Item {
    Kind kind = Kind::Message;
    std::string id;
    int64_t index = 0;  // in output
    std::vector<Part> parts = {};
    int call = 0;  // of a call: its index in the deltas
    std::string call_id = {}, name = {}, arguments = {};
    bool open = true;
  };

  void emit(std::string_view type, json::Object members);
  void emit_response(std::string_view type);
  Item& add_item(Item item);
  Item* open_item(Kind kind);
  void add_part(Item& item, bool refusal);
  void cite(Item& item);
  void end_part(Item& item);
  void end_item(Item& item, std::string_view status);
  void end_texts(std::string_view status);
  void add_text(const gateway::Delta& delta);
  void add_refusal(const std::string& text);
  void add_reasoning(const std::string& text);
  void add_call(const gateway::ToolCallDelta& call);
  std::string new_call_id(const std::string& wanted) const;
  json::Value item_json(const Item& item, std::string_view status) const;
  static json::Value part_json(const Item& item, const Part& part);
  json::Object place(const Item& item) const;       // item_id, output_index
  json::Object part_place(const Item& item) const;  // and content_index of its last part

  json::Value response_;
  const bool logprobs_;
  std::function<void(std::string)> emit_;
  int64_t next_number_ = 0;
  std::vector<Item> items_;
  int64_t items_before_ = 0;  // searches, which stand before all others
  json::Array citations_;     // of the next text
};

}  // namespace api
