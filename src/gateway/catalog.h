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

#include "base/time.h"
#include "gateway/channel.h"
#include "money/amount.h"
#include "telemetry/metrics.h"

namespace gateway {

// Of a public name; the same in every catalog.
struct RouteMetrics {
  telemetry::Counter &requests, &failures, &cancelled, &prompt_tokens, &completion_tokens;
  telemetry::Histogram &first_token, &duration;
};
RouteMetrics route_metrics(telemetry::Registry& registry, std::string_view model);

// One answerer of a public name.
struct Target {
  std::shared_ptr<Channel> channel = {};
  money::PriceQuote price = {};
};

// A public name.
struct ModelRoute {
  std::string name = {};
  base::Time created = {};
  std::string owned_by = {};
  std::vector<Target> targets = {};  // at least one
  std::shared_ptr<RouteMetrics> metrics = {};

  Channel* local() const;  // the first local release; null: only upstreams answer
};

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
