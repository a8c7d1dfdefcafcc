#include "server/config.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <variant>

#include "files/files.h"
#include "json/toml.h"

namespace server {
namespace {

struct Whole {
  int64_t Config::* member;
  int64_t min, max;
};
using Target = std::variant<std::string Config::*, bool Config::*, Whole, base::Secret Config::*>;

struct Setting {
  std::string_view key;          // in the file: "engine.kv_mib"; empty: not in the file
  std::string_view environment;  // "CHARTER_ENGINE_KV_MIB"
  std::string_view
      flag;  // "--engine-kv-mib"; empty: no flag, for a secret would show in the process list
  Target target;
  std::string_view help;
};

constexpr Setting kSettings[] = {
    {"", "CHARTER_DATA", "--data", &Config::data,
     "folder that holds everything (~/.local/share/charter)"},
    {"server.listen", "CHARTER_LISTEN", "--listen", &Config::listen,
     "address and port; port 0 picks a free one"},
    {"server.public", "CHARTER_PUBLIC", "--public", &Config::is_public,
     "allows an address beyond this machine"},
    {"server.tls_certificate", "CHARTER_TLS_CERTIFICATE", "--tls-certificate",
     &Config::tls_certificate, "PEM file with the certificate and its chain: serves HTTPS"},
    {"server.tls_key", "CHARTER_TLS_KEY", "--tls-key", &Config::tls_key,
     "PEM file with the certificate's key"},
    {"server.ready", "CHARTER_READY", "--ready", &Config::ready,
     "file written once the server answers"},
    {"server.threads", "CHARTER_THREADS", "--threads", Whole{&Config::threads, 1, 256},
     "threads of the HTTP server"},
    {"server.connections_max", "CHARTER_CONNECTIONS_MAX", "--connections-max",
     Whole{&Config::connections_max, 1, 1'000'000}, "connections at once"},
    {"server.drain_seconds", "CHARTER_DRAIN_SECONDS", "--drain-seconds",
     Whole{&Config::drain_seconds, 0, 3600}, "how long running answers may go on after SIGTERM"},
    {"server.tolerate_unknown_parameters", "CHARTER_TOLERATE_UNKNOWN_PARAMETERS",
     "--tolerate-unknown-parameters", &Config::tolerate_unknown_parameters,
     "ignores request parameters that OpenAI's API does not know"},
    {"webhooks.private_addresses", "CHARTER_WEBHOOK_PRIVATE_ADDRESSES",
     "--webhook-private-addresses", &Config::webhook_private_addresses,
     "lets webhooks go to http:// URLs and to private addresses"},
    {"server.metrics_token", "CHARTER_METRICS_TOKEN", "", &Config::metrics_token,
     "lets a scraper read /metrics"},
    {"oidc.issuer", "CHARTER_OIDC_ISSUER", "--oidc-issuer", &Config::oidc_issuer,
     "provider that people may sign in at (OpenID Connect)"},
    {"oidc.client_id", "CHARTER_OIDC_CLIENT_ID", "--oidc-client-id", &Config::oidc_client_id,
     "this server's name at the provider"},
    {"oidc.client_secret", "CHARTER_OIDC_CLIENT_SECRET", "", &Config::oidc_client_secret,
     "this server's secret at the provider"},
    {"oidc.redirect_url", "CHARTER_OIDC_REDIRECT_URL", "--oidc-redirect-url",
     &Config::oidc_redirect_url,
     "URL/api/account/oidc/callback as the provider knows it; by default as the browser says"},
    {"models.bundled", "CHARTER_MODELS", "--models", &Config::models,
     "folder of the models that come with Charter"},
    {"models.allow_none", "CHARTER_ALLOW_NO_MODEL", "--allow-no-model", &Config::allow_no_model,
     "starts even when no model can be served"},
    {"engine.threads", "CHARTER_ENGINE_THREADS", "--engine-threads",
     Whole{&Config::engine_threads, 0, 1024},
     "threads of the engine; 0 takes all that the process may use"},
    {"engine.kv_mib", "CHARTER_ENGINE_KV_MIB", "--engine-kv-mib",
     Whole{&Config::engine_kv_mib, 1, 1 << 24},
     "KV memory of each model in MiB, reserved at start"},
    {"engine.batch_max", "CHARTER_ENGINE_BATCH_MAX", "--engine-batch-max",
     Whole{&Config::engine_batch_max, 1, 4096}, "streams that run together"},
    {"engine.queue_max", "CHARTER_ENGINE_QUEUE_MAX", "--engine-queue-max",
     Whole{&Config::engine_queue_max, 0, 1'000'000}, "requests that wait"},
    {"ledger.opening_balance_usd", "CHARTER_OPENING_BALANCE_USD", "--opening-balance-usd",
     &Config::opening_balance_usd, "credit of the first organisation, given once"},
    {"telemetry.otlp_endpoint", "CHARTER_OTLP_ENDPOINT", "--otlp-endpoint", &Config::otlp_endpoint,
     "OpenTelemetry collector for traces, such as http://127.0.0.1:4318"},
    {"telemetry.sampled_percent", "CHARTER_TRACES_SAMPLED_PERCENT", "--traces-sampled-percent",
     Whole{&Config::traces_sampled_percent, 0, 100},
     "how many of the requests without a traceparent are traced"},
    {"log.level", "CHARTER_LOG_LEVEL", "--log-level", &Config::log_level,
     "debug, info, warn or error"},
};

std::unexpected<base::Error> refuse(std::string message, std::string_view where) {
  return base::fail(base::Code::InvalidArgument, std::move(message), std::string(where));
}

base::Status assign_whole(const Whole& whole, std::string_view text, std::string_view where,
                          Config* config) {
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < whole.min ||
      value > whole.max) {
    return refuse("needs a whole number from " + std::to_string(whole.min) + " to " +
                      std::to_string(whole.max),
                  where);
  }
  config->*whole.member = value;
  return {};
}

// A value as text, whichever of the three sources it came from; `where` is its name there.
base::Status assign(const Setting& setting, std::string_view text, std::string_view where,
                    Config* config) {
  if (const auto* whole = std::get_if<Whole>(&setting.target))
    return assign_whole(*whole, text, where, config);
  if (const auto* flag = std::get_if<bool Config::*>(&setting.target)) {
    if (text != "true" && text != "false" && text != "1" && text != "0")
      return refuse("needs true or false", where);
    config->** flag = text == "true" || text == "1";
  } else if (const auto* secret = std::get_if<base::Secret Config::*>(&setting.target)) {
    config->** secret = base::Secret(std::string(text));
  } else {
    config->*std::get<std::string Config::*>(setting.target) = text;
  }
  return {};
}

base::Status assign_json(const Setting& setting, const json::Value& value, const std::string& where,
                         Config* config) {
  const bool is_flag = std::holds_alternative<bool Config::*>(setting.target);
  const bool is_whole = std::holds_alternative<Whole>(setting.target);
  if (is_flag && value.is_bool())
    return assign(setting, value.as_bool() ? "true" : "false", where, config);
  if (is_whole && value.is_int())
    return assign(setting, std::to_string(value.as_int()), where, config);
  if (!is_flag && !is_whole && value.is_string())
    return assign(setting, value.as_string(), where, config);
  return refuse(std::string("needs ") +
                    (is_flag    ? "true or false"
                     : is_whole ? "a whole number"
                                : "a string") +
                    ", got " + std::string(value.type_name()),
                where);
}

template <class Name>
const Setting* find_setting(std::string_view Setting::* name, const Name& wanted) {
  const auto found =
      std::ranges::find_if(kSettings, [&](const Setting& s) { return s.*name == wanted; });
  return found == std::end(kSettings) || wanted.empty() ? nullptr : found;
}

base::Status apply_file(const json::Value& file, std::string_view file_name, Config* config) {
  if (file.is_null()) return {};
  for (const auto& [section, members] : file.as_object()) {
    if (members.is_array() && (section == "upstream" || section == "model")) {
      (section == "upstream" ? config->upstreams : config->model_routes) = members.as_array();
      continue;
    }
    if (!members.is_object()) {
      return refuse("there is no such setting at the top; settings stand in sections",
                    std::string(file_name) + ": " + section);
    }
    for (const auto& [name, value] : members.as_object()) {
      const std::string key = section + "." + name;
      const std::string where = std::string(file_name) + ": " + key;
      const Setting* setting = find_setting(&Setting::key, key);
      if (setting == nullptr)
        return refuse("there is no such setting; see `charter help serve`", where);
      TRY_VOID(assign_json(*setting, value, where, config));
    }
  }
  return {};
}

base::Status apply_environment(const Environment& environment, Config* config) {
  for (const auto& [name, value] : environment) {
    if (!name.starts_with("CHARTER_") || name == "CHARTER_CONFIG") continue;
    const Setting* setting = find_setting(&Setting::environment, name);
    if (setting == nullptr)
      return refuse("there is no such setting; see `charter help serve`", name);
    TRY_VOID(assign(*setting, value, name, config));
  }
  return {};
}

std::string variable(const Environment& environment, std::string_view name) {
  for (const auto& [key, value] : environment) {
    if (key == name) return value;
  }
  return {};
}

std::string default_data(const Environment& environment) {
  if (const std::string xdg = variable(environment, "XDG_DATA_HOME"); !xdg.empty())
    return xdg + "/charter";
  const std::string home = variable(environment, "HOME");
  return (home.empty() ? std::string(".") : home) + "/.local/share/charter";
}

base::Status check(const Config& config) {
  TRY(const Address address, parse_address(config.listen));
  if (!address.is_loopback && !config.is_public) {
    return refuse("this address can be reached from other machines; add --public if that is meant",
                  config.listen);
  }
  const std::string_view level = config.log_level;
  if (level != "debug" && level != "info" && level != "warn" && level != "error") {
    return refuse("the log level is debug, info, warn or error", config.log_level);
  }
  return {};
}

}  // namespace

