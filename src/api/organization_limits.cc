// Limits and budgets: /v1/organization/limits for every scope (Charter's own), and OpenAI's
// projects/{p}/rate_limits and spend_limit as views of them.
#include <algorithm>

#include "api/admin.h"
#include "gateway/gateway.h"

namespace api {
namespace {

using identity::ScopeKind;
using identity::ScopeLimits;

constexpr std::string_view kScopes[] = {"organization", "project", "user", "key"};
constexpr double kCountMax = 1'000'000'000'000'000;
constexpr Field kLimitsFields[] = {
    {.name = "scope", .kinds = kString, .required = true, .values = kScopes},
    {.name = "id", .kinds = kString, .summary = "absent: the organization itself"},
    {.name = "model", .kinds = kString, .summary = "absent: all together"},
    {.name = "requests_per_minute", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "tokens_per_minute", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "requests_per_day", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "tokens_per_day", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "usd_per_day", .kinds = kString, .summary = "dollars as a decimal string"},
    {.name = "usd_per_month", .kinds = kString},
    {.name = "usd_total", .kinds = kString}};
constexpr Field kRateLimitFields[] = {
    {.name = "max_requests_per_1_minute", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "max_tokens_per_1_minute", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "max_requests_per_1_day", .kinds = kInteger, .min = 0, .max = kCountMax},
    {.name = "batch_1_day_max_input_tokens", .kinds = kInteger},
    {.name = "max_images_per_1_minute", .kinds = kInteger},
    {.name = "max_audio_megabytes_per_1_minute", .kinds = kInteger}};
constexpr std::string_view kCurrencies[] = {"USD"};
constexpr std::string_view kIntervals[] = {"month"};
constexpr Field kSpendLimitFields[] = {
    {.name = "threshold_amount",
     .kinds = kInteger,
     .required = true,
     .min = 0,
     .max = 1'000'000'000'000,
     .summary = "in cents"},
    {.name = "currency", .kinds = kString, .values = kCurrencies},
    {.name = "interval", .kinds = kString, .values = kIntervals}};
constexpr money::Uint128 kPicoPerCent = 10'000'000'000u;

json::Value count_or_null(const std::optional<int64_t>& count) {
  return count ? json::Value(*count) : json::Value();
}
json::Value usd_or_null(const std::optional<money::Amount>& amount) {
  return amount ? json::Value(amount->in_usd()) : json::Value();
}

json::Value limits_json(const ScopeLimits& row) {
  const std::string id = std::string(scope_kind_name(row.kind)) + ":" + row.id +
                         (row.model.empty() ? "" : ":" + row.model);
  return json::Object{{"object", "organization.limits"},
                      {"id", id},
                      {"scope", scope_kind_name(row.kind)},
                      {"scope_id", row.id},
                      {"model", row.model.empty() ? json::Value() : json::Value(row.model)},
                      {"requests_per_minute", count_or_null(row.rates.requests_per_minute)},
                      {"tokens_per_minute", count_or_null(row.rates.tokens_per_minute)},
                      {"requests_per_day", count_or_null(row.rates.requests_per_day)},
                      {"tokens_per_day", count_or_null(row.rates.tokens_per_day)},
                      {"usd_per_day", usd_or_null(row.budgets.per_day)},
                      {"usd_per_month", usd_or_null(row.budgets.per_month)},
                      {"usd_total", usd_or_null(row.budgets.total)}};
}

// The row as it is, or one without any number.
ScopeLimits row_of(const Call& call, ScopeKind kind, const std::string& id,
                   const std::string& model = {}) {
  auto row = call.app->identity.find_limits(kind, id, model);
  return row ? *std::move(row) : ScopeLimits{kind, id, model, {}, {}};
}

// A field that is given replaces the number; null takes the limit away.
void set_count(const json::Value& body, std::string_view name, std::optional<int64_t>* count) {
  if (body.find(name) != nullptr) *count = int_field(body, name);
}

base::Status set_usd(const json::Value& body, std::string_view name,
                     std::optional<money::Amount>* amount) {
  const json::Value* value = body.find(name);
  if (value == nullptr) return {};
  amount->reset();
  if (value->is_null()) return {};
  const auto parsed = money::parse_usd(value->as_string());
  if (!parsed)
    return refuse_parameter("invalid_value", std::string(name),
                            "Invalid '" + std::string(name) + "': " + parsed.error().message);
  *amount = *parsed;
  return {};
}

// The id of a scope of the caller's organisation.
base::Result<std::string> scope_id(const Call& call, ScopeKind kind, std::string id) {
  if (kind == ScopeKind::Organisation) {
    if (id.empty() || id == call.caller.org_id) return call.caller.org_id;
    return no_item("organization", id);
  }
  if (kind == ScopeKind::Project) {
    TRY_VOID(project_of(call, id));
  } else if (kind == ScopeKind::Key) {
    TRY_VOID(key_of(call, id));
  } else if (const auto account = call.app->identity.find_service_account(id)) {
    TRY_VOID(project_of(call, account->project_id));
  } else {
    TRY_VOID(user_of(call, id));
  }
  return id;
}

base::Result<json::Value> set(const Call& call) {
  TRY(const json::Value body, call.json_body());
  TRY(const ScopeKind kind, identity::parse_scope_kind(text_field(body, "scope")));
  TRY(const std::string id, scope_id(call, kind, text_field(body, "id")));
  const std::string model = text_field(body, "model");
  ScopeLimits row = row_of(call, kind, id, model);
  set_count(body, "requests_per_minute", &row.rates.requests_per_minute);
  set_count(body, "tokens_per_minute", &row.rates.tokens_per_minute);
  set_count(body, "requests_per_day", &row.rates.requests_per_day);
  set_count(body, "tokens_per_day", &row.rates.tokens_per_day);
  TRY_VOID(set_usd(body, "usd_per_day", &row.budgets.per_day));
  TRY_VOID(set_usd(body, "usd_per_month", &row.budgets.per_month));
  TRY_VOID(set_usd(body, "usd_total", &row.budgets.total));
  TRY_VOID(call.app->identity.set_limits(row, actor_of(call)));
  return limits_json(row);
}

// "rl-proj_1" for all models together, "rl-proj_1-MODEL" for one.
std::string rate_limit_id(const ScopeLimits& row) {
  return "rl-" + row.id + (row.model.empty() ? "" : "-" + row.model);
}

json::Value rate_limit_json(const ScopeLimits& row) {
  return json::Object{{"object", "project.rate_limit"},
                      {"id", rate_limit_id(row)},
                      {"model", row.model.empty() ? "*" : row.model},
                      {"max_requests_per_1_minute", count_or_null(row.rates.requests_per_minute)},
                      {"max_tokens_per_1_minute", count_or_null(row.rates.tokens_per_minute)},
                      {"max_requests_per_1_day", count_or_null(row.rates.requests_per_day)}};
}

// One for all models together, and one for each public model, whether it is limited or not.
base::Result<json::Value> listed_rate_limits(const Call& call) {
  TRY(const identity::Project project, project_of(call, call.parameters[0]));
  json::Array data{rate_limit_json(row_of(call, ScopeKind::Project, project.id))};
  for (const auto& route : call.app->gateway.catalog()->routes())
    data.push_back(rate_limit_json(row_of(call, ScopeKind::Project, project.id, route->name)));
  return page_of(call, std::move(data));
}

base::Result<json::Value> changed_rate_limit(const Call& call) {
  TRY(const identity::Project project, project_of(call, call.parameters[0]));
  std::string_view model = call.parameters[1];
  const std::string all = "rl-" + project.id;
  if (!model.starts_with(all) || (model.size() > all.size() && model[all.size()] != '-'))
    return no_item("rate limit", call.parameters[1]);
  model.remove_prefix(std::min(model.size(), all.size() + 1));
  TRY(const json::Value body, call.json_body());
  ScopeLimits row = row_of(call, ScopeKind::Project, project.id, std::string(model));
  set_count(body, "max_requests_per_1_minute", &row.rates.requests_per_minute);
  set_count(body, "max_tokens_per_1_minute", &row.rates.tokens_per_minute);
  set_count(body, "max_requests_per_1_day", &row.rates.requests_per_day);
  TRY_VOID(call.app->identity.set_limits(row, actor_of(call)));
  return rate_limit_json(row);
}

// The monthly budget of the project in the path, or of the organisation.
base::Result<ScopeLimits> spend_row(const Call& call) {
  if (call.parameters.empty()) return row_of(call, ScopeKind::Organisation, call.caller.org_id);
  TRY(const identity::Project project, project_of(call, call.parameters[0]));
  return row_of(call, ScopeKind::Project, project.id);
}

std::string_view spend_object(const ScopeLimits& row) {
  return row.kind == ScopeKind::Project ? "project.spend_limit" : "organization.spend_limit";
}

base::Result<json::Value> spend_json(const ScopeLimits& row) {
  if (!row.budgets.per_month) return no_item("spend limit", row.id);
  const auto cents = static_cast<int64_t>(row.budgets.per_month->pico() / kPicoPerCent);
  return json::Object{{"object", spend_object(row)},
                      {"threshold_amount", cents},
                      {"currency", "USD"},
                      {"interval", "month"},
                      {"enforcement", json::Object{{"status", "enforcing"}}}};
}

base::Result<json::Value> changed_spend(const Call& call) {
  TRY(ScopeLimits row, spend_row(call));
  TRY(const json::Value body, call.json_body());
  const auto cents = static_cast<uint64_t>(int_field(body, "threshold_amount").value_or(0));
  row.budgets.per_month = money::Amount::pico(kPicoPerCent * cents);
  TRY_VOID(call.app->identity.set_limits(row, actor_of(call)));
  return spend_json(row);
}

base::Result<json::Value> removed_spend(const Call& call) {
  TRY(ScopeLimits row, spend_row(call));
  row.budgets.per_month.reset();
  TRY_VOID(call.app->identity.set_limits(row, actor_of(call)));
  return json::Object{{"object", std::string(spend_object(row)) + ".deleted"}, {"deleted", true}};
}

}  // namespace

const Schema kLimitsBody{"LimitsRequest", kLimitsFields};
const Schema kRateLimitBody{"ProjectRateLimitRequest", kRateLimitFields};
const Schema kSpendLimitBody{"SpendLimitRequest", kSpendLimitFields};

void list_limits(const Call& call) {
  json::Array data;
  for (const ScopeLimits& row : call.app->identity.limits(call.caller.org_id))
    data.push_back(limits_json(row));
  answer(call, page_of(call, std::move(data)));
}
void set_limits(const Call& call) { answer(call, set(call)); }
void list_rate_limits(const Call& call) { answer(call, listed_rate_limits(call)); }
void set_rate_limit(const Call& call) { answer(call, changed_rate_limit(call)); }
void get_spend_limit(const Call& call) {
  const auto row = spend_row(call);
  answer(call, row ? spend_json(*row) : std::unexpected(row.error()));
}
void set_spend_limit(const Call& call) { answer(call, changed_spend(call)); }
void remove_spend_limit(const Call& call) { answer(call, removed_spend(call)); }

}  // namespace api
