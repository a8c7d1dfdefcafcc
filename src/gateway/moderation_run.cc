#include "gateway/moderation_run.h"

#include <algorithm>

#include "base/log.h"
#include "gateway/gateway.h"
#include "gateway/provider_query.h"

namespace gateway {
namespace {

constexpr int64_t kBytesPerToken = 4;

}  // namespace

ModerationRun::ModerationRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
                             const identity::Caller& caller, std::string request_id,
                             json::Value body, Done done)
    : gateway_(gateway),
      route_(std::move(route)),
      caller_(caller),
      request_id_(std::move(request_id)),
      body_(std::move(body)),
      done_(std::move(done)),
      metering_(gateway.house_, caller_, route_->name, request_id_) {}

base::Status ModerationRun::start(Admission* admission) {
  if (route_->targets.empty()) {
    TRY(const auto moderation, gateway_.moderation());
    return start_own(*moderation, admission);
  }
  ProviderQuery::Plan plan;
  base::Rng random(static_cast<uint64_t>(base::monotonic_ns()));
  for (const Target* target : order_targets(*route_, random, caller_.user_id)) {
    if (target->upstream && target->upstream->kind() == UpstreamKind::OpenAi)
      plan.order.push_back(target);
  }
  if (plan.order.empty())
    return base::fail(base::Code::Unimplemented,
                      "The model `" + route_->name + "` has no moderations.", "model");
  const auto bytes = static_cast<int64_t>(json::dump(body_).size());
  tokens_likely_ = bytes / kBytesPerToken + 1;
  TRY_VOID(metering_.take_rates(tokens_likely_, admission));
  if (route_->metered) {
    money::Amount worst;
    for (const Target* target : plan.order) {
      TRY(const money::Amount cost, money::cost(target->price, bytes, 0));
      worst = std::max(worst, cost);
    }
    if (base::Status held = metering_.hold(worst, plan.order.front()->price, 0); !held) {
      metering_.drop("refused before it ran");
      return held;
    }
  }
  plan.route = route_;
  plan.request_id = request_id_;
  plan.write = [self = shared_from_this()](const Target& target) {
    json::Value body = self->body_;
    body.set("model", target.model);
    return WireCall{"/moderations", json::dump(body)};
  };
  plan.read = [self = shared_from_this()](const Target&, std::string_view body) {
    return self->read_answer(body);
  };
  plan.done = [self = shared_from_this()](base::Result<const Target*> target) {
    self->finish(std::move(target));
  };
  ProviderQuery::start(std::move(plan));
  return {};
}

base::Status ModerationRun::read_answer(std::string_view body) {
  TRY(answer_, json::parse(body));
  const json::Value* results = find_member(answer_, "results");
  if (results == nullptr || !results->is_array())
    return base::fail(base::Code::Malformed, "a moderation without results");
  answer_.set("model", route_->name);
  return {};
}

base::Status ModerationRun::start_own(const Moderation& moderation, Admission* admission) {
  tokens_likely_ = static_cast<int64_t>(json::dump(body_).size()) / kBytesPerToken + 1;
  TRY_VOID(metering_.take_rates(tokens_likely_, admission));
  auto answer = moderate_texts(moderation, route_->name, body_);
  if (answer) {
    answer_ = *std::move(answer);
    if (base::Status held = metering_.hold({}, {}, 0); !held)
      answer = std::unexpected(held.error());
  }
  if (!answer) {
    metering_.drop("refused before it ran");
    return std::unexpected(answer.error());
  }
  journal::Usage usage;
  usage.kind = journal::UsageKind::Moderations;
  usage.release_id = moderation.digest();
  usage.prompt_tokens = tokens_likely_;
  auto durable = [self = shared_from_this(), id = moderation.digest()](const base::Status& status) {
    self->report(id, status ? std::nullopt : std::optional(status.error()));
  };
  const auto settled = metering_.settle(std::move(usage), {}, durable);
  if (!settled) report(moderation.digest(), settled.error());
  return {};
}

void ModerationRun::finish(base::Result<const Target*> target) {
  auto durable = [self = shared_from_this(), target](const base::Status& status) {
    std::optional<base::Error> error;
    if (!target)
      error = target.error();
    else if (!status)
      error = status.error();
    self->report(target ? (*target)->id() : std::string(), error);
  };
  if (!target) return metering_.drop("nothing was delivered", std::move(durable));
  journal::Usage usage;
  usage.kind = journal::UsageKind::Moderations;
  usage.upstream = (*target)->upstream->name() + "/" + (*target)->model;
  usage.prompt_tokens = tokens_likely_;
  const auto settled = metering_.settle(std::move(usage), (*target)->price, durable);
  if (!settled) durable(std::unexpected(settled.error()));
}

void ModerationRun::report(const std::string& answerer, const std::optional<base::Error>& error) {
  base::log(base::Level::Info, "receipt",
            {{"request_id", request_id_},
             {"model", route_->name},
             {"release", answerer},
             {"org_id", caller_.org_id},
             {"key_id", caller_.key_id},
             {"error", error ? error->text() : std::string()}});
  if (error)
    done_(std::unexpected(*error));
  else
    done_(std::move(answer_));
  gateway_.ended();
}

}  // namespace gateway
