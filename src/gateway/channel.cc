#include "gateway/channel.h"

#include <algorithm>

#include "model/prompt.h"

namespace gateway {

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
      fingerprint_("fp_" + release_.manifest_digest.substr(0, 12)) {
  const text::Tokenizer& tokenizer = model().tokenizer();
  for (int32_t id = 0; id < tokenizer.size(); ++id) {
    token_bytes_max_ = std::max(token_bytes_max_, tokenizer.token_bytes(id).size());
  }
}

base::Result<std::vector<int32_t>> Channel::prompt(const json::Value& messages) const {
  TRY(const std::string text, model::render_chat(model(), messages));
  const int64_t context_length = engine_->context_length();
  const auto tokens_min = static_cast<int64_t>(text.size() / token_bytes_max_);
  if (tokens_min > context_length)
    return std::unexpected(context_length_exceeded(context_length, tokens_min));
  std::vector<int32_t> tokens = model::encode_chat(model(), text);
  const auto count = static_cast<int64_t>(tokens.size());
  if (count >= context_length)
    return std::unexpected(context_length_exceeded(context_length, count));
  if (tokens.empty()) {
    return base::fail(base::Code::InvalidArgument,
                      "the messages are empty for this model; write something", "messages");
  }
  return tokens;
}

}  // namespace gateway
