#include "bench/gateway/charter_rows.h"

#include <algorithm>

#include "bench/child.h"
#include "bench/gateway/charter_control.h"
#include "bench/gateway/load.h"
#include "files/files.h"

namespace bench {
namespace {

constexpr int64_t kAnswerTokens = 12;  // what the mock provider bills
constexpr int kRacers = 1000, kWorth = 100;
constexpr int64_t kMeetings = 3;  // requests that meet the dead provider before its breaker opens
constexpr int64_t kAfter = 200;

std::string mock_url(uint16_t port) { return "http://127.0.0.1:" + std::to_string(port) + "/v1"; }

// A key of its own with a budget in all of kWorth answers, each $0.000012.
std::optional<std::string> make_racing_key(const CharterControl& control, std::string* why_not) {
  const json::Value target = json::Object{{"upstream", "mock"},
                                          {"model", "mock"},
                                          {"input_usd_per_million", "0"},
                                          {"output_usd_per_million", "1"}};
  if (!control.ask("POST", "models",
                   json::Object{{"id", "raced"}, {"targets", json::Array{target}}}, why_not))
    return std::nullopt;
  const auto owner = control.first_id("users", why_not);
  if (!owner) return std::nullopt;
  const auto key = control.ask("POST", "api_keys",
                               json::Object{{"name", "racer"}, {"owner_id", *owner}}, why_not);
  if (!key) return std::nullopt;
  const json::Value limit =
      json::Object{{"scope", "key"}, {"id", (*key)["id"]}, {"usd_total", "0.0012"}};
  if (!control.ask("POST", "limits", limit, why_not)) return std::nullopt;
  return (*key)["value"].as_string();
}

bool race(const Target& target, const CharterControl& control, const AddRow& add,
          std::string* why_not) {
  const auto key = make_racing_key(control, why_not);
  if (!key) return false;
  LoadOptions load;
  load.port = target.port;
  load.key = *key;
  load.model = "raced";
  load.connections = kRacers;
  load.requests = kRacers;
  load.warm_up = 0;
  load.max_tokens = kAnswerTokens;
  const auto good = static_cast<double>(run_load(load).good);
  add("budget race: overshoot of 100 answers", std::max(0.0, good - kWorth), "");
  add("budget race: part of the cap left unused", std::max(0.0, kWorth - good), "%");
  return true;
}

// The slowest of the requests that find the first provider dead, and what is added once its breaker
// is open, both against the same model while that provider lived.
bool outlive_a_provider(const Target& target, const Setting& setting, const CharterControl& control,
                        const AddRow& add, std::string* why_not) {
  const uint16_t port = free_port();
  Child mortal({setting.self, "mock", "--port", std::to_string(port)});
  if (!mortal.read_some()) {
    *why_not = "the second provider does not start";
    return false;
  }
  const json::Array targets{
      json::Object{{"upstream", "mortal"}, {"model", "mock"}, {"priority", int64_t{0}}},
      json::Object{{"upstream", "mock"}, {"model", "mock"}, {"priority", int64_t{1}}}};
  if (!control.ask("POST", "upstreams",
                   json::Object{{"name", "mortal"},
                                {"kind", "openai"},
                                {"base_url", mock_url(port)},
                                {"api_key", "none"}},
                   why_not) ||
      !control.ask("POST", "models", json::Object{{"id", "survivor"}, {"targets", targets}},
                   why_not))
    return false;
  LoadOptions load;
  load.port = target.port;
  load.key = target.key;
  load.model = "survivor";
  load.requests = kAfter;
  LoadResult alive = run_load(load);
  mortal.terminate();
  load.warm_up = 0;
  load.requests = kMeetings;
  LoadResult met = run_load(load);
  load.warm_up = 20;
  load.requests = kAfter;
  LoadResult after = run_load(load);
  const double usual = static_cast<double>(percentile(&alive.latency_ns, 0.5));
  add("provider dead: failed requests",
      static_cast<double>(alive.failed + met.failed + after.failed), "");
  add("provider dead: added until the next answers",
      (static_cast<double>(percentile(&met.latency_ns, 1)) - usual) / 1e6, "ms");
  add("breaker open: added latency p50",
      (static_cast<double>(percentile(&after.latency_ns, 0.5)) - usual) / 1e6, "ms");
  return true;
}

}  // namespace

bool measure_charter_rows(const Target& target, const Setting& setting, const AddRow& add,
                          std::string* why_not) {
  const CharterControl control(files::join(target.folder->path(), "data"));
  return race(target, control, add, why_not) &&
         outlive_a_provider(target, setting, control, add, why_not);
}

}  // namespace bench
