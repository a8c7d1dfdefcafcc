#include "engine/engine.h"

#include <algorithm>

#include "base/check.h"
#include "engine/core.h"

namespace engine {

std::string_view finish_name(Finish finish) {
  switch (finish) {
    case Finish::Stop:
      return "stop";
    case Finish::Length:
      return "length";
    case Finish::Cancelled:
      return "cancelled";
    case Finish::Error:
      return "error";
  }
  CHECK(false);  // every finish has a name
  return {};
}

base::Result<std::unique_ptr<Engine>> Engine::start(std::shared_ptr<const model::Model> model,
                                                    const Options& options) {
  CHECK(model != nullptr && model->has_tokenizer());
  CHECK(options.max_batch > 0 && options.queue_max > 0 && options.prefill_tokens_per_step > 0);
  const int64_t page_bytes = model::KvCache::page_bytes(*model);
  const int64_t pages_per_stream =
      (model->config().context_length + kernels::kPageTokens - 1) / kernels::kPageTokens;
  const auto affordable =
      static_cast<int64_t>(options.kv_bytes_max / static_cast<uint64_t>(page_bytes));
  const int64_t pages = std::min(affordable, pages_per_stream * options.max_batch);
  if (pages < 1) {
    return base::fail(base::Code::InvalidArgument,
                      "kv_bytes_max is " + std::to_string(options.kv_bytes_max) + " bytes, and " +
                          std::to_string(kernels::kPageTokens) + " tokens of this model need " +
                          std::to_string(page_bytes),
                      "kv_bytes_max", "invalid_value");
  }
  TRY(auto cache, model::KvCache::create(*model, pages));
  return std::unique_ptr<Engine>(
      new Engine(std::make_unique<Core>(std::move(model), options, std::move(cache))));
}

Engine::Engine(std::unique_ptr<Core> core) : core_(std::move(core)) {}
Engine::~Engine() = default;

base::Result<uint64_t> Engine::submit(Request request, Sink sink) {
  return core_->submit(std::move(request), std::move(sink));
}
void Engine::cancel(uint64_t id) { core_->cancel(id); }
void Engine::drain() { core_->drain(); }
Stats Engine::stats() const { return core_->stats(); }
const model::Model& Engine::model() const { return *core_->model(); }
std::shared_ptr<const model::Model> Engine::shared_model() const { return core_->model(); }
int64_t Engine::context_length() const { return core_->context_length(); }

}  // namespace engine
