#include "gateway/model_directory.h"

#include <algorithm>

#include "base/log.h"

namespace gateway {
namespace {

std::unexpected<base::Error> wrong(std::string_view member, std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message), std::string(member),
                    "invalid_value");
}

TargetMetrics target_metrics(telemetry::Registry& registry, const TargetOptions& options) {
  const telemetry::Labels labels = {{"upstream", options.upstream}, {"model", options.model}};
  return {
      registry.counter("charter_upstream_requests_total", "Requests sent to a provider.", labels),
      registry.counter("charter_upstream_failures_total", "Requests that it failed.", labels),
      registry.counter("charter_upstream_retries_total",
                       "Requests sent to it after another attempt had failed.", labels),
      registry.histogram("charter_upstream_first_piece_seconds",
                         "From the request to the first piece of its answer.", labels)};
}

}  // namespace

base::Status check_route(const RouteOptions& options) {
  if (options.name.empty() || options.name.size() > 256)
    return wrong("id", "a model's name has 1 to 256 bytes");
  if (std::ranges::any_of(options.name, [](char c) { return c <= ' ' || c >= 0x7f; }))
    return wrong("id", "a model's name has letters, digits and signs, no blanks");
  if (options.targets.empty() || options.targets.size() > 32)
    return wrong("targets", "a model has 1 to 32 targets");
  if (options.attempts_max < 1 || options.attempts_max > 10)
    return wrong("attempts_max", "attempts are 1 to 10");
  for (size_t i = 0; i < options.targets.size(); ++i) {
    const TargetOptions& target = options.targets[i];
    const std::string where = "targets[" + std::to_string(i) + "]";
    if (target.release.empty() == target.upstream.empty())
      return wrong(where, "a target has either a release or an upstream");
    if (!target.upstream.empty() && (target.model.empty() || target.model.size() > 256))
      return wrong(where + ".model", "an upstream's target has a model, of at most 256 bytes");
    if (target.weight < 1 || target.weight > 1'000'000)
      return wrong(where + ".weight", "a weight is 1 to 1000000");
    if (target.context_length < 0 || target.max_tokens_default < 1)
      return wrong(where + ".max_tokens_default", "numbers of tokens are above zero");
  }
  return {};
}

ModelDirectory::ModelDirectory(telemetry::Registry& metrics, net::HttpClient* client)
    : metrics_(metrics), client_(client) {
  catalog_.set(std::make_shared<const Catalog>(std::vector<std::shared_ptr<const ModelRoute>>()));
}

void ModelDirectory::set_releases(std::vector<std::shared_ptr<Channel>> releases) {
  const std::lock_guard lock(mutex_);
  releases_ = std::move(releases);
  rebuild();
}

base::Status ModelDirectory::set_upstreams(std::vector<UpstreamOptions> upstreams) {
  if (!upstreams.empty() && client_ == nullptr)
    return base::fail(base::Code::FailedPrecondition, "there is no HTTP client for upstreams");
  std::map<std::string, std::shared_ptr<Upstream>, std::less<>> made;
  for (UpstreamOptions& options : upstreams) {
    TRY_VOID(check_upstream(options));
    const std::string name = options.name;
    if (!made.emplace(name, std::make_shared<Upstream>(std::move(options), *client_)).second)
      return base::fail(base::Code::AlreadyExists, "two upstreams have this name", name);
  }
  const std::lock_guard lock(mutex_);
  upstreams_ = std::move(made);
  rebuild();
  return {};
}

base::Status ModelDirectory::set_routes(std::vector<RouteOptions> routes) {
  for (size_t i = 0; i < routes.size(); ++i) {
    TRY_VOID(check_route(routes[i]));
    for (size_t k = 0; k < i; ++k) {
      if (routes[k].name == routes[i].name)
        return base::fail(base::Code::AlreadyExists, "two routes have this name", routes[i].name);
    }
  }
  const std::lock_guard lock(mutex_);
  routes_ = std::move(routes);
  rebuild();
  return {};
}

std::vector<std::shared_ptr<Upstream>> ModelDirectory::upstreams() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Upstream>> out;
  for (const auto& [name, upstream] : upstreams_) out.push_back(upstream);
  return out;
}

std::shared_ptr<Upstream> ModelDirectory::find_upstream(std::string_view name) const {
  const std::lock_guard lock(mutex_);
  const auto found = upstreams_.find(name);
  return found == upstreams_.end() ? nullptr : found->second;
}

std::vector<RouteOptions> ModelDirectory::routes() const {
  const std::lock_guard lock(mutex_);
  return routes_;
}

