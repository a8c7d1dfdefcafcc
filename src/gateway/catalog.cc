#include "gateway/catalog.h"

#include <algorithm>
#include <cmath>
#include <tuple>

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace gateway {

RouteMetrics route_metrics(telemetry::Registry& registry, std::string_view model) {
  const telemetry::Labels labels = {{"model", model}};
  return {registry.counter("charter_requests_total", "Requests admitted.", labels),
          registry.counter("charter_requests_failed_total",
                           "Requests that failed after they were admitted.", labels),
          registry.counter("charter_requests_cancelled_total", "Requests whose client went away.",
                           labels),
          registry.counter("charter_prompt_tokens_total", "Tokens read, as billed.", labels),
          registry.counter("charter_completion_tokens_total", "Tokens written, as billed.", labels),
          registry.histogram("charter_first_token_seconds", "From the request to its first token.",
                             labels),
          registry.histogram("charter_request_seconds",
                             "From the request to the durable end of its answer.", labels)};
}

std::string Target::id() const {
  return channel ? channel->release().id : "upstream:" + upstream->name() + "/" + model;
}

std::string_view policy_name(Policy policy) {
  switch (policy) {
    case Policy::Weighted:
      return "weighted";
    case Policy::Fastest:
      return "fastest";
    case Policy::Cheapest:
      return "cheapest";
  }
  return "weighted";
}

base::Result<Policy> parse_policy(std::string_view name) {
  for (const Policy policy : {Policy::Weighted, Policy::Fastest, Policy::Cheapest}) {
    if (policy_name(policy) == name) return policy;
  }
  return base::fail(base::Code::InvalidArgument,
                    "the policy of a model is 'weighted', 'fastest' or 'cheapest'", "policy",
                    "invalid_value");
}

namespace {

// Smaller is sooner. One whose speed is not known yet goes first, so that it becomes known.
double rank(const Target& target, Policy policy, base::Rng& random) {
  switch (policy) {
    case Policy::Weighted:
      // Efraimidis and Spirakis 2006: in proportion to the weights, without replacement.
      return -std::log(1.0 - random.uniform()) / std::max<uint32_t>(target.weight, 1);
    case Policy::Fastest:
      return target.health ? static_cast<double>(target.health->first_piece_ns()) : 0;
    case Policy::Cheapest:
      // A prompt is about three times as long as its answer.
      return 3.0 * static_cast<double>(target.price.in_micro_per_million) +
             static_cast<double>(target.price.out_micro_per_million);
  }
  return 0;
}

}  // namespace

namespace {

// A number from 0 to 9999 that a user keeps as long as the salt stays the same.
uint32_t bucket_of(const std::string& salt, std::string_view user) {
  const crypto::Digest digest = crypto::sha256(salt + '\n' + std::string(user));
  return base::load_le<uint32_t>(digest.data()) % 10'000;
}

std::vector<const Target*> by_share(const ModelRoute& route, std::string_view user) {
  const uint32_t bucket = bucket_of(route.share_salt, user);
  uint32_t end = 0;
  for (const Target& target : route.targets) {
    end += target.channel->share().percent * 100;
    // What a monitor has just halted leaves its users to the one that was there before.
    if (bucket < end && target.channel->halted() == nullptr) return {&target};
  }
  return {};
}

}  // namespace

std::vector<const Target*> order_targets(const ModelRoute& route, base::Rng& random,
                                         std::string_view user) {
  if (route.by_share) return by_share(route, user);
  std::vector<const Target*> out;
  if (route.targets.size() == 1) {
    out.push_back(&route.targets.front());
    return out;
  }
  struct Ranked {
    int priority;
    double rank;
    const Target* target;
  };
  std::vector<Ranked> ranked;
  ranked.reserve(route.targets.size());
  for (const Target& target : route.targets)
    ranked.push_back({target.priority, rank(target, route.policy, random), &target});
  std::ranges::sort(ranked, [](const Ranked& a, const Ranked& b) {
    return std::tie(a.priority, a.rank, a.target) < std::tie(b.priority, b.rank, b.target);
  });
  for (const Ranked& entry : ranked) out.push_back(entry.target);
  return out;
}

Channel* ModelRoute::local() const {
  for (const Target& target : targets) {
    if (target.channel) return target.channel.get();
  }
  return nullptr;
}

Catalog::Catalog(std::vector<std::shared_ptr<const ModelRoute>> routes)
    : routes_(std::move(routes)) {
  std::ranges::sort(routes_, {},
                    [](const auto& route) -> const std::string& { return route->name; });
}

std::shared_ptr<const ModelRoute> Catalog::find(std::string_view name) const {
  const auto found = std::ranges::lower_bound(
      routes_, name, {}, [](const auto& route) { return std::string_view(route->name); });
  return found == routes_.end() || (*found)->name != name ? nullptr : *found;
}

std::shared_ptr<const Catalog> CatalogHolder::get() const {
  struct Copy {
    uint64_t version = 0;
    std::weak_ptr<const Catalog> catalog;
  };
  thread_local Copy copy;
  const uint64_t version = version_.load(std::memory_order_acquire);
  if (copy.version == version) {
    if (auto catalog = copy.catalog.lock()) return catalog;
  }
  const std::lock_guard lock(mutex_);
  copy = {version_.load(std::memory_order_relaxed), catalog_};
  return catalog_;
}

void CatalogHolder::set(std::shared_ptr<const Catalog> catalog) {
  static std::atomic<uint64_t> versions{0};
  const std::lock_guard lock(mutex_);
  catalog_.swap(catalog);  // the old one goes after the lock
  version_.store(versions.fetch_add(1) + 1, std::memory_order_release);
}

}  // namespace gateway
