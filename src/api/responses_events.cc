#include "api/responses_events.h"

#include <algorithm>
#include <utility>

#include "api/errors.h"
#include "base/check.h"
#include "base/utf8.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr std::string_view kInProgress = "in_progress", kCompleted = "completed",
                           kIncomplete = "incomplete", kFailed = "failed", kCancelled = "cancelled";

json::Value usage_of(const gateway::TokenUsage& usage) {
  return json::Object{
      {"input_tokens", usage.prompt},
      {"input_tokens_details",
       json::Object{{"cached_tokens", usage.cached}, {"cache_write_tokens", 0}}},
      {"output_tokens", usage.completion},
      {"output_tokens_details", json::Object{{"reasoning_tokens", usage.reasoning}}},
      {"total_tokens", usage.prompt + usage.completion}};
}

json::Value token_json(const std::string& bytes, float logprob) {
  json::Array raw;
  for (const char c : bytes) raw.push_back(int64_t{static_cast<unsigned char>(c)});
  return json::Object{{"token", base::replace_invalid_utf8(bytes)},
                      {"logprob", static_cast<double>(logprob)},
                      {"bytes", std::move(raw)}};
}

json::Array logprobs_json(const std::vector<gateway::TokenProbability>& tokens) {
  json::Array list;
  for (const gateway::TokenProbability& token : tokens) {
    json::Value entry = token_json(token.bytes, token.logprob.value_or(0));
    json::Array top;
    for (const auto& [bytes, logprob] : token.top) top.push_back(token_json(bytes, logprob));
    entry.set("top_logprobs", std::move(top));
    list.push_back(std::move(entry));
  }
  return list;
}

ResponseEnd failed(const base::Error& error) {
  const ApiError shown = to_api_error(error);
  const std::string_view code = shown.status == 429   ? "rate_limit_exceeded"
                                : shown.status == 400 ? "invalid_prompt"
                                                      : "server_error";
  return {.status = std::string(kFailed),
          .incomplete_reason = "",
          .error = json::Object{{"code", code}, {"message", shown.message}}};
}

}  // namespace

ResponseEnd response_end(const gateway::End& end, bool cancel_asked) {
  using gateway::Finish;
  const Finish finish = end.finishes.empty() ? Finish::Error : end.finishes.front();
  ResponseEnd out;
  if (finish == Finish::Cancelled && cancel_asked) {
    out.status = kCancelled;
  } else if (end.error) {
    out = failed(*end.error);
  } else if (finish == Finish::Cancelled || finish == Finish::Error) {
    out = failed({base::Code::Unavailable, "the answer was cut off", "server_is_draining", {}, {}});
  } else if (finish == Finish::Length || finish == Finish::ContentFilter) {
    out.status = kIncomplete;
    out.incomplete_reason = finish == Finish::Length ? "max_output_tokens" : "content_filter";
  } else {
    out.status = kCompleted;
  }
  out.usage = end.usage;
  return out;
}

std::string response_event(std::string_view type, int64_t sequence_number, json::Object members) {
  json::Object data{{"type", type}, {"sequence_number", sequence_number}};
  data.insert(data.end(), std::make_move_iterator(members.begin()),
              std::make_move_iterator(members.end()));
  return "event: " + std::string(type) + "\ndata: " + json::dump(std::move(data)) + "\n\n";
}

// Clients know no event for a cancelled response: it is one that is not complete.
std::string_view last_event_type(std::string_view status) {
  if (status == kCompleted) return "response.completed";
  return status == kFailed ? "response.failed" : "response.incomplete";
}

bool is_last_event(std::string_view event) {
  for (const std::string_view status : {kCompleted, kFailed, kIncomplete}) {
    if (event.starts_with("event: " + std::string(last_event_type(status)) + "\n")) return true;
  }
  return false;
}

ResponseEvents::ResponseEvents(json::Value response, bool logprobs,
                               std::function<void(std::string)> emit)
    : response_(std::move(response)), logprobs_(logprobs), emit_(std::move(emit)) {}

void ResponseEvents::emit(std::string_view type, json::Object members) {
  if (emit_) emit_(response_event(type, next_number_++, std::move(members)));
}

void ResponseEvents::emit_response(std::string_view type) {
  if (emit_) emit(type, {{"response", response_}});
}

void ResponseEvents::created() {
  emit_response("response.created");
  if (response_["status"] == json::Value("queued")) emit_response("response.queued");
}

void ResponseEvents::in_progress() {
  response_.set("status", kInProgress);
  emit_response("response.in_progress");
}

json::Object ResponseEvents::place(const Item& item) const {
  return {{"item_id", item.id}, {"output_index", item.index}};
}

json::Object ResponseEvents::part_place(const Item& item) const {
  json::Object out = place(item);
  out.emplace_back("content_index", static_cast<int64_t>(item.parts.size()) - 1);
  return out;
}

