#include "bench/gateway/charter_target.h"

#include <unistd.h>

#include <filesystem>
#include <optional>

#include "bench/gateway/charter_control.h"
#include "json/json.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

// Wide enough that nobody meets them: what they cost is measured, not what they do.
bool set_limits(const CharterControl& control, std::string* why_not) {
  const auto project = control.first_id("projects", why_not);
  const auto user = control.first_id("users", why_not);
  const auto key = control.first_id("api_keys", why_not);
  if (!project || !user || !key) return false;
  const std::pair<const char*, json::Value> scopes[] = {
      {"organization", nullptr}, {"project", *project}, {"user", *user}, {"key", *key}};
  for (const auto& [scope, id] : scopes) {
    json::Value body = json::Object{{"scope", scope},
                                    {"requests_per_minute", int64_t{1'000'000'000}},
                                    {"tokens_per_minute", int64_t{1'000'000'000'000}},
                                    {"usd_per_month", "1000000"}};
    if (!id.is_null()) body.set("id", id);
    if (!control.ask("POST", "limits", body, why_not)) return false;
  }
  return true;
}

bool add_provider(const CharterControl& control, const Setting& setting, bool governed,
                  std::string* why_not) {
  json::Value target = json::Object{{"upstream", "mock"}, {"model", "mock"}};
  if (governed) {
    target.set("input_usd_per_million", "0.15");
    target.set("output_usd_per_million", "0.6");
  }
  return control.ask("POST", "upstreams",
                     json::Object{{"name", "mock"},
                                  {"kind", "openai"},
                                  {"base_url",
                                   "http://127.0.0.1:" + std::to_string(setting.mock_port) + "/v1"},
                                  {"api_key", "none"}},
                     why_not) &&
         control.ask("POST", "models",
                     json::Object{{"id", "mock"},
                                  {"targets", json::Array{std::move(target)}},
                                  {"metered", governed}},
                     why_not) &&
         (!governed || set_limits(control, why_not));
}

std::unique_ptr<Target> start_charter(const Setting& setting, bool governed, std::string* why_not) {
  if (setting.charter.empty() || !fs::exists(setting.charter)) {
    *why_not = "it is not built: " + setting.charter;
    return nullptr;
  }
  auto target = make_target(governed ? "charter governed" : "charter");
  const std::string folder = target->folder->path(), data = files::join(folder, "data");
  const std::string ready = files::join(folder, "ready.json"), models = files::join(folder, "m");
  fs::create_directory(models);
  const std::string address = "127.0.0.1:" + std::to_string(target->port);
  target = start_target(std::move(target),
                        {setting.charter, "serve", "--data", data, "--listen", address, "--ready",
                         ready, "--models", models, "--allow-no-model", "--threads", "2",
                         "--log-level", "warn", "--opening-balance-usd", "1000000"},
                        why_not);
  if (!target) return nullptr;
  // It is written just after the server has begun to answer.
  for (int wait = 0; wait < 5000 && !fs::exists(ready); ++wait) usleep(1000);
  const auto text = files::read_file(ready);
  const auto told = text ? json::parse(*text) : base::fail(base::Code::NotFound, "");
  if (!told || !(*told)["api_key"].is_string()) {
    *why_not = "it does not tell its first key";
    return nullptr;
  }
  target->key = (*told)["api_key"].as_string();
  if (!add_provider(CharterControl(data), setting, governed, why_not)) return nullptr;
  return target;
}

}  // namespace

std::unique_ptr<Target> start_charter_plain(const Setting& setting, std::string* why_not) {
  return start_charter(setting, false, why_not);
}

std::unique_ptr<Target> start_charter_governed(const Setting& setting, std::string* why_not) {
  return start_charter(setting, true, why_not);
}

}  // namespace bench
