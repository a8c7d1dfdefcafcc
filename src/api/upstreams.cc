// /v1/organization/upstreams and /v1/organization/models: the providers that this server may ask,
// and the public models that lead to them. Keys go in and never come out.
#include "api/parameter.h"
#include "api/routes.h"
#include "gateway/gateway.h"
#include "gateway/upstream_error.h"
#include "gateway/upstream_store.h"
#include "net/http_client.h"

namespace api {
namespace {

constexpr size_t kBytesMax = 256u << 10;
constexpr double kTimeoutMaxMs = 86'400'000;
constexpr std::string_view kKinds[] = {"openai", "anthropic"};
constexpr std::string_view kParameters[] = {"", "max_tokens", "max_completion_tokens"};
constexpr std::string_view kPolicies[] = {"weighted", "fastest", "cheapest"};

constexpr Field kUpstreamFields[] = {
    {.name = "name", .kinds = kString, .min = 1, .max = 64, .summary = "what routes call it"},
    {.name = "kind", .kinds = kString, .values = kKinds},
    {.name = "base_url",
     .kinds = kString,
     .max = 2000,
     .summary = "such as https://api.openai.com/v1"},
    {.name = "api_key",
     .kinds = kString,
     .max = 4096,
     .summary = "what it knows this server by; sealed at rest, never shown"},
    {.name = "max_tokens_parameter", .kinds = kString, .values = kParameters},
    {.name = "concurrent_max", .kinds = kInteger, .min = 0, .max = 1'000'000},
    {.name = "queue_max", .kinds = kInteger, .min = 0, .max = 1'000'000},
    {.name = "connect_timeout_ms", .kinds = kInteger, .min = 1, .max = kTimeoutMaxMs},
    {.name = "first_byte_timeout_ms", .kinds = kInteger, .min = 1, .max = kTimeoutMaxMs},
    {.name = "idle_timeout_ms", .kinds = kInteger, .min = 1, .max = kTimeoutMaxMs},
    {.name = "total_timeout_ms", .kinds = kInteger, .min = 1, .max = kTimeoutMaxMs},
    {.name = "proxy", .kinds = kString, .max = 2000},
    {.name = "ca_file", .kinds = kString, .max = 4096}};
constexpr Schema kUpstreamBody{"UpstreamRequest", kUpstreamFields};

constexpr Field kTargetFields[] = {
    {.name = "release", .kinds = kString, .summary = "a local release's channel, or"},
    {.name = "upstream", .kinds = kString, .summary = "a provider, with"},
    {.name = "model", .kinds = kString, .max = 256, .summary = "its name for the model"},
    {.name = "priority", .kinds = kInteger, .min = 0, .max = 1'000'000},
    {.name = "weight", .kinds = kInteger, .min = 1, .max = 1'000'000},
    {.name = "input_usd_per_million", .kinds = kString, .summary = "a decimal, such as \"0.15\""},
    {.name = "output_usd_per_million", .kinds = kString},
    {.name = "context_length", .kinds = kInteger, .min = 0, .max = 1'000'000'000},
    {.name = "max_tokens_default", .kinds = kInteger, .min = 1, .max = 1'000'000'000}};
constexpr Schema kTargetBody{"ModelTarget", kTargetFields};
constexpr Field kModelFields[] = {
    {.name = "id", .kinds = kString, .required = true, .min = 1, .max = 256},
    {.name = "targets",
     .kinds = kArray,
     .required = true,
     .min = 1,
     .max = 32,
     .schema = &kTargetBody,
     .elements = kObject},
    {.name = "policy", .kinds = kString, .values = kPolicies},
    {.name = "metered", .kinds = kBoolean},
    {.name = "hedged", .kinds = kBoolean},
    {.name = "attempts_max", .kinds = kInteger, .min = 1, .max = 10}};
constexpr Schema kModelBody{"ModelRouteRequest", kModelFields};

gateway::UpstreamStore& store_of(const Call& call) { return *call.app->upstreams; }

void answer(const Call& call, const base::Result<json::Value>& result) {
  if (!result) return call.fail(result.error());
  call.respond_json(*result);
}

void answer_deleted(const Call& call, const base::Status& status, std::string_view object) {
  if (!status) return call.fail(status.error());
  call.respond_json(
      json::Object{{"object", object}, {"id", call.parameters[0]}, {"deleted", true}});
}

json::Value list_json(json::Array data) {
  const json::Value first = data.empty() ? json::Value() : data.front()["id"];
  const json::Value last = data.empty() ? json::Value() : data.back()["id"];
  return json::Object{{"object", "list"},
                      {"data", std::move(data)},
                      {"first_id", first},
                      {"last_id", last},
                      {"has_more", false}};
}

void list_upstreams(const Call& call) { call.respond_json(list_json(store_of(call).upstreams())); }

void create_upstream(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  for (const std::string name : {"name", "base_url"}) {
    if (find_parameter(*body, name) == nullptr) return call.fail(missing(name).error());
  }
  answer(call, store_of(call).create_upstream(*body));
}

void get_upstream(const Call& call) { answer(call, store_of(call).upstream(call.parameters[0])); }

void update_upstream(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  answer(call, store_of(call).update_upstream(call.parameters[0], *body));
}

void delete_upstream(const Call& call) {
  answer_deleted(call, store_of(call).remove_upstream(call.parameters[0]),
                 "organization.upstream.deleted");
}

// Asks the provider for its models, which costs nothing: is it there, and does it take the key?
class TestSink final : public net::ClientSink {
 public:
  TestSink(Call call, std::shared_ptr<gateway::Upstream> upstream)
      : call_(std::move(call)), upstream_(std::move(upstream)), begun_ns_(base::monotonic_ns()) {}

  void head(int status, const std::vector<net::Header>&) override { status_ = status; }
  void data(std::string_view) override {}
  void end(const base::Status& status) override {
    const bool well = status && status_ >= 200 && status_ < 300;
    std::string error;
    if (!status)
      error = gateway::failure_of(*upstream_, status.error()).error.message;
    else if (!well)
      error = gateway::failure_of(*upstream_, gateway::ProviderError{.status = status_}, {})
                  .error.message;
    const double elapsed_ms = static_cast<double>(base::monotonic_ns() - begun_ns_) * 1e-6;
    call_.respond_json(json::Object{{"object", "organization.upstream.test"},
                                    {"id", upstream_->name()},
                                    {"ok", well},
                                    {"status", status_ == 0 ? json::Value() : json::Value(status_)},
                                    {"latency_ms", elapsed_ms},
                                    {"error", error.empty() ? json::Value() : json::Value(error)}});
  }

 private:
  const Call call_;
  const std::shared_ptr<gateway::Upstream> upstream_;
  const int64_t begun_ns_;
  int status_ = 0;
};

void test_upstream(const Call& call) {
  const auto upstream = call.app->gateway.directory().find_upstream(call.parameters[0]);
  if (!upstream) return answer(call, store_of(call).upstream(call.parameters[0]));
  net::ClientRequest request = upstream->request("/models", "", call.traceparent());
  request.method = "GET";
  request.first_byte_timeout = base::seconds(10);
  request.idle_timeout = base::seconds(10);
  upstream->client().send(std::move(request), std::make_shared<TestSink>(call, upstream));
}

void list_routes(const Call& call) { call.respond_json(list_json(store_of(call).routes())); }

void set_route(const Call& call) {
  const auto body = call.json_body();
  if (!body) return call.fail(body.error());
  answer(call, store_of(call).set_route(*body));
}

void delete_route(const Call& call) {
  answer_deleted(call, store_of(call).remove_route(call.parameters[0]),
                 "organization.model.deleted");
}

void reload_releases(const Call& call) {
  if (!call.app->reload_releases)
    return call.fail(base::Error{
        base::Code::Unimplemented, "This server has no folder of releases.", {}, {}, {}});
  const auto refused = call.app->reload_releases();
  if (!refused) return call.fail(refused.error());
  json::Array errors;
  for (const std::string& error : *refused) errors.push_back(error);
  json::Array models;
  for (const auto& route : call.app->gateway.catalog()->routes()) models.push_back(route->name);
  call.respond_json(json::Object{{"object", "organization.models.reload"},
                                 {"models", std::move(models)},
                                 {"refused", std::move(errors)}});
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/v1/organization/upstreams",
     .auth = Auth::Admin,
     .handle = list_upstreams,
     .summary = "providers that this server may ask"},
    {.method = "POST",
     .pattern = "/v1/organization/upstreams",
     .auth = Auth::Admin,
     .blocks = true,
     .body_bytes_max = kBytesMax,
     .body = &kUpstreamBody,
     .handle = create_upstream,
     .summary = "adds a provider"},
    {.method = "GET",
     .pattern = "/v1/organization/upstreams/{id}",
     .auth = Auth::Admin,
     .handle = get_upstream,
     .summary = "one provider"},
    {.method = "POST",
     .pattern = "/v1/organization/upstreams/{id}",
     .auth = Auth::Admin,
     .blocks = true,
     .body_bytes_max = kBytesMax,
     .body = &kUpstreamBody,
     .handle = update_upstream,
     .summary = "changes a provider, its key too"},
    {.method = "DELETE",
     .pattern = "/v1/organization/upstreams/{id}",
     .auth = Auth::Admin,
     .blocks = true,
     .handle = delete_upstream,
     .summary = "removes a provider"},
    {.method = "POST",
     .pattern = "/v1/organization/upstreams/{id}/test",
     .auth = Auth::Admin,
     .body_bytes_max = kBytesMax,
     .handle = test_upstream,
     .summary = "asks a provider for its models"},
    {.method = "GET",
     .pattern = "/v1/organization/models",
     .auth = Auth::Admin,
     .handle = list_routes,
     .summary = "public models and who answers them"},
    {.method = "POST",
     .pattern = "/v1/organization/models",
     .auth = Auth::Admin,
     .blocks = true,
     .body_bytes_max = kBytesMax,
     .body = &kModelBody,
     .handle = set_route,
     .summary = "makes or replaces a public model"},
    {.method = "POST",
     .pattern = "/v1/organization/models/reload",
     .auth = Auth::Admin,
     .blocks = true,
     .body_bytes_max = kBytesMax,
     .handle = reload_releases,
     .summary = "reads the folder of releases again"},
    {.method = "DELETE",
     .pattern = "/v1/organization/models/{id*}",
     .auth = Auth::Admin,
     .blocks = true,
     .handle = delete_route,
     .summary = "removes a public model"},
};

}  // namespace

std::span<const Route> upstream_routes() { return kRoutes; }

}  // namespace api