json::Value ResponseEvents::part_json(const Item& item, const Part& part) {
  if (part.refusal) return json::Object{{"type", "refusal"}, {"refusal", part.text}};
  if (item.kind == Kind::Reasoning)
    return json::Object{{"type", "reasoning_text"}, {"text", part.text}};
  return json::Object{{"type", "output_text"},
                      {"text", part.text},
                      {"annotations", part.annotations},
                      {"logprobs", part.logprobs}};
}

json::Value ResponseEvents::item_json(const Item& item, std::string_view status) const {
  if (item.kind == Kind::Call) {
    return json::Object{{"id", item.id},           {"type", "function_call"},
                        {"status", status},        {"arguments", item.arguments},
                        {"call_id", item.call_id}, {"name", item.name}};
  }
  json::Array content;
  for (const Part& part : item.parts) content.push_back(part_json(item, part));
  if (item.kind == Kind::Reasoning) {
    return json::Object{{"id", item.id},
                        {"type", "reasoning"},
                        {"status", status},
                        {"summary", json::Array{}},
                        {"content", std::move(content)}};
  }
  return json::Object{{"id", item.id},
                      {"type", "message"},
                      {"status", status},
                      {"role", "assistant"},
                      {"content", std::move(content)}};
}

void ResponseEvents::search(const json::Value& item, json::Array citations) {
  CHECK(items_.empty());
  citations_ = std::move(citations);
  const int64_t index = items_before_++;
  json::Value begun = item;
  begun.set("status", kInProgress);
  begun.set("results", nullptr);
  const json::Object at{{"item_id", item["id"]}, {"output_index", index}};
  emit("response.output_item.added", {{"output_index", index}, {"item", std::move(begun)}});
  emit("response.file_search_call.in_progress", at);
  emit("response.file_search_call.searching", at);
  emit("response.file_search_call.completed", at);
  emit("response.output_item.done", {{"output_index", index}, {"item", item}});
  response_.find("output")->as_array().push_back(item);
}

ResponseEvents::Item& ResponseEvents::add_item(Item item) {
  item.index = items_before_ + static_cast<int64_t>(items_.size());
  items_.push_back(std::move(item));
  const Item& added = items_.back();
  emit("response.output_item.added",
       {{"output_index", added.index}, {"item", item_json(added, kInProgress)}});
  return items_.back();
}

// The item of text that is being written, if it is of this kind: texts are written one at a time.
ResponseEvents::Item* ResponseEvents::open_item(Kind kind) {
  for (Item& item : items_) {
    if (item.open && item.kind == kind) return &item;
  }
  return nullptr;
}

void ResponseEvents::add_part(Item& item, bool refusal) {
  if (!item.parts.empty()) end_part(item);
  item.parts.push_back({.refusal = refusal});
  json::Object members = part_place(item);
  members.emplace_back("part", part_json(item, item.parts.back()));
  emit("response.content_part.added", std::move(members));
}

// The sources stand behind the text that was written from them.
void ResponseEvents::cite(Item& item) {
  Part& part = item.parts.back();
  for (json::Value& citation : std::exchange(citations_, {})) {
    citation.set("index", static_cast<int64_t>(base::count_characters(part.text)));
    json::Object members = part_place(item);
    members.emplace_back("annotation_index", static_cast<int64_t>(part.annotations.size()));
    members.emplace_back("annotation", citation);
    part.annotations.push_back(std::move(citation));
    emit("response.output_text.annotation.added", std::move(members));
  }
}

void ResponseEvents::end_part(Item& item) {
  if (item.kind == Kind::Message && !item.parts.back().refusal) cite(item);
  const Part& part = item.parts.back();
  json::Object text = part_place(item);
  if (part.refusal) {
    text.emplace_back("refusal", part.text);
    emit("response.refusal.done", std::move(text));
  } else if (item.kind == Kind::Reasoning) {
    text.emplace_back("text", part.text);
    emit("response.reasoning_text.done", std::move(text));
  } else {
    text.emplace_back("text", part.text);
    text.emplace_back("logprobs", part.logprobs);
    emit("response.output_text.done", std::move(text));
  }
  json::Object members = part_place(item);
  members.emplace_back("part", part_json(item, part));
  emit("response.content_part.done", std::move(members));
}

void ResponseEvents::end_item(Item& item, std::string_view status) {
  item.open = false;
  if (item.kind == Kind::Call) {
    json::Object members = place(item);
    members.emplace_back("name", item.name);
    members.emplace_back("arguments", item.arguments);
    emit("response.function_call_arguments.done", std::move(members));
  } else if (!item.parts.empty()) {
    end_part(item);
  }
  json::Value done = item_json(item, status);
  emit("response.output_item.done", {{"output_index", item.index}, {"item", done}});
  json::Array& output = response_.find("output")->as_array();
  output.resize(std::max(output.size(), static_cast<size_t>(item.index) + 1));
  output[static_cast<size_t>(item.index)] = std::move(done);
}

