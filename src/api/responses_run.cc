#include "api/responses_run.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "api/answer.h"
#include "api/generation_request.h"
#include "api/generations.h"
#include "api/responses_events.h"
#include "api/responses_items.h"
#include "api/responses_search.h"
#include "api/workers.h"
#include "base/log.h"
#include "crypto/random.h"
#include "gateway/gateway.h"

namespace api {
namespace {

constexpr int64_t kFlushEveryNs = 1'000'000'000;

enum class Mode : uint8_t { Whole, Stream, Background };

class ResponseRun final : public gateway::Sink, public std::enable_shared_from_this<ResponseRun> {
 public:
  ResponseRun(const Call& call, const ResponseRequest& request);

  void set_search(FoundFiles found) { found_ = std::move(found); }
  // Stores a response in the background before its generation begins.
  base::Status prepare();
  // What prepare() did is undone, and the call is told why.
  void refuse(const base::Error& error, std::optional<base::Duration> retry_after = {});
  gateway::Admission* admission() { return &admission_; }
  void attach(const std::shared_ptr<gateway::Run>& run);

  void started(const gateway::Answerer&) override { begin(); }
  void delta(const gateway::Delta& delta) override { events_.delta(delta); }
  // What follows waits for the disk, which the ledger's thread must not.
  void end(const gateway::End& end) override {
    app_.workers.run([self = shared_from_this(), end] { self->finish(end); });
  }

 private:
  bool background() const { return mode_ == Mode::Background; }
  const std::string& id() const { return id_; }
  void begin();
  void emit(std::string event);
  void flush_soon();
  base::Status flush();
  void finish(const gateway::End& end);
  void store();
  base::Status store_items();
  void follow(const Call& call);
  void respond(const json::Value& response);

  App& app_;
  Call call_;  // its exchange: until it is answered
  const Mode mode_;
  const bool stream_, store_;
  const std::string conversation_id_;
  StoredResponse stored_;
  const json::Value accepted_;  // the response as it begins
  const std::string id_;
  const std::shared_ptr<LiveAnswer> live_;
  ResponseEvents events_;
  gateway::Admission admission_;  // filled before the sink hears of anything
  std::optional<FoundFiles> found_;
  bool begun_ = false;

