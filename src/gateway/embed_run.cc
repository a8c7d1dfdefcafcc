#include "gateway/embed_run.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/bytes.h"
#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/provider_query.h"

namespace gateway {
namespace {

constexpr size_t kRunningMax = 16;  // inputs at once in the engine
constexpr size_t kDimensionsMax = 1 << 16;

std::unexpected<base::Error> malformed(std::string message) {
  return base::fail(base::Code::Malformed, std::move(message));
}

// A list of numbers, or little-endian float32 in base64.
base::Result<std::vector<float>> read_vector(const json::Value& value) {
  std::vector<float> out;
  if (value.is_array()) {
    for (const json::Value& number : value.as_array()) {
      if (!number.is_number()) return malformed("an embedding has a member that is no number");
      out.push_back(static_cast<float>(number.as_double()));
    }
  } else if (value.is_string()) {
    TRY(const base::Bytes bytes, base::from_base64(value.as_string()));
    if (bytes.size() % sizeof(float) != 0) return malformed("an embedding is cut");
    out.resize(bytes.size() / sizeof(float));
    std::memcpy(out.data(), bytes.data(), bytes.size());
  }
  if (out.empty() || out.size() > kDimensionsMax) return malformed("an embedding is missing");
  if (!std::ranges::all_of(out, [](float number) { return std::isfinite(number); }))
    return malformed("an embedding is not finite");
  return out;
}

WireCall write_embeddings(const EmbeddingRequest& request, const Target& target) {
  json::Array inputs;
  for (const auto& input : request.inputs) {
    if (const auto* text = std::get_if<std::string>(&input)) {
      inputs.push_back(*text);
      continue;
    }
    json::Array tokens;
    for (const int32_t token : std::get<std::vector<int32_t>>(input))
      tokens.push_back(int64_t{token});
    inputs.push_back(std::move(tokens));
  }
  json::Value body = json::Object{
      {"model", target.model}, {"input", std::move(inputs)}, {"encoding_format", "base64"}};
  if (request.dimensions) body.set("dimensions", *request.dimensions);
  return {"/embeddings", json::dump(body)};
}

}  // namespace

base::Status shorten(std::vector<float>* vector, std::optional<int64_t> dimensions) {
  if (!dimensions || *dimensions == static_cast<int64_t>(vector->size())) return {};
  if (*dimensions > static_cast<int64_t>(vector->size()))
    return base::fail(base::Code::InvalidArgument,
                      "Invalid value for 'dimensions' = " + std::to_string(*dimensions) +
                          ". Must be less than or equal to " + std::to_string(vector->size()) + ".",
                      "dimensions", "invalid_value");
  vector->resize(static_cast<size_t>(*dimensions));
  double sum = 0;
  for (const float number : *vector) sum += double{number} * double{number};
  const auto scale = static_cast<float>(sum > 0 ? 1 / std::sqrt(sum) : 0);
  for (float& number : *vector) number *= scale;
  return {};
}

EmbedRun::EmbedRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                   const identity::Caller& caller, EmbeddingRequest request, Done done)
    : gateway_(gateway),
      route_(std::move(route)),
      caller_(caller),
      request_(std::move(request)),
      done_(std::move(done)),
      metering_(gateway.house_, caller_, route_->name, request_.request_id) {}

base::Status EmbedRun::start(Admission* admission) {
  std::vector<const Target*> providers;
  base::Rng random(static_cast<uint64_t>(base::monotonic_ns()));
  for (const Target* target : order_targets(*route_, random, caller_.user_id)) {
    if (target->channel && providers.empty()) return start_local(*target, admission);
    if (target->upstream && target->upstream->kind() == UpstreamKind::OpenAi)
      providers.push_back(target);
  }
  if (!providers.empty()) return start_providers(std::move(providers), admission);
  return base::fail(base::Code::Unimplemented,
                    "The model `" + route_->name + "` has no embeddings.", "model");
}

