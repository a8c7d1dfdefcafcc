// /v1/responses: create, read, follow, cancel, delete; the items and the tokens of an input.
#include <algorithm>
#include <charconv>
#include <optional>
#include <utility>

#include "api/event_log.h"
#include "api/generations.h"
#include "api/page_query.h"
#include "api/parameter.h"
#include "api/responses_events.h"
#include "api/responses_items.h"
#include "api/responses_request.h"
#include "api/responses_run.h"
#include "api/responses_store.h"
#include "api/routes.h"
#include "gateway/gateway.h"

namespace api {
namespace {

// What stands before the input: the chain of earlier responses, or the conversation.
base::Result<json::Array> load_history(const Call& call, const ResponseRequest& request) {
  const objects::Store& store = call.app->objects;
  const std::string& project = call.caller.project_id;
  if (!request.previous_response_id.empty())
    return load_chain(store, project, request.previous_response_id);
  if (request.conversation_id.empty()) return json::Array{};
  TRY_VOID(load_conversation(store, project, request.conversation_id));
  return load_conversation_items(store, project, request.conversation_id);
}

struct Prepared {
  ResponseRequest request;
  json::Array history;
};

base::Result<Prepared> prepare(const Call& call) {
  auto body = call.json_body();
  if (!body) return std::unexpected(moved_parameter(std::move(body).error()));
  Prepared out;
  TRY(out.request, parse_response_request(*body));
  TRY(out.history, load_history(call, out.request));
  TRY_VOID(resolve_items(call.app->objects, call.caller.project_id, &out.request.input));
  return out;
}

void create_response(const Call& call) {
  auto prepared = prepare(call);
  if (!prepared) return call.fail(prepared.error());
  start_response(call, std::move(prepared->request), std::move(prepared->history));
}

// As it is right now: one in the background is in progress from its start on.
base::Result<StoredResponse> load(const Call& call) {
  const std::string& id = call.parameters[0];
  TRY(StoredResponse stored, load_response(call.app->objects, call.caller.project_id, id));
  const auto live = call.app->generations.find(id, call.caller.project_id);
  if (live && live->in_progress()) stored.response.set("status", "in_progress");
  return stored;
}

struct StreamQuery {
  bool stream = false;
  int64_t after = -1;
};

base::Result<StreamQuery> read_stream_query(const Call& call) {
  StreamQuery out;
  for (const net::Header& parameter : net::parse_query(call.request().query)) {
    const std::string& value = parameter.value;
    if (parameter.name == "stream") out.stream = value == "true";
    if (parameter.name != "starting_after") continue;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), out.after);
    if (error != std::errc() || end != value.data() + value.size() || out.after < 0) {
      return refuse_parameter("invalid_type", "starting_after",
                              "Invalid type for 'starting_after': expected an integer, but got '" +
                                  value.substr(0, 40) + "' instead.");
    }
  }
  return out;
}

// The stored events behind `after`. A response that the server's end cut off has no last event of
// its own: it gets one, numbered behind all that a client can have seen.
void replay(const Call& call, const StoredResponse& stored, int64_t after) {
  auto kept = load_response_events(call.app->objects, stored.project_id, call.parameters[0]);
  if (!kept) return call.fail(kept.error());
  if (!stored.response["background"].as_bool()) {
    return call.fail(refuse_parameter("", "stream",
                                      "This response cannot be streamed any more: only responses "
                                      "in the background keep their events.")
                         .error());
  }
  const auto log = std::make_shared<EventLog>(SIZE_MAX);
  for (size_t i = 0; i < kept->events.size(); ++i) {
    if (kept->first + static_cast<int64_t>(i) > after) log->append(kept->events[i]);
  }
  if (kept->events.empty() || !is_last_event(kept->events.back())) {
    const std::string_view type = last_event_type(stored.response["status"].as_string());
    const int64_t next = kept->first + static_cast<int64_t>(kept->events.size());
    log->append(response_event(type, std::max(next, after + 1), {{"response", stored.response}}));
  }
  log->close();
  call.begin_events();
  if (!log->follow(call.exchange, -1)) call.exchange->abort();
}

