#include "gateway/upstream_attempt.h"

#include <algorithm>

#include "base/check.h"
#include "base/log.h"

namespace gateway {
namespace {

constexpr size_t kEventBytesMax = 8u << 20;
constexpr size_t kWholeBytesMax = 32u << 20;
constexpr size_t kErrorBytesMax = 64u << 10;
constexpr int64_t kBytesPerToken = 4;      // of English, likely; a token has at least one byte
constexpr int64_t kTokensPerMessage = 16;  // at most: what a template writes around each
constexpr int64_t kTokensPerImageMax = 20'000;

std::string_view find_header(const std::vector<net::Header>& headers, std::string_view name) {
  const auto found = std::ranges::find(headers, name, &net::Header::name);
  return found == headers.end() ? std::string_view() : std::string_view(found->value);
}

// The bytes of every string in the value, which bound the tokens that it can become.
void add_size(const json::Value& value, int64_t* bytes, int64_t* others) {
  if (value.is_string()) {
    // An image's bytes are not read as text.
    if (value.as_string().starts_with("data:"))
      *others += kTokensPerImageMax;
    else
      *bytes += static_cast<int64_t>(value.as_string().size());
  } else if (value.is_array()) {
    for (const json::Value& element : value.as_array()) add_size(element, bytes, others);
  } else if (value.is_object()) {
    for (const auto& [name, member] : value.as_object()) {
      *bytes += static_cast<int64_t>(name.size());
      if (name == "image_url") *others += kTokensPerImageMax;
      add_size(member, bytes, others);
    }
  } else {
    *bytes += 8;
  }
}

}  // namespace

PromptSize prompt_size(const Generation& generation) {
  if (const auto* tokens = std::get_if<std::vector<int32_t>>(&generation.input)) {
    const auto count = static_cast<int64_t>(tokens->size());
    return {count + 1, count};
  }
  int64_t bytes = 0, others = kTokensPerMessage, messages = 0;
  if (const auto* text = std::get_if<std::string>(&generation.input)) {
    bytes = static_cast<int64_t>(text->size() + generation.suffix.size());
  } else {
    const json::Value& list = std::get<Messages>(generation.input).list;
    messages = static_cast<int64_t>(list.as_array().size());
    add_size(list, &bytes, &others);
  }
  for (const Tool& tool : generation.tools) {
    bytes += static_cast<int64_t>(tool.name.size() + tool.description.size()) + 64;
    add_size(tool.parameters, &bytes, &others);
  }
  if (generation.format.kind != OutputFormat::Kind::Text)
    add_size(generation.format.schema, &bytes, &others);
  return {bytes + others + messages * kTokensPerMessage, bytes / kBytesPerToken + messages * 4 + 1};
}

UpstreamAttempt::UpstreamAttempt(Plan plan, const Generation& generation)
    : plan_(std::move(plan)),
      generation_(generation),
      reader_(make_reader(plan_.upstream->kind(), generation)),
      answerer_{generation.model, "upstream:" + plan_.upstream->name() + "/" + plan_.model, "", {}},
      sse_(kEventBytesMax) {}

void UpstreamAttempt::start(std::shared_ptr<AttemptListener> listener) {
  listener_ = std::move(listener);
  begun_ns_ = last_event_ns_ = base::monotonic_ns();
  const UpstreamOptions& options = plan_.upstream->options();
  WireRequest wire{generation_, plan_.model};
  wire.max_tokens = plan_.max_tokens;
  wire.max_tokens_parameter = options.max_tokens_parameter;
  wire.prefix = plan_.prefix;
  WireCall written = write_call(plan_.upstream->kind(), wire);
  net::ClientRequest request =
      plan_.upstream->request(written.path, std::move(written.body), generation_.traceparent);
  const std::lock_guard lock(call_mutex_);
  call_ = plan_.upstream->client().send(std::move(request), shared_from_this());
}

void UpstreamAttempt::cancel() {
  std::shared_ptr<net::ClientCall> call;
  {
    const std::lock_guard lock(call_mutex_);
    cancelled_ = true;
    call = call_;
  }
  if (call) call->cancel();
}

// The provider's own time limits bound how long it takes.
void UpstreamAttempt::leave() {
  if (!generation_.whole) cancel();
}

void UpstreamAttempt::head(int status, const std::vector<net::Header>& headers) {
  status_ = status;
  last_event_ns_ = base::monotonic_ns();
  retry_after_ = parse_retry_after(find_header(headers, "retry-after-ms"),
                                   find_header(headers, "retry-after"));
  const std::string_view type = find_header(headers, "content-type");
  if (status < 200 || status > 299)
    body_ = Body::Error;
  else if (type.starts_with("text/event-stream"))
    body_ = Body::Events;
  else if (type.starts_with("application/json"))
    body_ = Body::Whole;
  else
    body_ = Body::Wrong;
}

void UpstreamAttempt::data(std::string_view bytes) {
  if (!listener_) return;
  if (body_ == Body::Events) return read_events(bytes);
  if (body_ == Body::Wrong)
    return abandon(broken({base::Code::Malformed, "content type", {}, {}, {}}));
  const size_t most = body_ == Body::Error ? kErrorBytesMax : kWholeBytesMax;
  if (text_.size() + bytes.size() > most) {
    if (body_ == Body::Error)
      return abandon(failure_of(*plan_.upstream, ProviderError{.status = status_}, retry_after_));
    return abandon(broken({base::Code::TooLarge, "too large", "response_too_large", {}, {}}));
  }
  text_ += bytes;
}

void UpstreamAttempt::read_events(std::string_view bytes) {
  const int64_t now = base::monotonic_ns();
  const base::Status status =
      sse_.push(bytes, [&](std::string_view type, std::string_view event) -> base::Status {
        last_event_ns_ = now;
        if (!listener_ || reader_->closed()) return {};
        TRY_VOID(reader_->read_event(type, event, &deltas_));
        hand_over();
        return {};
      });
  if (!listener_) return;
  const UpstreamOptions& options = plan_.upstream->options();
  if (!status) return abandon(broken(status.error()));
  if (reader_->closed()) {
    if (reader_->complete()) return succeed();
    return abandon(broken({base::Code::Malformed, "an answer without its end", "cut_off", {}, {}}));
  }
  // Comments and half lines keep a connection alive, not an answer.
  if (now - last_event_ns_ > options.idle_timeout.ns || now - begun_ns_ > options.total_timeout.ns)
    abandon(broken({base::Code::Unavailable, "too slow", "timeout_idle", {}, {}}));
}

void UpstreamAttempt::hand_over() {
  for (Delta& delta : deltas_) {
    size_t bytes = delta.text.size() + delta.reasoning.size() + delta.refusal.size();
    for (const ToolCallDelta& call : delta.tool_calls)
      bytes += call.name.size() + call.arguments.size();
    if (bytes > 0) ++pieces_;
    piece_bytes_ += static_cast<int64_t>(bytes);
    listener_->attempt_delta(*this, std::move(delta));
  }
  deltas_.clear();
}

Failure UpstreamAttempt::broken(const base::Error& error) const {
  if (reader_->stated()) return failure_of(*plan_.upstream, *reader_->stated(), retry_after_);
  return failure_of(*plan_.upstream, error);
}

void UpstreamAttempt::end(const base::Status& status) {
  if (!listener_) return;
  bool cancelled = false;
  {
    const std::lock_guard lock(call_mutex_);
    cancelled = cancelled_;
  }
  if (cancelled && !reader_->complete()) {
    AttemptEnd out;
    for (const auto& finish : reader_->finishes())
      out.finishes.push_back(finish.value_or(Finish::Cancelled));
    out.usage = usage();
    return finish(std::move(out));
  }
  if (body_ == Body::Error)
    return fail(failure_of(*plan_.upstream, read_provider_error(status_, text_), retry_after_));
  if (body_ == Body::Events && reader_->complete()) return succeed();
  if (!status) return fail(broken(status.error()));
  if (body_ == Body::Whole) {
    if (const base::Status read = reader_->read_whole(text_, &deltas_); !read)
      return fail(broken(read.error()));
    hand_over();
    if (reader_->complete()) return succeed();
  }
  const bool wrong = body_ == Body::Wrong;
  fail(broken({base::Code::Malformed, "no answer", wrong ? "" : "cut_off", {}, {}}));
}

void UpstreamAttempt::fail(Failure failure) {
  base::log(base::Level::Warn, "upstream failed",
            {{"request_id", generation_.request_id},
             {"upstream", plan_.upstream->name()},
             {"model", plan_.model},
             {"status", status_},
             {"error", failure.error.message}});
  AttemptEnd out;
  for (const auto& finish : reader_->finishes())
    out.finishes.push_back(finish.value_or(Finish::Error));
  out.usage = usage();
  out.failure = std::move(failure);
  finish(std::move(out));
}

// In the midst of the answer: what still comes is of no use.
void UpstreamAttempt::abandon(Failure failure) {
  fail(std::move(failure));
  cancel();
}

void UpstreamAttempt::succeed() {
  AttemptEnd out;
  for (const auto& finish : reader_->finishes()) out.finishes.push_back(*finish);
  out.usage = usage();
  finish(std::move(out));
}

void UpstreamAttempt::finish(AttemptEnd end) {
  const std::shared_ptr<AttemptListener> listener = std::move(listener_);
  listener_ = nullptr;
  listener->attempt_end(*this, std::move(end));
}

// The provider's count where it can be true, ours where it cannot, and never more than was held.
TokenUsage UpstreamAttempt::usage() const {
  const int64_t completion_max =
      plan_.max_tokens * std::max(generation_.choices, generation_.best_of);
  TokenUsage own;
  own.prompt = std::min(plan_.prompt.tokens_likely, plan_.prompt.tokens_max);
  // Most send a piece for each token; where pieces are larger, their bytes tell.
  const bool piece_is_token = piece_bytes_ <= 2 * kBytesPerToken * pieces_;
  own.completion =
      std::min(piece_is_token ? pieces_ : (piece_bytes_ + kBytesPerToken - 1) / kBytesPerToken,
               completion_max);
  if (!reader_->usage()) return own;
  TokenUsage out = *reader_->usage();
  const bool prompt_possible = out.prompt > 0 && out.prompt <= plan_.prompt.tokens_max;
  const bool completion_possible =
      out.completion <= completion_max && (out.completion > 0 || pieces_ == 0);
  if (!prompt_possible || !completion_possible) {
    base::log(base::Level::Warn, "upstream usage cannot be true",
              {{"request_id", generation_.request_id},
               {"upstream", plan_.upstream->name()},
               {"prompt_tokens", out.prompt},
               {"completion_tokens", out.completion},
               {"prompt_tokens_max", plan_.prompt.tokens_max},
               {"completion_tokens_max", completion_max}});
  }
  if (!prompt_possible) out.prompt = own.prompt;
  if (!completion_possible) out.completion = own.completion;
  out.cached = std::clamp<int64_t>(out.cached, 0, out.prompt);
  out.reasoning = std::clamp<int64_t>(out.reasoning, 0, out.completion);
  return out;
}

}  // namespace gateway
