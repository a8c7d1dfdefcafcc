// /v1/organization/usage/* and /costs.
#include "api/admin.h"
#include "journal/ledger.h"

namespace api {
namespace {

using journal::BucketQuery;
using journal::UsageGroup;
using journal::UsageKind;

struct UsageRoute {
  std::string_view name;
  std::optional<UsageKind> kind;  // none: this house has no such work, so the buckets are empty
};
constexpr UsageRoute kUsageRoutes[] = {{"completions", UsageKind::Completions},
                                       {"embeddings", UsageKind::Embeddings},
                                       {"moderations", UsageKind::Moderations},
                                       {"vector_stores", UsageKind::VectorStores},
                                       {"file_search_calls", UsageKind::FileSearchCalls},
                                       {"images", {}},
                                       {"audio_speeches", {}},
                                       {"audio_transcriptions", {}},
                                       {"code_interpreter_sessions", {}},
                                       {"web_search_calls", {}}};

base::Status set_groups(const Call& call, bool costs, BucketQuery* query) {
  for (const std::string& name : query_list(call, "group_by")) {
    if (name == "project_id") {
      query->by_project = true;
    } else if (name == "api_key_id") {
      query->by_key = true;
    } else if (name == "line_item" && costs) {
      query->by_model = query->by_kind = true;
    } else if (name == "user_id" && !costs) {
      query->by_user = true;
    } else if (name == "model" && !costs) {
      query->by_model = true;
    } else if (name == "batch" && !costs) {
      query->by_batch = true;
    } else {
      return refuse_parameter("invalid_value", "group_by",
                              "Invalid value: '" + name + "' is not a field to group by.");
    }
  }
  return {};
}

base::Result<BucketQuery> bucket_query(const Call& call, bool costs) {
  BucketQuery query;
  query.org_id = call.caller.org_id;
  if (query_text(call, "start_time").empty())
    return refuse_parameter("missing_required_parameter", "start_time",
                            "Missing required parameter: 'start_time'.");
  constexpr int64_t kSecondsMax = INT64_MAX / 1'000'000'000;
  TRY(const int64_t start, query_int(call, "start_time", 0, 0, kSecondsMax));
  TRY(const int64_t end, query_int(call, "end_time", kSecondsMax, 0, kSecondsMax));
  query.from = {start * 1'000'000'000};
  query.to = query_text(call, "end_time").empty() ? call.app->clock.now() + base::seconds(1)
                                                  : base::Time{end * 1'000'000'000};
  const std::string width = query_text(call, "bucket_width");
  if (!width.empty()) {
    TRY(query.width, journal::bucket_width_from(width));
  }
  query.project_ids = query_list(call, "project_ids");
  query.user_ids = query_list(call, "user_ids");
  query.key_ids = query_list(call, "api_key_ids");
  query.models = query_list(call, "models");
  if (const std::string batch = query_text(call, "batch"); !batch.empty())
    query.batch = batch == "true";
  TRY_VOID(set_groups(call, costs, &query));
  TRY(query.limit, query_int(call, "limit", 0, 1, costs ? 180 : 1440));
  query.page = query_text(call, "page");
  return query;
}

json::Value or_null(const std::optional<std::string>& text) {
  return text && !text->empty() ? json::Value(*text) : json::Value();
}

json::Value usage_result(UsageKind kind, const UsageGroup& group) {
  const journal::UsageTotals& sums = group.sums;
  json::Value out = json::Object{
      {"object", "organization.usage." + std::string(usage_kind_name(kind)) + ".result"},
      {"num_model_requests", sums.requests},
      {"project_id", or_null(group.project_id)},
      {"user_id", or_null(group.user_id)},
      {"api_key_id", or_null(group.key_id)},
      {"model", or_null(group.model)}};
  if (kind == UsageKind::VectorStores) {
    out.set("usage_bytes", sums.units);
  } else if (kind == UsageKind::FileSearchCalls) {
    out.set("object", "organization.usage.file_searches.result");
    out.set("num_requests", sums.units);
  } else {
    out.set("input_tokens", sums.prompt_tokens);
  }
  if (kind != UsageKind::Completions) return out;
  out.set("output_tokens", sums.completion_tokens);
  out.set("input_cached_tokens", sums.cached_tokens);
  out.set("input_audio_tokens", 0);
  out.set("output_audio_tokens", 0);
  out.set("batch", group.batch ? json::Value(*group.batch) : json::Value());
  return out;
}

// A JSON number cannot hold every exact amount, so the exact one stands beside it, as a string.
json::Value cost_result(const UsageGroup& group) {
  const double usd = static_cast<double>(group.sums.amount.pico()) / 1e12;
  json::Value line_item;
  if (group.model && group.kind)
    line_item = (group.model->empty() ? "" : *group.model + ", ") +
                std::string(usage_kind_name(*group.kind));
  return json::Object{{"object", "organization.costs.result"},
                      {"amount", json::Object{{"value", usd},
                                              {"currency", "usd"},
                                              {"exact_usd", group.sums.amount.in_usd()}}},
                      {"line_item", std::move(line_item)},
                      {"project_id", or_null(group.project_id)},
                      {"api_key_id", or_null(group.key_id)}};
}

template <class Render>
base::Result<json::Value> buckets(const Call& call, const BucketQuery& query,
                                  const Render& render) {
  TRY(const journal::UsagePage page, call.app->ledger.usage_buckets(query));
  json::Array data;
  for (const journal::UsageBucket& bucket : page.buckets) {
    json::Array results;
    for (const UsageGroup& group : bucket.groups)
      if (auto result = render(group); !result.is_null()) results.push_back(std::move(result));
    data.emplace_back(json::Object{{"object", "bucket"},
                                   {"start_time", bucket.start.seconds()},
                                   {"end_time", bucket.end.seconds()},
                                   {"results", std::move(results)}});
  }
  const bool more = !page.next_page.empty();
  return json::Object{{"object", "page"},
                      {"data", std::move(data)},
                      {"has_more", more},
                      {"next_page", more ? json::Value(page.next_page) : json::Value()}};
}

base::Result<json::Value> usage_page(const Call& call) {
  const UsageRoute* route = nullptr;
  for (const UsageRoute& one : kUsageRoutes)
    if (one.name == call.parameters[0]) route = &one;
  if (route == nullptr) return no_item("kind of usage", call.parameters[0]);
  TRY(BucketQuery query, bucket_query(call, false));
  query.kind = route->kind.value_or(UsageKind::Completions);
  return buckets(call, query, [route](const UsageGroup& group) {
    return route->kind ? usage_result(*route->kind, group) : json::Value();
  });
}

base::Result<json::Value> cost_page(const Call& call) {
  TRY(BucketQuery query, bucket_query(call, true));
  return buckets(call, query, cost_result);
}

}  // namespace

void get_usage(const Call& call) { answer(call, usage_page(call)); }
void get_costs(const Call& call) { answer(call, cost_page(call)); }

}  // namespace api
