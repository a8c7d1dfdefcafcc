#include "gateway/channel.h"

#include <algorithm>

#include "base/log.h"
#include "model/prompt.h"

namespace gateway {

namespace {
constexpr std::string_view kErrorRate = "error.rate";
}

base::Error context_length_exceeded(int64_t context_length, int64_t prompt_tokens) {
  return {base::Code::TooLarge,
          "This model's maximum context length is " + std::to_string(context_length) +
              " tokens. However, your messages resulted in " + std::to_string(prompt_tokens) +
              " tokens. Please reduce the length of the messages.",
          "context_length_exceeded",
          "messages",
          {}};
}

base::Result<std::shared_ptr<Channel>> Channel::start(ReleaseInfo release,
                                                      std::shared_ptr<const model::Model> model,
                                                      const engine::Options& options) {
  if (!model->has_tokenizer()) {
    return base::fail(base::Code::FailedPrecondition,
                      "the model has no tokenizer, so it cannot be served", release.channel);
  }
  TRY(auto engine, engine::Engine::start(std::move(model), options));
  return std::shared_ptr<Channel>(new Channel(std::move(release), std::move(engine)));
}

Channel::Channel(ReleaseInfo release, std::unique_ptr<engine::Engine> engine)
    : release_(std::move(release)),
      engine_(std::move(engine)),
      tool_format_(engine_->shared_model()),
      fingerprint_("fp_" + release_.manifest_digest.substr(0, 12)) {
  const text::Tokenizer& tokenizer = model().tokenizer();
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    token_bytes_max_ = std::max(token_bytes_max_, tokenizer.token_bytes(id).size());
  }
}

void Channel::watch(const std::vector<govern::Monitor>& monitors, base::Time now) {
  const std::lock_guard lock(watch_mutex_);
  watches_.clear();
  for (const govern::Monitor& monitor : monitors) {
    if (monitor.id != kErrorRate) continue;
    watches_.emplace_back(monitor);
    watches_.back().begin_stage(now);
  }
}

void Channel::observe(bool failed, base::Time now) {
  bool fired = false;
  {
    const std::lock_guard lock(watch_mutex_);
    for (govern::Watch& watch : watches_) fired |= watch.observe(failed, now);
  }
  if (!fired) return;
  base::log(
      base::Level::Error, "alarm",
      {{"cause", "a monitor fired"}, {"channel", release_.channel}, {"release", release_.id}});
  halt({base::Code::Unavailable,
        "The model that was answering has been stopped. Please ask again.",
        "release_halted",
        {},
        {}});
}

std::vector<govern::Watch> Channel::watches() const {
  const std::lock_guard lock(watch_mutex_);
  return watches_;
}

void Channel::halt(base::Error error) {
  const std::lock_guard lock(halt_mutex_);
  if (halted() != nullptr) return;
  halt_error_ = std::make_unique<const base::Error>(std::move(error));
  halted_.store(halt_error_.get(), std::memory_order_release);
}

base::Status Channel::check_length(std::string_view text) const {
  const auto tokens_min = static_cast<int64_t>(text.size() / token_bytes_max_);
  if (tokens_min <= engine_->context_length()) return {};
  return std::unexpected(context_length_exceeded(engine_->context_length(), tokens_min));
}

base::Result<std::vector<int32_t>> Channel::check_prompt(std::vector<int32_t> tokens) const {
  const auto count = static_cast<int64_t>(tokens.size());
  if (count >= engine_->context_length())
    return std::unexpected(context_length_exceeded(engine_->context_length(), count));
  if (tokens.empty()) {
    return base::fail(base::Code::InvalidArgument,
                      "the messages are empty for this model; write something", "messages");
  }
  return tokens;
}

base::Result<std::vector<int32_t>> Channel::prompt(const json::Value& messages,
                                                   const model::AnswerForm& form) const {
  TRY(const std::string text, tool_format_.render(messages, form));
  TRY_VOID(check_length(text));
  return check_prompt(model::encode_chat(model(), text));
}

base::Result<std::vector<int32_t>> Channel::text_prompt(std::string_view text) const {
  TRY_VOID(check_length(text));
  const text::Tokenizer& tokenizer = model().tokenizer();
  std::vector<int32_t> tokens = tokenizer.encode(text, false);
  if (tokenizer.add_bos() && tokenizer.bos() >= 0) tokens.insert(tokens.begin(), tokenizer.bos());
  return check_prompt(std::move(tokens));
}

}  // namespace gateway
