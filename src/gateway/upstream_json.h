// Upstreams and routes as JSON: in bodies of the administrative routes, in objects.db, and (TOML)
// in the configuration file. A key is read here and never written.
#pragma once

#include <functional>
#include <string>

#include "gateway/model_directory.h"
#include "json/json.h"

namespace gateway {

// {"name", "kind", "base_url", "max_tokens_parameter", "concurrent_max", "queue_max",
// "connect_timeout_ms", "first_byte_timeout_ms", "idle_timeout_ms", "total_timeout_ms", "proxy",
// "ca_file"}. InvalidArgument names the member. Members that belong to the key are the caller's.
base::Result<UpstreamOptions> read_upstream(const json::Value& value);
json::Value upstream_json(const UpstreamOptions& options);  // the same, and "has_key"

// {"id", "policy", "metered", "hedged", "attempts_max", "price_version", "targets": [{"release" |
// "upstream", "model", "priority", "weight", "input_usd_per_million", "output_usd_per_million",
// "context_length", "max_tokens_default"}]}. Prices are decimal strings in dollars.
base::Result<RouteOptions> read_route(const json::Value& value);
json::Value route_json(const RouteOptions& options);

// A [[upstream]] of the configuration file: its key stands in "key", in the environment variable
// that "key_env" names, or in the file "key_file".
using ReadVariable = std::function<std::string(std::string_view name)>;
base::Result<UpstreamOptions> read_configured_upstream(const json::Value& value,
                                                       const ReadVariable& variable);

}  // namespace gateway
