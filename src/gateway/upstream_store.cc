#include "gateway/upstream_store.h"

#include <algorithm>

#include "base/log.h"
#include "gateway/upstream_json.h"

namespace gateway {
namespace {

constexpr std::string_view kUpstreamKind = "upstream";
constexpr std::string_view kRouteKind = "model_route";
constexpr std::string_view kOwner = "server";  // they belong to no project

std::string seal_purpose(std::string_view name) { return "upstream " + std::string(name); }

template <class Options>
auto find_name(std::vector<Options>& list, std::string_view name) {
  return std::ranges::find_if(list, [&](const Options& entry) { return entry.name == name; });
}
template <class Options>
bool has_name(const std::vector<Options>& list, std::string_view name) {
  return std::ranges::any_of(list, [&](const Options& entry) { return entry.name == name; });
}

std::unexpected<base::Error> no_such(std::string_view what, std::string_view name) {
  return base::fail(base::Code::NotFound,
                    "No " + std::string(what) + " found with id '" + std::string(name) + "'.",
                    std::string(name));
}

std::unexpected<base::Error> in_the_file(std::string_view name) {
  return base::fail(
      base::Code::FailedPrecondition,
      "'" + std::string(name) + "' stands in the server's configuration file; change it there",
      std::string(name));
}

bool same_prices(const RouteOptions& a, const RouteOptions& b) {
  return std::ranges::equal(a.targets, b.targets, [](const auto& x, const auto& y) {
    if (x.price.has_value() != y.price.has_value()) return false;
    return !x.price || (x.price->in_micro_per_million == y.price->in_micro_per_million &&
                        x.price->out_micro_per_million == y.price->out_micro_per_million);
  });
}

uint32_t version_of(const RouteOptions& route) {
  for (const TargetOptions& target : route.targets)
    if (target.price) return target.price->version;
  return 0;
}

}  // namespace

UpstreamStore::UpstreamStore(objects::Store& store, const crypto::SealKey& key,
                             const base::Clock& clock, ModelDirectory& directory)
    : store_(store), key_(key), clock_(clock), directory_(directory) {}

base::Status UpstreamStore::load(std::vector<UpstreamOptions> configured_upstreams,
                                 std::vector<RouteOptions> configured_routes) {
  const std::lock_guard lock(mutex_);
  configured_upstreams_ = std::move(configured_upstreams);
  configured_routes_ = std::move(configured_routes);
  TRY(const auto upstreams, store_.find_all(kUpstreamKind, {}));
  for (const objects::Object& object : upstreams) {
    TRY(UpstreamOptions options, read_upstream(object.body));
    const json::Value* sealed = object.body.find("sealed_key");
    if (sealed != nullptr && sealed->is_string() && !sealed->as_string().empty()) {
      TRY(const base::Bytes bytes, base::from_base64(sealed->as_string()));
      TRY(options.key, crypto::open(key_, seal_purpose(options.name), bytes));
    }
    if (!has_name(configured_upstreams_, options.name)) upstreams_.push_back(std::move(options));
  }
  TRY(const auto routes, store_.find_all(kRouteKind, {}));
  for (const objects::Object& object : routes) {
    TRY(RouteOptions options, read_route(object.body));
    if (!has_name(configured_routes_, options.name)) routes_.push_back(std::move(options));
  }
  return apply();
}

base::Status UpstreamStore::apply() {
  std::vector<UpstreamOptions> upstreams = configured_upstreams_;
  upstreams.insert(upstreams.end(), upstreams_.begin(), upstreams_.end());
  std::vector<RouteOptions> routes = configured_routes_;
  routes.insert(routes.end(), routes_.begin(), routes_.end());
  TRY_VOID(directory_.set_upstreams(std::move(upstreams)));
  return directory_.set_routes(std::move(routes));
}

bool UpstreamStore::is_configured_upstream(std::string_view name) const {
  return has_name(configured_upstreams_, name);
}

json::Value UpstreamStore::shown(const UpstreamOptions& options) const {
  json::Value out = upstream_json(options);
  out.set("object", "organization.upstream");
  out.set("id", options.name);
  out.set("configured", is_configured_upstream(options.name));
  return out;
}

json::Value UpstreamStore::shown(const RouteOptions& options) const {
  json::Value out = route_json(options);
  out.set("object", "organization.model");
  out.set("configured", has_name(configured_routes_, options.name));
  return out;
}

json::Array UpstreamStore::upstreams() const {
  const std::lock_guard lock(mutex_);
  json::Array out;
  for (const auto* list : {&configured_upstreams_, &upstreams_})
    for (const UpstreamOptions& options : *list) out.push_back(shown(options));
  return out;
}

base::Result<json::Value> UpstreamStore::upstream(std::string_view name) const {
  for (json::Value& entry : upstreams()) {
    if (entry["id"] == json::Value(name)) return std::move(entry);
  }
  return no_such("upstream", name);
}

base::Status UpstreamStore::write_upstream(const UpstreamOptions& options, bool is_new) {
  json::Value body = upstream_json(options);
  std::string sealed;
  if (!options.key.empty())
    sealed = base::base64(crypto::seal(key_, seal_purpose(options.name), options.key));
  body.set("sealed_key", std::move(sealed));
  if (is_new) {
    return store_.insert({.kind = std::string(kUpstreamKind),
                          .id = options.name,
                          .project_id = std::string(kOwner),
                          .created = clock_.now(),
                          .body = std::move(body)});
  }
  TRY_VOID(store_.update(kUpstreamKind, kOwner, options.name, [&](json::Value& stored) {
    stored = body;
    return base::Status{};
  }));
  return {};
}

base::Result<json::Value> UpstreamStore::create_upstream(const json::Value& body) {
  TRY(UpstreamOptions options, read_upstream(body));
  if (const json::Value* key = body.find("api_key"); key != nullptr && key->is_string())
    options.key = base::Secret(key->as_string());
  TRY_VOID(check_upstream(options));
  const std::lock_guard lock(mutex_);
  if (has_name(upstreams_, options.name) || is_configured_upstream(options.name))
    return base::fail(base::Code::AlreadyExists, "An upstream with this name exists already.",
                      "name");
  TRY_VOID(write_upstream(options, true));
  upstreams_.push_back(options);
  TRY_VOID(apply());
  return shown(options);
}

base::Result<json::Value> UpstreamStore::update_upstream(std::string_view name,
                                                         const json::Value& body) {
  const std::lock_guard lock(mutex_);
  if (is_configured_upstream(name)) return in_the_file(name);
  const auto found = find_name(upstreams_, name);
  if (found == upstreams_.end()) return no_such("upstream", name);
  json::Value merged = upstream_json(*found);
  for (const auto& [member, value] : body.as_object()) merged.set(member, value);
  merged.set("name", name);
  TRY(UpstreamOptions options, read_upstream(merged));
  options.key = found->key;
  if (const json::Value* key = body.find("api_key"); key != nullptr && key->is_string())
    options.key = base::Secret(key->as_string());
  TRY_VOID(check_upstream(options));
  TRY_VOID(write_upstream(options, false));
  *found = options;
  TRY_VOID(apply());
  return shown(options);
}

base::Status UpstreamStore::remove_upstream(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (is_configured_upstream(name)) return in_the_file(name);
  const auto found = find_name(upstreams_, name);
  if (found == upstreams_.end()) return no_such("upstream", name);
  for (const auto* list : {&configured_routes_, &routes_}) {
    for (const RouteOptions& route : *list) {
      const bool needs = std::ranges::any_of(
          route.targets, [&](const TargetOptions& target) { return target.upstream == name; });
      if (needs)
        return base::fail(base::Code::FailedPrecondition,
                          "The model '" + route.name + "' leads to this upstream; remove it first.",
                          std::string(name));
    }
  }
  TRY_VOID(store_.remove(kUpstreamKind, kOwner, name));
  upstreams_.erase(found);
  return apply();
}

json::Array UpstreamStore::routes() const {
  const std::lock_guard lock(mutex_);
  json::Array out;
  for (const auto* list : {&configured_routes_, &routes_})
    for (const RouteOptions& options : *list) out.push_back(shown(options));
  return out;
}

base::Status UpstreamStore::check_names(const RouteOptions& route) const {
  for (size_t i = 0; i < route.targets.size(); ++i) {
    const std::string& name = route.targets[i].upstream;
    if (name.empty() || has_name(upstreams_, name) || is_configured_upstream(name)) continue;
    return base::fail(base::Code::InvalidArgument, "There is no upstream '" + name + "'.",
                      "targets[" + std::to_string(i) + "].upstream", "invalid_value");
  }
  return {};
}

base::Result<json::Value> UpstreamStore::set_route(const json::Value& body) {
  TRY(RouteOptions options, read_route(body));
  const std::lock_guard lock(mutex_);
  if (has_name(configured_routes_, options.name)) return in_the_file(options.name);
  TRY_VOID(check_names(options));
  const auto found = find_name(routes_, options.name);
  const bool is_new = found == routes_.end();
  options.created = is_new ? clock_.now() : found->created;
  const uint32_t version = is_new ? 1 : version_of(*found) + !same_prices(*found, options);
  for (TargetOptions& target : options.targets)
    if (target.price) target.price->version = std::max<uint32_t>(version, 1);
  if (is_new) {
    TRY_VOID(store_.insert({.kind = std::string(kRouteKind),
                            .id = options.name,
                            .project_id = std::string(kOwner),
                            .created = options.created,
                            .body = route_json(options)}));
    routes_.push_back(options);
  } else {
    TRY_VOID(store_.update(kRouteKind, kOwner, options.name, [&](json::Value& stored) {
      stored = route_json(options);
      return base::Status{};
    }));
    *found = options;
  }
  TRY_VOID(apply());
  return shown(options);
}

base::Status UpstreamStore::remove_route(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (has_name(configured_routes_, name)) return in_the_file(name);
  const auto found = find_name(routes_, name);
  if (found == routes_.end()) return no_such("model", name);
  TRY_VOID(store_.remove(kRouteKind, kOwner, name));
  routes_.erase(found);
  return apply();
}

}  // namespace gateway