Target ModelDirectory::release_target(std::shared_ptr<Channel> channel) const {
  Target target;
  target.price = channel->release().price;
  target.channel = std::move(channel);
  return target;
}

std::optional<Target> ModelDirectory::make_target(const TargetOptions& options) {
  Target target;
  if (!options.release.empty()) {
    // A route of several targets has what is in production; canaries answer under their own name.
    const auto found = std::ranges::find_if(releases_, [&](const auto& channel) {
      return channel->name() == options.release && !channel->share().is_canary;
    });
    if (found == releases_.end()) return {};
    target = release_target(*found);
  } else {
    const auto found = upstreams_.find(options.upstream);
    if (found == upstreams_.end()) return {};
    target.upstream = found->second;
    target.model = options.model;
    target.context_length = options.context_length;
    target.max_tokens_default = options.max_tokens_default;
    // Another address is another provider, of whose health nothing is known.
    Kept& kept = kept_[target.id() + "@" + found->second->options().base_url];
    if (!kept.health) {
      kept = {std::make_shared<TargetHealth>(),
              std::make_shared<TargetMetrics>(target_metrics(metrics_, options))};
      metrics_.gauge("charter_upstream_breaker_open",
                     "1 while the provider is not asked, 0.5 while it is being tried again.",
                     {{"upstream", options.upstream}, {"model", options.model}},
                     [health = kept.health] {
                       const auto state = health->state(base::monotonic_ns());
                       if (state == TargetHealth::State::Closed) return 0.0;
                       return state == TargetHealth::State::Open ? 1.0 : 0.5;
                     });
    }
    target.health = kept.health;
    target.metrics = kept.metrics;
  }
  if (options.price) target.price = *options.price;
  target.priority = options.priority;
  target.weight = options.weight;
  return target;
}

std::shared_ptr<ModelRoute> ModelDirectory::make_route(const std::string& name) {
  auto route = std::make_shared<ModelRoute>();
  route->name = name;
  std::shared_ptr<RouteMetrics>& metrics = route_metrics_[name];
  if (!metrics) {
    metrics = std::make_shared<RouteMetrics>(route_metrics(metrics_, name));
    add_engine_gauges(name);
  }
  route->metrics = metrics;
  return route;
}

void ModelDirectory::add_engine_gauges(const std::string& model) {
  const auto add = [&](std::string_view name, std::string_view help,
                       int64_t engine::Stats::* member) {
    metrics_.gauge(name, help, {{"model", model}}, [this, model, member] {
      const auto route = catalog_.get()->find(model);
      if (!route) return 0.0;
      int64_t sum = 0;
      for (const Target& target : route->targets)
        if (target.channel) sum += target.channel->engine().stats().*member;
      return static_cast<double>(sum);
    });
  };
  add("charter_engine_active", "Streams in the batch.", &engine::Stats::active);
  add("charter_engine_queued", "Requests that wait for a place.", &engine::Stats::queued);
  add("charter_engine_kv_pages_free", "Free pages of KV memory.", &engine::Stats::pages_free);
}

void ModelDirectory::rebuild() {
  std::vector<std::shared_ptr<const ModelRoute>> all;
  const auto taken = [&](const std::string& name) {
    return std::ranges::any_of(all, [&](const auto& route) { return route->name == name; });
  };
  for (const RouteOptions& options : routes_) {
    auto route = make_route(options.name);
    route->created = options.created;
    route->policy = options.policy;
    route->metered = options.metered;
    route->hedged = options.hedged;
    route->attempts_max = options.attempts_max;
    for (const TargetOptions& wanted : options.targets) {
      if (auto target = make_target(wanted)) route->targets.push_back(*std::move(target));
    }
    if (route->targets.empty()) {
      base::log(base::Level::Warn, "a model has no target that is there",
                {{"model", options.name}});
      continue;
    }
    const Target& first = route->targets.front();
    route->owned_by = first.channel ? first.channel->release().charter_id : first.upstream->name();
    all.push_back(std::move(route));
  }
  for (size_t i = 0; i < releases_.size();) {
    const size_t first = i;
    while (i < releases_.size() && releases_[i]->name() == releases_[first]->name()) ++i;
    const ReleaseInfo& newest = releases_[first]->release();
    if (taken(newest.channel)) continue;
    auto route = make_route(newest.channel);
    route->created = newest.issued;
    route->owned_by = newest.charter_id;
    for (size_t k = first; k < i; ++k) route->targets.push_back(release_target(releases_[k]));
    route->by_share = i - first > 1 || releases_[first]->share().percent < 100;
    route->share_salt = newest.id;
    all.push_back(std::move(route));
  }
  catalog_.set(std::make_shared<const Catalog>(std::move(all)));
}

}  // namespace gateway