base::Result<Config> make_config(const json::Value& file, std::string_view file_name,
                                 const Environment& environment, const Flags& flags) {
  Config config;
  config.data = default_data(environment);
  TRY_VOID(apply_file(file, file_name, &config));
  TRY_VOID(apply_environment(environment, &config));
  for (const auto& [name, value] : flags) {
    const Setting* setting = find_setting(&Setting::flag, name);
    if (setting == nullptr)
      return refuse("there is no such option; see `charter help serve`", name);
    TRY_VOID(assign(*setting, value, name, &config));
  }
  TRY_VOID(check(config));
  return config;
}

base::Result<Config> load_config(const std::string& path, const Environment& environment,
                                 const Flags& flags) {
  std::string file = path.empty() ? variable(environment, "CHARTER_CONFIG") : path;
  if (file.empty()) {
    TRY(const Config without_file, make_config({}, "", environment, flags));
    const std::string beside = files::join(without_file.data, "config.toml");
    if (!files::exists(beside)) return without_file;
    file = beside;
  }
  TRY(const std::string text, files::read_file(file, 1u << 20));
  TRY(const json::Value value, json::parse_toml(text, file));
  return make_config(value, file, environment, flags);
}

Environment process_environment() {
  Environment out;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const size_t equals = text.find('=');
    if (equals != std::string_view::npos)
      out.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  return out;
}

