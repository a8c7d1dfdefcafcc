#include "gateway/upstream_json.h"

#include <algorithm>

#include "files/files.h"
#include "gateway/wire.h"

namespace gateway {
namespace {

std::unexpected<base::Error> wrong(std::string_view member, std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message), std::string(member),
                    "invalid_value");
}

base::Status read_text(const json::Value& object, std::string_view name, std::string* out) {
  const json::Value* value = find_member(object, name);
  if (value == nullptr) return {};
  if (!value->is_string()) return wrong(name, std::string(name) + " is a string");
  *out = value->as_string();
  return {};
}

base::Status read_flag(const json::Value& object, std::string_view name, bool* out) {
  const json::Value* value = find_member(object, name);
  if (value == nullptr) return {};
  if (!value->is_bool()) return wrong(name, std::string(name) + " is true or false");
  *out = value->as_bool();
  return {};
}

template <class T>
base::Status read_whole(const json::Value& object, std::string_view name, int64_t min, int64_t max,
                        T* out) {
  const json::Value* value = find_member(object, name);
  if (value == nullptr) return {};
  if (!value->is_int() || value->as_int() < min || value->as_int() > max)
    return wrong(name, std::string(name) + " is a whole number from " + std::to_string(min) +
                           " to " + std::to_string(max));
  *out = static_cast<T>(value->as_int());
  return {};
}

base::Status read_timeout(const json::Value& object, std::string_view name, base::Duration* out) {
  int64_t milliseconds = out->ns / 1'000'000;
  TRY_VOID(read_whole(object, name, 1, 86'400'000, &milliseconds));
  *out = base::milliseconds(milliseconds);
  return {};
}

constexpr money::Uint128 kPicoPerMicro = 1'000'000;

// Dollars per million tokens are whole micro-dollars, and so exact prices per token.
base::Status read_price(const json::Value& object, std::string_view name, uint64_t* out) {
  std::string text;
  TRY_VOID(read_text(object, name, &text));
  if (text.empty()) return {};
  const auto amount = money::parse_usd(text);
  if (!amount || amount->pico() % kPicoPerMicro != 0 ||
      amount->pico() / kPicoPerMicro > money::Uint128{1'000'000'000'000})
    return wrong(name, std::string(name) +
                           " is dollars as a decimal string, such as \"0.15\", "
                           "with at most six places");
  *out = static_cast<uint64_t>(amount->pico() / kPicoPerMicro);
  return {};
}

std::string price_text(uint64_t micro_per_million) {
  return money::Amount::pico(money::Uint128{micro_per_million} * kPicoPerMicro).in_usd();
}