base::Status EmbedRun::admit(const money::PriceQuote& price, Admission* admission) {
  TRY_VOID(metering_.take_rates(tokens_likely_, admission));
  if (!route_->metered) return {};
  TRY(const money::Amount worst, money::cost(price, tokens_, 0));
  base::Status held = metering_.hold(worst, price, 0);
  if (!held) metering_.drop("refused before it ran");
  return held;
}

base::Status EmbedRun::read_inputs(const Channel& channel) {
  const text::Tokenizer& tokenizer = channel.model().tokenizer();
  for (const auto& input : request_.inputs) {
    if (const auto* text = std::get_if<std::string>(&input))
      inputs_.push_back(tokenizer.encode(*text, false));
    else
      inputs_.push_back(std::get<std::vector<int32_t>>(input));
    const auto count = static_cast<int64_t>(inputs_.back().size());
    if (count == 0)
      return base::fail(base::Code::InvalidArgument, "an input is empty for this model", "input");
    if (count > channel.engine().context_length()) {
      base::Error error = context_length_exceeded(channel.engine().context_length(), count);
      error.where = "input";
      return std::unexpected(std::move(error));
    }
    tokens_ += count;
  }
  tokens_likely_ = tokens_;
  return {};
}

base::Status EmbedRun::start_local(const Target& target, Admission* admission) {
  local_ = &target;
  if (request_.dimensions && *request_.dimensions > target.channel->model().config().dim) {
    std::vector<float> whole(static_cast<size_t>(target.channel->model().config().dim));
    TRY_VOID(shorten(&whole, request_.dimensions));
  }
  TRY_VOID(read_inputs(*target.channel));
  TRY_VOID(admit(target.price, admission));
  result_.vectors.resize(inputs_.size());
  result_.usage.prompt = tokens_;
  result_.answerer = {route_->name, target.id(), target.channel->fingerprint(), target.channel};
  base::Status status;
  {
    const std::lock_guard lock(mutex_);
    status = submit_one();
  }
  if (!status) {
    metering_.drop("refused before it ran");
    return status;
  }
  submit_more();
  return {};
}

base::Status EmbedRun::submit_one() {
  const size_t index = submitted_;
  engine::Request job;
  job.task = engine::Task::Embed;
  job.prompt = std::move(inputs_[index]);
  job.fairness_key = caller_.project_id;
  TRY_VOID(local_->channel->engine().submit(
      std::move(job), [self = shared_from_this(), index](const engine::Event& event) {
        self->on_event(index, event);
      }));
  ++submitted_;
  ++running_;
  return {};
}

// A few at a time, so that one request does not fill the engine's queue.
void EmbedRun::submit_more() {
  const std::lock_guard lock(mutex_);
  while (!error_ && submitted_ < inputs_.size() && running_ < kRunningMax) {
    if (const base::Status status = submit_one(); !status) {
      if (running_ > 0 && status.error().code == base::Code::Unavailable) return;  // later
      error_ = status.error();
    }
  }
}

void EmbedRun::on_event(size_t index, const engine::Event& event) {
  if (!event.finish) return;
  bool last = false;
  {
    const std::lock_guard lock(mutex_);
    --running_;
    if (event.error && !error_) error_ = event.error;
    std::vector<float>& vector = result_.vectors[index];
    vector = event.embedding;
    if (!error_ && vector.empty())
      error_ = base::Error{
          base::Code::Unavailable, "the answer was cut off", "server_is_draining", {}, {}};
    if (!error_) {
      if (const base::Status cut = shorten(&vector, request_.dimensions); !cut)
        error_ = cut.error();
    }
  }
  submit_more();
  {
    const std::lock_guard lock(mutex_);
    last = running_ == 0;
  }
  if (last) finish(local_, error_);
}

