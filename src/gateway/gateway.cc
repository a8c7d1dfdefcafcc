#include "gateway/gateway.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/check.h"
#include "base/log.h"
#include "base/random.h"

namespace gateway {

Gateway::Gateway(journal::Ledger& ledger, telemetry::Registry& metrics,
                 std::vector<std::shared_ptr<Channel>> channels)
    : ledger_(ledger),
      channels_(std::move(channels)),
      refused_(
          metrics.counter("charter_requests_refused_total", "Requests refused before any work.")) {
  for (const std::shared_ptr<Channel>& channel : channels_) {
    const telemetry::Labels labels = {{"model", channel->name()}};
    metrics_.push_back(
        {metrics.counter("charter_requests_total", "Requests admitted.", labels),
         metrics.counter("charter_requests_failed_total",
                         "Requests that failed after they were admitted.", labels),
         metrics.counter("charter_requests_cancelled_total", "Requests whose client went away.",
                         labels),
         metrics.counter("charter_prompt_tokens_total", "Tokens read, as billed.", labels),
         metrics.counter("charter_completion_tokens_total", "Tokens written, as billed.", labels),
         metrics.histogram("charter_first_token_seconds", "From the request to its first token.",
                           labels),
         metrics.histogram("charter_request_seconds",
                           "From the request to the durable end of its answer.", labels)});
    engine::Engine* engine = &channel->engine();
    metrics.gauge("charter_engine_active", "Streams in the batch.", labels,
                  [engine] { return static_cast<double>(engine->stats().active); });
    metrics.gauge("charter_engine_queued", "Requests that wait for a place.", labels,
                  [engine] { return static_cast<double>(engine->stats().queued); });
    metrics.gauge("charter_engine_kv_pages_free", "Free pages of KV memory.", labels,
                  [engine] { return static_cast<double>(engine->stats().pages_free); });
  }
}

Gateway::~Gateway() {
  drain();
  cancel_all();
  wait(base::seconds(3600));
}

std::shared_ptr<Channel> Gateway::find(std::string_view name) const {
  for (const std::shared_ptr<Channel>& channel : channels_) {
    if (channel->name() == name) return channel;
  }
  return nullptr;
}

Gateway::ChannelMetrics& Gateway::metrics_of(const Channel& channel) {
  for (size_t i = 0; i < channels_.size(); ++i) {
    if (channels_[i].get() == &channel) return metrics_[i];
  }
  CHECK(false);
  return metrics_[0];
}

// Holds the worst case. Without a limit in the request, that is what the context has room for or,
// if less, what the balance pays; another request may take from the balance meanwhile, hence the
// second try.
base::Result<journal::Hold> Gateway::hold(const identity::Caller& caller, const Channel& channel,
                                          const ChatRequest& request, int64_t prompt_tokens,
                                          int64_t* max_tokens) {
  const money::PriceQuote& price = channel.release().price;
  const int64_t room = channel.engine().context_length() - prompt_tokens;
  for (int attempt = 0;; ++attempt) {
    *max_tokens = request.max_tokens > 0 ? std::min(request.max_tokens, room) : room;
    if (request.max_tokens == 0 && price.out_micro_per_million > 0) {
      TRY(const money::Amount for_prompt, money::cost(price, prompt_tokens, 0));
      const money::Uint128 left = ledger_.available(caller.account).pico();
      const money::Uint128 for_answer = left > for_prompt.pico() ? left - for_prompt.pico() : 0;
      const money::Uint128 tokens =
          for_answer / price.out_micro_per_million / static_cast<uint64_t>(request.choices);
      if (tokens < static_cast<money::Uint128>(*max_tokens))
        *max_tokens = std::max<int64_t>(1, static_cast<int64_t>(tokens));
    }
    journal::HoldRequest worst;
    worst.account = caller.account;
    worst.request_id = request.request_id;
    TRY(worst.amount, money::cost(price, prompt_tokens, *max_tokens * request.choices));
    worst.price = price;
    worst.epoch = channel.release().epoch;
    auto held = ledger_.hold(std::move(worst));
    const bool lost_a_race =
        !held && held.error().code == base::Code::QuotaExceeded && request.max_tokens == 0;
    if (!lost_a_race || attempt == 2) return held;
  }
}

base::Status Gateway::submit(ChatRun& run, const ChatRequest& request,
                             const std::vector<int32_t>& prompt, int64_t max_tokens) {
  const model::GenerationDefaults& defaults = run.channel_->model().defaults();
  engine::Request job;
  job.prompt = prompt;
  job.sampling = request.sampling;
  job.sampling.temperature =
      request.temperature.value_or(static_cast<float>(defaults.temperature.value_or(1)));
  job.sampling.top_p = request.top_p.value_or(static_cast<float>(defaults.top_p.value_or(1)));
  job.max_tokens = max_tokens;
  job.stop = request.stop;
  job.fairness_key = run.caller_.project_id;
  uint64_t seeds = request.sampling.seed.value_or(0);
  for (int i = 0; i < request.choices; ++i) {
    // Each choice has its own stream of random numbers; the first has that of a request for one.
    if (i > 0 && request.sampling.seed) job.sampling.seed = base::splitmix64(&seeds);
    TRY(const uint64_t id, run.channel_->engine().submit(
                               job, [self = run.shared_from_this(), i](const engine::Event& event) {
                                 self->on_event(i, event);
                               }));
    const std::lock_guard lock(run.mutex_);
    run.choices_[static_cast<size_t>(i)].engine_id = id;
    run.choices_[static_cast<size_t>(i)].submitted = true;
  }
  return {};
}

base::Result<std::shared_ptr<ChatRun>> Gateway::chat(const identity::Caller& caller,
                                                     ChatRequest request,
                                                     std::shared_ptr<ChatSink> sink) {
  CHECK(request.choices >= 1);
  auto admit = [&]() -> base::Result<std::shared_ptr<ChatRun>> {
    if (draining_.load()) {
      return base::fail(base::Code::Unavailable, "the server is shutting down; try again later", {},
                        "server_is_draining");
    }
    auto run = std::make_shared<ChatRun>();
    run->gateway_ = this;
    run->channel_ = find(request.channel);
    if (!run->channel_) {
      return base::fail(
          base::Code::NotFound,
          "The model `" + request.channel + "` does not exist or you do not have access to it.",
          request.channel, "model_not_found");
    }
    TRY(const std::vector<int32_t> prompt, run->channel_->prompt(request.messages));
    run->sink_ = std::move(sink);
    run->caller_ = caller;
    run->request_id_ = request.request_id;
    run->received_ns_ = request.received_ns;
    run->prompt_tokens_ = static_cast<int64_t>(prompt.size());
    run->choices_.resize(static_cast<size_t>(request.choices));
    run->unfinished_ = run->choices_.size();
    int64_t max_tokens = 0;
    TRY(run->hold_, hold(caller, *run->channel_, request, run->prompt_tokens_, &max_tokens));

    running_.fetch_add(1);
    if (base::Status status = submit(*run, request, prompt, max_tokens); !status) {
      ledger_.release(run->hold_, "refused before it ran");
      {
        const std::lock_guard lock(run->mutex_);
        run->refused_ = true;
        run->early_.clear();
      }
      run->cancel();
      running_.fetch_sub(1);
      return std::unexpected(std::move(status).error());
    }
    return run;
  };
  auto run = admit();
  if (!run) {
    refused_.add();
    return run;
  }
  metrics_of((*run)->channel()).requests.add();
  {
    const std::lock_guard lock(runs_mutex_);
    std::erase_if(runs_, [](const std::weak_ptr<ChatRun>& other) { return other.expired(); });
    runs_.push_back(*run);
  }
  const std::lock_guard lock((*run)->mutex_);
  (*run)->sink_->started(**run);
  for (const auto& [choice, event] : (*run)->early_) (*run)->take_event(choice, event);
  (*run)->early_.clear();
  (*run)->submitting_ = false;
  return run;
}

void Gateway::drain() { draining_.store(true); }

void Gateway::cancel_all() {
  std::vector<std::shared_ptr<ChatRun>> live;
  {
    const std::lock_guard lock(runs_mutex_);
    for (const std::weak_ptr<ChatRun>& run : runs_) {
      if (auto strong = run.lock()) live.push_back(std::move(strong));
    }
  }
  for (const std::shared_ptr<ChatRun>& run : live) run->cancel();
}

bool Gateway::wait(base::Duration limit) {
  const int64_t deadline_ns = base::monotonic_ns() + limit.ns;
  while (running_.load() > 0 && base::monotonic_ns() < deadline_ns) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
  }
  return running_.load() == 0;
}

}  // namespace gateway
