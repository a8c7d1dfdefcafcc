// What the catalog is made of: the releases that are loaded, the upstreams that are configured, and
// the routes by which public names lead to them. Whatever changes here makes a new catalog; health
// and metrics of a target outlive it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/catalog.h"

namespace gateway {

struct TargetOptions {
  std::string release = {};   // a local release's channel, or
  std::string upstream = {};  // a provider's name, with
  std::string model = {};     // its model
  int priority = 0;
  uint32_t weight = 1;
  std::optional<money::PriceQuote> price = {};  // empty: the release's own; of a provider: nothing
  int64_t context_length = 0;
  int64_t max_tokens_default = 4096;
};

struct RouteOptions {
  std::string name = {};  // what clients ask for
  std::vector<TargetOptions> targets = {};
  Policy policy = Policy::Weighted;
  bool metered = true;
  bool hedged = false;
  int attempts_max = 3;
  base::Time created = {};
};
// InvalidArgument names the member that is wrong.
base::Status check_route(const RouteOptions& options);

class ModelDirectory {
 public:
  // `metrics` outlives it; `client` may be null where there are no upstreams, and must outlive it.
  ModelDirectory(telemetry::Registry& metrics, net::HttpClient* client);

  const CatalogHolder& catalog() const { return catalog_; }

  // Releases stand by name, of one name the newest first; two share the name's traffic.
  // Each replaces what was there. A route wins over a release of the same name; one whose targets
  // are all missing is not served.
  void set_releases(std::vector<std::shared_ptr<Channel>> releases);
  base::Status set_upstreams(std::vector<UpstreamOptions> upstreams);
  base::Status set_routes(std::vector<RouteOptions> routes);

  std::vector<std::shared_ptr<Upstream>> upstreams() const;
  std::shared_ptr<Upstream> find_upstream(std::string_view name) const;  // null: none
  std::vector<RouteOptions> routes() const;

 private:
  void rebuild();  // with the lock
  std::shared_ptr<ModelRoute> make_route(const std::string& name);
  std::optional<Target> make_target(const TargetOptions& options);
  Target release_target(std::shared_ptr<Channel> channel) const;
  void add_engine_gauges(const std::string& model);

  telemetry::Registry& metrics_;
  net::HttpClient* const client_;
  CatalogHolder catalog_;

  mutable std::mutex mutex_;
  std::vector<std::shared_ptr<Channel>> releases_;
  std::map<std::string, std::shared_ptr<Upstream>, std::less<>> upstreams_;
  std::vector<RouteOptions> routes_;
  struct Kept {
    std::shared_ptr<TargetHealth> health;
    std::shared_ptr<TargetMetrics> metrics;
  };
  std::map<std::string, Kept> kept_;  // by the target's id and address
  std::map<std::string, std::shared_ptr<RouteMetrics>> route_metrics_;
};

}  // namespace gateway