void ResponseEvents::end_texts(std::string_view status) {
  for (Item& item : items_) {
    if (item.open && item.kind != Kind::Call) end_item(item, status);
  }
}

void ResponseEvents::add_text(const gateway::Delta& delta) {
  Item* item = open_item(Kind::Message);
  if (delta.text.empty() && (item == nullptr || !logprobs_ || delta.tokens.empty())) return;
  if (item == nullptr) {
    end_texts(kCompleted);
    item = &add_item({.kind = Kind::Message, .id = crypto::random_id("msg_")});
  }
  if (item->parts.empty() || item->parts.back().refusal) add_part(*item, false);
  Part& part = item->parts.back();
  part.text += delta.text;
  json::Array logprobs;
  if (logprobs_) logprobs = logprobs_json(delta.tokens);
  part.logprobs.insert(part.logprobs.end(), logprobs.begin(), logprobs.end());
  if (!emit_) return;
  json::Object members = part_place(*item);
  members.emplace_back("delta", delta.text);
  members.emplace_back("logprobs", std::move(logprobs));
  emit("response.output_text.delta", std::move(members));
}

void ResponseEvents::add_refusal(const std::string& text) {
  Item* item = open_item(Kind::Message);
  if (item == nullptr) {
    end_texts(kCompleted);
    item = &add_item({.kind = Kind::Message, .id = crypto::random_id("msg_")});
  }
  if (item->parts.empty() || !item->parts.back().refusal) add_part(*item, true);
  item->parts.back().text += text;
  json::Object members = part_place(*item);
  members.emplace_back("delta", text);
  emit("response.refusal.delta", std::move(members));
}

void ResponseEvents::add_reasoning(const std::string& text) {
  Item* item = open_item(Kind::Reasoning);
  if (item == nullptr) {
    end_texts(kCompleted);
    item = &add_item({.kind = Kind::Reasoning, .id = crypto::random_id("rs_")});
    add_part(*item, false);
  }
  item->parts.back().text += text;
  json::Object members = part_place(*item);
  members.emplace_back("delta", text);
  emit("response.reasoning_text.delta", std::move(members));
}

// Clients tell calls apart by these ids, so one that an upstream gave twice is not used twice.
std::string ResponseEvents::new_call_id(const std::string& wanted) const {
  const bool taken =
      std::ranges::any_of(items_, [&](const Item& item) { return item.call_id == wanted; });
  return wanted.empty() || taken ? crypto::random_id("call_") : wanted;
}

// Calls stay open until the end, since pieces of several may come in turns.
void ResponseEvents::add_call(const gateway::ToolCallDelta& call) {
  const auto known = std::ranges::find_if(
      items_, [&](const Item& item) { return item.kind == Kind::Call && item.call == call.index; });
  Item* item = known == items_.end() ? nullptr : &*known;
  if (item == nullptr) {
    end_texts(kCompleted);
    item = &add_item({.kind = Kind::Call,
                      .id = crypto::random_id("fc_"),
                      .call = call.index,
                      .call_id = new_call_id(call.id),
                      .name = call.name});
  }
  item->arguments += call.arguments;
  if (call.arguments.empty()) return;
  json::Object members = place(*item);
  members.emplace_back("delta", call.arguments);
  emit("response.function_call_arguments.delta", std::move(members));
}

void ResponseEvents::delta(const gateway::Delta& delta) {
  if (delta.choice != 0) return;
  if (!delta.reasoning.empty()) add_reasoning(delta.reasoning);
  add_text(delta);
  if (!delta.refusal.empty()) add_refusal(delta.refusal);
  for (const gateway::ToolCallDelta& call : delta.tool_calls) add_call(call);
}

void ResponseEvents::finish(const ResponseEnd& end, base::Time now) {
  const bool completed = end.status == kCompleted;
  if (completed && items_.empty()) {  // a model that says nothing has said ""
    add_part(add_item({.kind = Kind::Message, .id = crypto::random_id("msg_")}), false);
  }
  for (Item& item : items_) {
    if (item.open) end_item(item, completed ? kCompleted : kIncomplete);
  }
  response_.set("status", end.status);
  if (completed) response_.set("completed_at", now.seconds());
  if (end.status == kIncomplete)
    response_.set("incomplete_details", json::Object{{"reason", end.incomplete_reason}});
  if (end.status == kFailed) response_.set("error", end.error);
  response_.set("usage", usage_of(end.usage));
}

void ResponseEvents::last() { emit_response(last_event_type(response_["status"].as_string())); }

}  // namespace api
