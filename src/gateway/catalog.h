// The models that clients may ask for: public names, and who answers each. A catalog is immutable;
// a change swaps in another, and requests under way keep the one that they began with.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/random.h"
#include "base/time.h"
#include "gateway/channel.h"
#include "gateway/health.h"
#include "gateway/upstream.h"
#include "money/amount.h"
#include "telemetry/metrics.h"

namespace gateway {

// Of a public name; the same in every catalog.
struct RouteMetrics {
  telemetry::Counter &requests, &failures, &cancelled, &prompt_tokens, &completion_tokens;
  telemetry::Histogram &first_token, &duration;
};
RouteMetrics route_metrics(telemetry::Registry& registry, std::string_view model);

// Of an answerer; the same in every catalog.
struct TargetMetrics {
  telemetry::Counter &requests, &failures, &retries;
  telemetry::Histogram& first_piece;
};

// One answerer of a public name: a local release, or a provider's model.
struct Target {
  std::shared_ptr<Channel> channel = {};
  std::shared_ptr<Upstream> upstream = {};
  std::string model = {};  // of a provider: its name there
  int priority = 0;        // the lowest is tried first
  uint32_t weight = 1;     // among those of one priority
  money::PriceQuote price = {};
  // Of a provider's model: tokens that prompt and answer may have together (0: not known), and how
  // many an answer gets when the client names no limit.
  int64_t context_length = 0;
  int64_t max_tokens_default = 4096;
  std::shared_ptr<TargetHealth> health = {};    // of a provider's
  std::shared_ptr<TargetMetrics> metrics = {};  // likewise

  // What usage rows and logs call it: a release's id, or "upstream:NAME/MODEL".
  std::string id() const;
};

// How to choose among the targets of one priority.
enum class Policy : uint8_t {
  Weighted,  // by chance, in proportion to the weights
  Fastest,   // whose first piece has come soonest of late
  Cheapest,  // by price
};
std::string_view policy_name(Policy policy);  // "weighted" "fastest" "cheapest"
base::Result<Policy> parse_policy(std::string_view name);

// A public name.
struct ModelRoute {
  std::string name = {};
  base::Time created = {};
  std::string owned_by = {};
  std::vector<Target> targets = {};  // at least one
  // The releases of a channel that share its traffic: each user has one of them, by chance and for
  // as long as the shares stay. Whoever falls to none of them is refused.
  bool by_share = false;
  std::string share_salt = {};
  Policy policy = Policy::Weighted;
  bool metered = true;  // false: nothing is held and no usage row is written
  bool hedged = false;  // a second target is asked when the first is slower than usual
  int attempts_max = 3;
  base::Duration time_limit = base::seconds(120);  // for further attempts, from the first one
  std::shared_ptr<RouteMetrics> metrics = {};

  Channel* local() const;  // the first local release; null: only upstreams answer
};

// The targets in the order in which they are to be tried. `random` decides among weights, `user`
// among releases that share a channel; none when the share of all of them leaves this user out.
std::vector<const Target*> order_targets(const ModelRoute& route, base::Rng& random,
                                         std::string_view user);

class Catalog {
 public:
  explicit Catalog(std::vector<std::shared_ptr<const ModelRoute>> routes);  // one per name
  std::shared_ptr<const ModelRoute> find(std::string_view name) const;      // null: none
  const std::vector<std::shared_ptr<const ModelRoute>>& routes() const { return routes_; }

 private:
  std::vector<std::shared_ptr<const ModelRoute>> routes_;  // by name
};

// Holds the current catalog. Reading it takes no lock that another reader waits for: a thread looks
// into its own copy of the pointer until the version changes.
class CatalogHolder {
 public:
  std::shared_ptr<const Catalog> get() const;
  void set(std::shared_ptr<const Catalog> catalog);

 private:
  std::atomic<uint64_t> version_{0};  // unique in the process, so a copy knows whose it is
  mutable std::mutex mutex_;
  std::shared_ptr<const Catalog> catalog_;
};

}  // namespace gateway