base::Status EmbedRun::start_providers(std::vector<const Target*> order, Admission* admission) {
  constexpr int64_t kBytesPerToken = 4;
  for (const auto& input : request_.inputs) {
    const auto* text = std::get_if<std::string>(&input);
    const size_t size = text != nullptr ? text->size() : std::get<1>(input).size();
    tokens_ += static_cast<int64_t>(size) + 8;
    tokens_likely_ += static_cast<int64_t>(size) / (text != nullptr ? kBytesPerToken : 1) + 1;
  }
  money::PriceQuote price = order.front()->price;
  for (const Target* target : order)
    price.in_micro_per_million =
        std::max(price.in_micro_per_million, target->price.in_micro_per_million);
  TRY_VOID(admit(price, admission));
  ProviderQuery::Plan plan;
  plan.route = route_;
  plan.order = std::move(order);
  plan.request_id = request_.request_id;
  plan.traceparent = request_.traceparent;
  plan.write = [self = shared_from_this()](const Target& target) {
    return write_embeddings(self->request_, target);
  };
  plan.read = [self = shared_from_this()](const Target&, std::string_view body) {
    return self->read_answer(body);
  };
  plan.done = [self = shared_from_this()](base::Result<const Target*> target) {
    if (!target) return self->finish(nullptr, target.error());
    self->result_.answerer = {self->route_->name, (*target)->id(), "", {}};
    self->finish(*target, {});
  };
  ProviderQuery::start(std::move(plan));
  return {};
}

base::Status EmbedRun::read_answer(std::string_view body) {
  TRY(const json::Value value, json::parse(body));
  const json::Value* data = find_member(value, "data");
  if (data == nullptr || !data->is_array() || data->as_array().size() != request_.inputs.size())
    return malformed("there are not as many embeddings as inputs");
  std::vector<std::vector<float>> vectors(request_.inputs.size());
  for (size_t i = 0; i < data->as_array().size(); ++i) {
    const json::Value& entry = data->as_array()[i];
    const auto index = static_cast<size_t>(count_member(entry, "index").value_or(int64_t(i)));
    if (index >= vectors.size() || !vectors[index].empty())
      return malformed("an embedding belongs to no input");
    TRY(vectors[index], read_vector(entry["embedding"]));
    TRY_VOID(shorten(&vectors[index], request_.dimensions));
  }
  result_.vectors = std::move(vectors);
  const json::Value* usage = find_member(value, "usage");
  const auto prompt = usage != nullptr ? count_member(*usage, "prompt_tokens") : std::nullopt;
  const bool possible = prompt && *prompt > 0 && *prompt <= tokens_;
  result_.usage.prompt = possible ? *prompt : tokens_likely_;
  return {};
}

void EmbedRun::finish(const Target* target, std::optional<base::Error> error) {
  auto durable = [self = shared_from_this(), target, error](const base::Status& status) {
    self->report(target, error || status ? error : std::optional(status.error()));
  };
  if (error) return metering_.drop("nothing was delivered", std::move(durable));
  journal::Usage usage;
  usage.kind = journal::UsageKind::Embeddings;
  if (target->upstream)
    usage.upstream = target->upstream->name() + "/" + target->model;
  else
    usage.release_id = target->id();
  usage.prompt_tokens = result_.usage.prompt;
  usage.batch = request_.batch;
  const auto cost = money::cost(target->price, usage.prompt_tokens, 0);
  if (cost && route_->metered) result_.cost = *cost;
  const auto settled = metering_.settle(std::move(usage), target->price, std::move(durable));
  if (!settled) report(target, settled.error());
}

void EmbedRun::report(const Target* target, const std::optional<base::Error>& error) {
  const int64_t duration_ns = base::monotonic_ns() - request_.received_ns;
  route_->metrics->duration.observe_ns(duration_ns);
  if (error)
    route_->metrics->failures.add();
  else
    route_->metrics->prompt_tokens.add(static_cast<uint64_t>(result_.usage.prompt));
  base::log(base::Level::Info, "receipt",
            {{"request_id", request_.request_id},
             {"model", route_->name},
             {"release", target != nullptr ? target->id() : std::string()},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"embeddings", result_.vectors.size()},
             {"prompt_tokens", error ? 0 : result_.usage.prompt},
             {"amount_pico_usd", error ? std::string("0") : result_.cost.decimal()},
             {"duration_ms", static_cast<double>(duration_ns) * 1e-6},
             {"error", error ? error->text() : std::string()}});
  if (error)
    done_(std::unexpected(*error));
  else
    done_(std::move(result_));
  gateway_.ended();
}

}  // namespace gateway