std::string settings_help() {
  std::string out;
  for (const Setting& setting : kSettings) {
    const bool is_switch = std::holds_alternative<bool Config::*>(setting.target);
    if (!setting.flag.empty())
      out += "  " + std::string(setting.flag) + (is_switch ? "\n" : " VALUE\n");
    out += (setting.flag.empty() ? "  " : "      ") + std::string(setting.help) + " (" +
           std::string(setting.environment);
    if (!setting.key.empty()) out += ", in the file " + std::string(setting.key);
    out += ")\n";
  }
  return out;
}

std::vector<FlagName> setting_flags() {
  std::vector<FlagName> out;
  for (const Setting& setting : kSettings) {
    if (!setting.flag.empty())
      out.push_back({setting.flag, std::holds_alternative<bool Config::*>(setting.target)});
  }
  return out;
}

base::Result<Address> parse_address(const std::string& text) {
  const size_t colon = text.rfind(':');
  Address address;
  uint16_t port = 0;
  const std::string_view digits =
      colon == std::string::npos ? std::string_view() : std::string_view(text).substr(colon + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size()) {
    return refuse("the address to listen on is an IP address and a port, such as 127.0.0.1:8080",
                  text);
  }
  address.port = port;
  address.host = text.substr(0, colon);
  if (address.host.starts_with('[') && address.host.ends_with(']'))
    address.host = address.host.substr(1, address.host.size() - 2);
  if (address.host == "localhost") address.host = "127.0.0.1";
  const bool plausible = !address.host.empty() && std::ranges::all_of(address.host, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == '.' ||
           c == ':';
  });
  if (!plausible)
    return refuse("the address to listen on is an IP address and a port, such as 127.0.0.1:8080",
                  text);
  address.is_loopback = address.host.starts_with("127.") || address.host == "::1";
  return address;
}

}  // namespace server
