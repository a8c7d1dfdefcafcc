// What a server needs to know, from a TOML file, the environment (CHARTER_…) and flags; the later
// wins. One table says every setting's names, kind and limits; what is not in it is refused by
// name.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "json/json.h"

namespace server {

struct Config {
  std::string data;  // the one folder that holds everything
  std::string listen = "127.0.0.1:8080";
  std::string tls_certificate, tls_key;  // PEM files; both or none
  bool is_public = false;                // --public: listening beyond this machine is meant
  std::string ready;    // file that is written once the server answers; empty: none
  std::string models;   // folder of bundled models; empty: beside the program
  int64_t threads = 2;  // of the HTTP server
  int64_t connections_max = 8192;
  int64_t drain_seconds = 30;
  int64_t engine_threads = 0;   // 0: all that the process may use
  int64_t engine_kv_mib = 256;  // KV memory of each model, reserved at start
  int64_t engine_batch_max = 32;
  int64_t engine_queue_max = 1024;
  bool tolerate_unknown_parameters = false;
  bool webhook_private_addresses = false;
  bool allow_no_model = false;
  std::string opening_balance_usd = "1000";  // credit of the first organisation
  std::string log_level = "info";
  std::string otlp_endpoint;           // of an OpenTelemetry collector; empty: no traces
  int64_t traces_sampled_percent = 0;  // of requests that bring no traceparent
  base::Secret metrics_token;
  std::string oidc_issuer, oidc_client_id;  // sign-in at another provider; empty: not offered
  base::Secret oidc_client_secret;
  std::string oidc_redirect_url;
  // [[upstream]] and [[model]] of the file, as gateway/upstream_json.h reads them.
  json::Array upstreams = {}, model_routes = {};
};

using Environment = std::vector<std::pair<std::string, std::string>>;
using Flags = std::vector<std::pair<std::string, std::string>>;  // "--listen", value

// `file` is the parsed TOML (null: none), `file_name` its name for errors. Code::InvalidArgument
// names the setting.
base::Result<Config> make_config(const json::Value& file, std::string_view file_name,
                                 const Environment& environment, const Flags& flags);

// Reads the file: `path`, or CHARTER_CONFIG, or DATA/config.toml where there is one. Then
// make_config.
base::Result<Config> load_config(const std::string& path, const Environment& environment,
                                 const Flags& flags);
Environment process_environment();

// Every setting with its names, for `charter help serve`.
std::string settings_help();

struct FlagName {
  std::string_view name;  // "--listen"
  bool is_switch = false;
};
std::vector<FlagName> setting_flags();

struct Address {
  std::string host;  // an IP address
  uint16_t port = 0;
  bool is_loopback = false;
};
base::Result<Address> parse_address(
    const std::string& text);  // "127.0.0.1:8080", "[::1]:0", "localhost:0"

}  // namespace server