  int64_t flushed_ns_ = base::monotonic_ns();
  std::atomic<bool> flushing_{false};
  std::mutex flush_mutex_;
  int64_t flushed_ = 0;  // events that are stored; under flush_mutex_
};

json::Value with_identity(json::Value response, base::Time now) {
  response.set("id", crypto::random_id("resp_"));
  response.set("created_at", now.seconds());
  return response;
}

ResponseRun::ResponseRun(const Call& call, const ResponseRequest& request)
    : app_(*call.app),
      call_(call),
      mode_(request.background ? Mode::Background
            : request.stream   ? Mode::Stream
                               : Mode::Whole),
      stream_(request.stream),
      store_(request.store),
      conversation_id_(request.conversation_id),
      stored_{call.caller.project_id, with_identity(request.response, call.app->clock.now()),
              request.input},
      accepted_(stored_.response),
      id_(accepted_["id"].as_string()),
      live_(std::make_shared<LiveAnswer>(call.caller.project_id, id())),
      events_(
          stored_.response, request.logprobs,
          mode_ == Mode::Whole ? std::function<void(std::string)>()
                               : [this](std::string event) { emit(std::move(event)); }) {}

void ResponseRun::emit(std::string event) {
  live_->log().append(std::move(event));
  if (background()) flush_soon();
}

// The events of a response in the background are on disk about a second after they came.
void ResponseRun::flush_soon() {
  const int64_t now_ns = base::monotonic_ns();
  if (now_ns - flushed_ns_ < kFlushEveryNs || flushing_.exchange(true)) return;
  flushed_ns_ = now_ns;
  const bool queued = app_.workers.try_run([self = shared_from_this()] {
    if (const base::Status status = self->flush(); !status) {
      base::log(base::Level::Warn, "events of a response could not be stored",
                {{"response", self->id()}, {"error", status.error().text()}});
    }
    self->flushing_ = false;
  });
  if (!queued) flushing_ = false;
}

base::Status ResponseRun::flush() {
  const std::lock_guard lock(flush_mutex_);
  const std::vector<std::string> events = live_->log().events_from(flushed_);
  TRY_VOID(append_response_events(app_.objects, stored_.project_id, id(), flushed_, events,
                                  app_.clock.now()));
  flushed_ += static_cast<int64_t>(events.size());
  return {};
}

base::Status ResponseRun::prepare() {
  if (!background()) return {};
  TRY_VOID(insert_response(app_.objects, stored_, app_.clock.now()));
  app_.generations.add(id(), live_);
  events_.created();
  return {};
}

void ResponseRun::refuse(const base::Error& error, std::optional<base::Duration> retry_after) {
  call_.fail(response_refusal(error, stored_.response["model"].as_string()),
             headers_of(admission_, retry_after));
  if (!background()) return;
  app_.generations.forget(id());
  if (const base::Status status = remove_response(app_.objects, stored_.project_id, id()); !status)
    base::log(base::Level::Warn, "a refused response could not be removed",
              {{"response", id()}, {"error", status.error().text()}});
}

void ResponseRun::follow(const Call& call) {
  call.begin_events(headers_of(admission_));
  if (!live_->log().follow(call.exchange, -1)) call.exchange->abort();
}

void ResponseRun::respond(const json::Value& response) {
  net::Response answer = json_response(200, response);
  for (net::Header& header : headers_of(admission_)) answer.headers.push_back(std::move(header));
  call_.respond(std::move(answer));
}

// A client that goes away ends a response in the foreground; one in the background goes on.
void ResponseRun::attach(const std::shared_ptr<gateway::Run>& run) {
  live_->began(run);
  if (!background()) {
    call_.exchange->on_close([weak = std::weak_ptr(live_)] {
      if (const auto live = weak.lock()) live->cancel();
    });
    return;
  }
  if (stream_) return follow(call_);
  respond(accepted_);
}

void ResponseRun::begin() {
  begun_ = true;
  if (!background()) events_.created();
  events_.in_progress();
  if (found_) events_.search(found_->item, std::move(found_->citations));
  live_->set_in_progress();
  if (mode_ == Mode::Stream) follow(call_);
}

base::Status ResponseRun::store_items() {
  const base::Time now = app_.clock.now();
  if (!conversation_id_.empty()) {
    json::Array items = stored_.input;
    const json::Array& output = stored_.response["output"].as_array();
    items.insert(items.end(), output.begin(), output.end());
    TRY_VOID(
        append_conversation_items(app_.objects, stored_.project_id, conversation_id_, &items, now));
  }
  if (background()) return finish_response(app_.objects, stored_, now);
  return store_ ? insert_response(app_.objects, stored_, now) : base::Status();
}

// A response that could not be stored says so: it cannot be continued.
void ResponseRun::store() {
  const base::Status status = store_items();
  if (status || status.error().code == base::Code::NotFound) return;  // deleted meanwhile
  base::log(base::Level::Error, "a response could not be stored",
            {{"response", id()}, {"error", status.error().text()}});
}

void ResponseRun::finish(const gateway::End& end) {
  if (end.error && !begun_ && !background()) return refuse(*end.error, end.retry_after);
  if (!begun_) begin();
  const ResponseEnd how = response_end(end, live_->cancel_asked());
  events_.finish(how, app_.clock.now());
  stored_.response = events_.response();
  store();
  events_.last();
  if (background()) {
    if (const base::Status status = flush(); !status)
      base::log(base::Level::Warn, "events of a response could not be stored",
                {{"response", id()}, {"error", status.error().text()}});
    app_.generations.end(id());
    if (app_.notify) app_.notify(stored_.project_id, "response." + how.status, id());
    return;
  }
  live_->end();
  if (mode_ == Mode::Stream) return;
  if (how.status == "failed" && end.error)
    return call_.fail(*end.error, headers_of(admission_, end.retry_after));
  respond(stored_.response);
}

// Takes away the oldest turn: everything up to the second message of the user. False when there is
// but one.
bool drop_oldest_turn(json::Array* messages) {
  const auto is = [](const json::Value& message, const char* role) {
    return message["role"] == json::Value(role);
  };
  const auto first = std::ranges::find_if(
      *messages, [&](const json::Value& message) { return !is(message, "system"); });
  if (first == messages->end()) return false;
  const auto next = std::find_if(std::next(first), messages->end(),
                                 [&](const json::Value& message) { return is(message, "user"); });
  if (next == messages->end()) return false;
  messages->erase(first, next);
  return true;
}

bool too_long(const base::Error& error) { return error.reason == "context_length_exceeded"; }

}  // namespace

base::Status set_input(ResponseRequest* request, const json::Array& history) {
  json::Array items = history;
  items.insert(items.end(), request->input.begin(), request->input.end());
  TRY(gateway::Messages messages, messages_of_items(items, request->instructions));
  if (messages.list.as_array().empty()) {
    return refuse_parameter("empty_array", "input",
                            "Invalid 'input': empty array. Expected an array with minimum length "
                            "1, but got an empty array instead.");
  }
  request->generation.input = std::move(messages);
  return {};
}

ApiError response_refusal(const base::Error& error, const std::string& model) {
  ApiError shown = to_api_error(error);
  if (error.reason == "model_not_found") {
    shown.status = 400;
    shown.param = "model";
    shown.message = "The requested model '" + model.substr(0, 200) + "' does not exist.";
  }
  if (too_long(error)) shown.param = "input";
  return shown;
}

void start_response(const Call& call, ResponseRequest request, json::Array history) {
  if (const base::Status status = set_input(&request, history); !status)
    return call.fail(status.error());
  gateway::Generation& generation = request.generation;
  identify(call, &generation);
  const auto run = std::make_shared<ResponseRun>(call, request);
  if (request.search) {
    auto found = search_files(call, request);
    if (!found) return call.fail(found.error());
    run->set_search(*std::move(found));
  }
  if (const base::Status status = run->prepare(); !status) return call.fail(status.error());
  while (true) {
    const auto started = call.app->gateway.generate(call.caller, generation, run, run->admission());
    if (started) return run->attach(*started);
    json::Array& messages = std::get<gateway::Messages>(generation.input).list.as_array();
    if (request.truncate && too_long(started.error()) && drop_oldest_turn(&messages)) continue;
    return run->refuse(started.error());
  }
}

}  // namespace api
