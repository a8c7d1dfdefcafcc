// charter limit: rates and budgets of the organization, projects, users, keys and models.
#include <charconv>
#include <cstdio>

#include "cli/house_options.h"
#include "cli/operate.h"

namespace cli {
namespace {

const std::string kLimits = "/v1/organization/limits";

std::string limit_line(const json::Value& row) {
  std::string line = shown(row["scope"]) + "  " + shown(row["scope_id"]) + "  " +
                     (row["model"].is_null() ? "all models" : shown(row["model"]));
  for (const char* name : {"requests_per_minute", "tokens_per_minute", "requests_per_day",
                           "tokens_per_day", "usd_per_day", "usd_per_month", "usd_total"})
    if (!row[name].is_null()) line += "  " + std::string(name) + "=" + shown(row[name]);
  return line;
}

base::Status list(std::span<const std::string> arguments) {
  Options options("limit");
  const auto& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const auto control, open_control(data));
  return print_items(control->list(kLimits), options.json(), limit_line);
}

// "none" takes a limit away.
base::Status add_count(json::Value* body, std::string_view flag, const std::string& name,
                       const std::string& text) {
  if (text.empty()) return {};
  int64_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (!whole && text != "none")
    return base::fail(base::Code::InvalidArgument,
                      std::string(flag) + " needs a whole number or \"none\"", text);
  body->set(name, whole ? json::Value(count) : json::Value());
  return {};
}

void add_usd(json::Value* body, const std::string& name, const std::string& text) {
  if (!text.empty()) body->set(name, text == "none" ? json::Value() : json::Value(text));
}

base::Status set(std::span<const std::string> arguments) {
  Options options("limit");
  const auto& scope = options.positional("SCOPE");
  const auto& id = options.optional_positional("ID");
  const auto& data = options.text("--data", "");
  const auto& model = options.text("--model", "");
  const auto& requests_minute = options.text("--requests-per-minute", "");
  const auto& tokens_minute = options.text("--tokens-per-minute", "");
  const auto& requests_day = options.text("--requests-per-day", "");
  const auto& tokens_day = options.text("--tokens-per-day", "");
  const auto& usd_day = options.text("--usd-per-day", "");
  const auto& usd_month = options.text("--usd-per-month", "");
  const auto& usd_total = options.text("--usd-total", "");
  TRY_VOID(options.parse(arguments));
  json::Value body = json::Object{{"scope", scope}};
  if (!id.empty()) body.set("id", id);
  if (!model.empty()) body.set("model", model);
  TRY_VOID(add_count(&body, "--requests-per-minute", "requests_per_minute", requests_minute));
  TRY_VOID(add_count(&body, "--tokens-per-minute", "tokens_per_minute", tokens_minute));
  TRY_VOID(add_count(&body, "--requests-per-day", "requests_per_day", requests_day));
  TRY_VOID(add_count(&body, "--tokens-per-day", "tokens_per_day", tokens_day));
  add_usd(&body, "usd_per_day", usd_day);
  add_usd(&body, "usd_per_month", usd_month);
  add_usd(&body, "usd_total", usd_total);
  TRY(const auto control, open_control(data));
  TRY(const json::Value row, control->post(kLimits, body));
  if (options.json())
    print_json(row);
  else
    std::puts(limit_line(row).c_str());
  return {};
}

constexpr Action kActions[] = {{"list", list}, {"set", set}};

base::Status run_limit(std::span<const std::string> arguments) {
  return run_action("limit", kActions, arguments);
}

}  // namespace

extern const Command kLimitCommand;
const Command kLimitCommand = {
    "limit", "rates and budgets by organization, project, user, key and model",
    "usage: charter limit list\n"
    "       charter limit set organization [--model NAME] LIMITS\n"
    "       charter limit set project|user|key ID [--model NAME] LIMITS\n\n"
    "LIMITS are any of\n"
    "  --requests-per-minute N  --tokens-per-minute N  --requests-per-day N  --tokens-per-day N\n"
    "  --usd-per-day AMOUNT     --usd-per-month AMOUNT --usd-total AMOUNT\n"
    "and \"none\" takes one away. Days and months are those of UTC. A request must pass every "
    "limit "
    "that it is under: its\n"
    "organization's, project's, user's and key's. Budgets never overshoot: the most that a request "
    "may cost is held\n"
    "before it begins. Works whether `charter serve` runs or not; --data DIR names the folder.\n",
    run_limit};

}  // namespace cli