base::Result<TargetOptions> read_target(const json::Value& value, uint32_t price_version) {
  if (!value.is_object()) return wrong("targets", "a target is an object");
  TRY_VOID(json::only_fields(
      value, {"release", "upstream", "model", "priority", "weight", "input_usd_per_million",
              "output_usd_per_million", "context_length", "max_tokens_default"}));
  TargetOptions target;
  TRY_VOID(read_text(value, "release", &target.release));
  TRY_VOID(read_text(value, "upstream", &target.upstream));
  TRY_VOID(read_text(value, "model", &target.model));
  TRY_VOID(read_whole(value, "priority", 0, 1'000'000, &target.priority));
  TRY_VOID(read_whole(value, "weight", 1, 1'000'000, &target.weight));
  TRY_VOID(read_whole(value, "context_length", 0, 1'000'000'000, &target.context_length));
  TRY_VOID(read_whole(value, "max_tokens_default", 1, 1'000'000'000, &target.max_tokens_default));
  money::PriceQuote price{0, 0, price_version};
  TRY_VOID(read_price(value, "input_usd_per_million", &price.in_micro_per_million));
  TRY_VOID(read_price(value, "output_usd_per_million", &price.out_micro_per_million));
  if (find_member(value, "input_usd_per_million") || find_member(value, "output_usd_per_million"))
    target.price = price;
  return target;
}

json::Value target_json(const TargetOptions& target) {
  json::Object out;
  if (!target.release.empty()) {
    out.emplace_back("release", target.release);
  } else {
    out.emplace_back("upstream", target.upstream);
    out.emplace_back("model", target.model);
  }
  out.emplace_back("priority", target.priority);
  out.emplace_back("weight", int64_t{target.weight});
  if (target.price) {
    out.emplace_back("input_usd_per_million", price_text(target.price->in_micro_per_million));
    out.emplace_back("output_usd_per_million", price_text(target.price->out_micro_per_million));
  }
  out.emplace_back("context_length", target.context_length);
  out.emplace_back("max_tokens_default", target.max_tokens_default);
  return out;
}

}  // namespace

base::Result<UpstreamOptions> read_upstream(const json::Value& value) {
  if (!value.is_object()) return wrong("upstream", "an upstream is an object");
  UpstreamOptions options;
  std::string kind = "openai";
  TRY_VOID(read_text(value, "name", &options.name));
  TRY_VOID(read_text(value, "kind", &kind));
  TRY(options.kind, parse_upstream_kind(kind));
  TRY_VOID(read_text(value, "base_url", &options.base_url));
  TRY_VOID(read_text(value, "max_tokens_parameter", &options.max_tokens_parameter));
  if (!options.max_tokens_parameter.empty() && options.max_tokens_parameter != "max_tokens" &&
      options.max_tokens_parameter != "max_completion_tokens")
    return wrong("max_tokens_parameter",
                 "max_tokens_parameter is 'max_tokens' or 'max_completion_tokens'");
  TRY_VOID(read_whole(value, "concurrent_max", 0, 1'000'000, &options.concurrent_max));
  TRY_VOID(read_whole(value, "queue_max", 0, 1'000'000, &options.queue_max));
  TRY_VOID(read_timeout(value, "connect_timeout_ms", &options.connect_timeout));
  TRY_VOID(read_timeout(value, "first_byte_timeout_ms", &options.first_byte_timeout));
  TRY_VOID(read_timeout(value, "idle_timeout_ms", &options.idle_timeout));
  TRY_VOID(read_timeout(value, "total_timeout_ms", &options.total_timeout));
  TRY_VOID(read_text(value, "proxy", &options.proxy));
  TRY_VOID(read_text(value, "ca_file", &options.ca_file));
  return options;
}

json::Value upstream_json(const UpstreamOptions& options) {
  const auto milliseconds = [](base::Duration duration) { return duration.ns / 1'000'000; };
  return json::Object{{"name", options.name},
                      {"kind", upstream_kind_name(options.kind)},
                      {"base_url", options.base_url},
                      {"has_key", !options.key.empty()},
                      {"max_tokens_parameter", options.max_tokens_parameter},
                      {"concurrent_max", options.concurrent_max},
                      {"queue_max", options.queue_max},
                      {"connect_timeout_ms", milliseconds(options.connect_timeout)},
                      {"first_byte_timeout_ms", milliseconds(options.first_byte_timeout)},
                      {"idle_timeout_ms", milliseconds(options.idle_timeout)},
                      {"total_timeout_ms", milliseconds(options.total_timeout)},
                      {"proxy", options.proxy},
                      {"ca_file", options.ca_file}};
}

base::Result<RouteOptions> read_route(const json::Value& value) {
  if (!value.is_object()) return wrong("model", "a model is an object");
  RouteOptions options;
  std::string policy = "weighted";
  uint32_t price_version = 1;
  TRY_VOID(read_text(value, "id", &options.name));
  TRY_VOID(read_text(value, "policy", &policy));
  TRY(options.policy, parse_policy(policy));
  TRY_VOID(read_flag(value, "metered", &options.metered));
  TRY_VOID(read_flag(value, "hedged", &options.hedged));
  TRY_VOID(read_whole(value, "attempts_max", 1, 10, &options.attempts_max));
  TRY_VOID(read_whole(value, "price_version", 1, UINT32_MAX, &price_version));
  int64_t created = 0;
  TRY_VOID(read_whole(value, "created", 0, INT32_MAX, &created));
  options.created = base::Time{} + base::seconds(created);
  const json::Value* targets = find_member(value, "targets");
  if (targets == nullptr || !targets->is_array())
    return wrong("targets", "a model has an array of targets");
  for (const json::Value& entry : targets->as_array()) {
    TRY(TargetOptions target, read_target(entry, price_version));
    options.targets.push_back(std::move(target));
  }
  TRY_VOID(check_route(options));
  return options;
}

json::Value route_json(const RouteOptions& options) {
  json::Array targets;
  uint32_t version = 1;
  for (const TargetOptions& target : options.targets) {
    if (target.price) version = target.price->version;
    targets.push_back(target_json(target));
  }
  return json::Object{{"id", options.name},
                      {"created", options.created.seconds()},
                      {"policy", policy_name(options.policy)},
                      {"metered", options.metered},
                      {"hedged", options.hedged},
                      {"attempts_max", options.attempts_max},
                      {"price_version", int64_t{version}},
                      {"targets", std::move(targets)}};
}

base::Result<UpstreamOptions> read_configured_upstream(const json::Value& value,
                                                       const ReadVariable& variable) {
  TRY(UpstreamOptions options, read_upstream(value));
  TRY_VOID(json::only_fields(
      value, {"name", "kind", "base_url", "max_tokens_parameter", "concurrent_max", "queue_max",
              "connect_timeout_ms", "first_byte_timeout_ms", "idle_timeout_ms", "total_timeout_ms",
              "proxy", "ca_file", "key", "key_env", "key_file"}));
  std::string key, key_env, key_file;
  TRY_VOID(read_text(value, "key", &key));
  TRY_VOID(read_text(value, "key_env", &key_env));
  TRY_VOID(read_text(value, "key_file", &key_file));
  if (!key_env.empty()) {
    key = variable(key_env);
    if (key.empty())
      return wrong("key_env", "the environment variable that holds the upstream's key is not set");
  } else if (!key_file.empty()) {
    TRY(key, files::read_file(key_file, 64u << 10));
    while (!key.empty() && (key.back() == '\n' || key.back() == '\r' || key.back() == ' '))
      key.pop_back();
  }
  options.key = base::Secret(std::move(key));
  TRY_VOID(check_upstream(options));
  return options;
}

}  // namespace gateway