void get_response(const Call& call) {
  const auto query = read_stream_query(call);
  if (!query) return call.fail(query.error());
  const auto stored = load(call);
  if (!stored) return call.fail(stored.error());
  if (!query->stream) return call.respond_json(stored->response);
  const auto live = call.app->generations.find(call.parameters[0], call.caller.project_id);
  if (!live) return replay(call, *stored, query->after);
  call.begin_events();
  const base::Status followed = live->log().follow(call.exchange, query->after);
  if (followed) return;
  call.exchange->write(response_event("error", query->after + 1,
                                      {{"code", "events_expired"},
                                       {"message", followed.error().message},
                                       {"param", "starting_after"}}));
  call.exchange->end();
}

void delete_response(const Call& call) {
  const std::string& id = call.parameters[0];
  const auto live = call.app->generations.find(id, call.caller.project_id);
  if (const base::Status status = remove_response(call.app->objects, call.caller.project_id, id);
      !status)
    return call.fail(status.error());
  if (live) live->cancel();
  call.respond_json(json::Object{{"id", id}, {"object", "response"}, {"deleted", true}});
}

// Answers when the generation has let go: what is billed then is all that will be.
void cancel_response(const Call& call) {
  const auto stored = load(call);
  if (!stored) return call.fail(stored.error());
  if (!stored->response["background"].as_bool()) {
    return call.fail(refuse_parameter("", "", "Cannot cancel a synchronous response.").error());
  }
  const auto live = call.app->generations.find(call.parameters[0], call.caller.project_id);
  if (!live || live->ended()) return call.respond_json(stored->response);
  live->when_ended([call] {
    const auto ended = load(call);
    if (!ended) return call.fail(ended.error());
    call.respond_json(ended->response);
  });
  live->cancel();
}

void list_input_items(const Call& call) {
  const auto query = read_page_query(call.request().query);
  if (!query) return call.fail(query.error());
  const auto stored = load(call);
  if (!stored) return call.fail(stored.error());
  const auto page = page_of(stored->input, *query);
  if (!page) return call.fail(page.error());
  call.respond_json(*page);
}

void count_input_tokens(const Call& call) {
  auto prepared = prepare(call);
  if (!prepared) return call.fail(prepared.error());
  if (const base::Status status = set_input(&prepared->request, prepared->history); !status)
    return call.fail(status.error());
  const gateway::Generation& generation = prepared->request.generation;
  const auto count = call.app->gateway.count_tokens(call.caller, generation);
  if (!count) return call.fail(response_refusal(count.error(), generation.model));
  call.respond_json(json::Object{{"object", "response.input_tokens"}, {"input_tokens", *count}});
}

constexpr size_t kBodyBytesMax = 32u << 20;

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/responses",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .body = &kCreateResponseSchema,
     .handle = create_response,
     .summary = "answers, whole, streamed or in the background"},
    {.method = "POST",
     .pattern = "/v1/responses/input_tokens",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .body = &kCreateResponseSchema,
     .handle = count_input_tokens,
     .summary = "counts the tokens of an input"},
    {.method = "GET",
     .pattern = "/v1/responses/{response_id}",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .handle = get_response,
     .summary = "reads a response, or with stream=true follows it behind starting_after"},
    {.method = "DELETE",
     .pattern = "/v1/responses/{response_id}",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = delete_response,
     .summary = "deletes a response"},
    {.method = "POST",
     .pattern = "/v1/responses/{response_id}/cancel",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .body_bytes_max = kBodyBytesMax,
     .handle = cancel_response,
     .summary = "ends a response in the background"},
    {.method = "GET",
     .pattern = "/v1/responses/{response_id}/input_items",
     .auth = Auth::Key,
     .scope = "model.request",
     .blocks = true,
     .handle = list_input_items,
     .summary = "lists the items of a response's input"},
};

}  // namespace

std::span<const Route> response_routes() { return kRoutes; }

}  // namespace api
