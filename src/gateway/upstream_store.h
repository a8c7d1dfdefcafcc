// The upstreams and routes that administrators set up, kept in objects.db with their keys sealed,
// and those of the configuration file beside them, which only the file can change. Whatever changes
// is in the catalog when the call returns.
#pragma once

#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/seal.h"
#include "gateway/model_directory.h"
#include "json/json.h"
#include "objects/store.h"

namespace gateway {

class UpstreamStore {
 public:
  // All outlive it.
  UpstreamStore(objects::Store& store, const crypto::SealKey& key, const base::Clock& clock,
                ModelDirectory& directory);

  // What is stored, and what the file says.
  base::Status load(std::vector<UpstreamOptions> configured_upstreams,
                    std::vector<RouteOptions> configured_routes);

  json::Array upstreams() const;  // {"object": "organization.upstream", "id", …}
  base::Result<json::Value> upstream(std::string_view name) const;
  // Errors: InvalidArgument; AlreadyExists.
  base::Result<json::Value> create_upstream(const json::Value& body);
  // Members that are given replace what is there; "api_key" too.
  base::Result<json::Value> update_upstream(std::string_view name, const json::Value& body);
  // FailedPrecondition while a route needs it, or when it stands in the file.
  base::Status remove_upstream(std::string_view name);

  json::Array routes() const;  // {"object": "organization.model", "id", …}
  // Makes it, or replaces it; a price that has changed gets the next version.
  base::Result<json::Value> set_route(const json::Value& body);
  base::Status remove_route(std::string_view name);

 private:
  base::Status apply();  // with the lock
  base::Status write_upstream(const UpstreamOptions& options, bool is_new);
  base::Status check_names(const RouteOptions& route) const;
  bool is_configured_upstream(std::string_view name) const;
  json::Value shown(const UpstreamOptions& options) const;
  json::Value shown(const RouteOptions& options) const;

  objects::Store& store_;
  const crypto::SealKey& key_;
  const base::Clock& clock_;
  ModelDirectory& directory_;
  mutable std::mutex mutex_;
  std::vector<UpstreamOptions> configured_upstreams_, upstreams_;
  std::vector<RouteOptions> configured_routes_, routes_;
};

}  // namespace gateway
