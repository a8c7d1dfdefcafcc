// What an operator's programs ask: is the process there, can it serve, what has it done.
#include "api/routes.h"
#include "gateway/gateway.h"
#include "telemetry/metrics.h"

namespace api {
namespace {

void get_health(const Call& call) { call.respond_json(json::Object{{"status", "ok"}}); }

void get_readiness(const Call& call) {
  const base::Status ledger = call.app->ledger.health();
  const size_t models = call.app->gateway.catalog()->routes().size();
  const bool ready = ledger.has_value() && models > 0 && !call.app->gateway.draining();
  const json::Value body = json::Object{{"status", ready ? "ready" : "not ready"},
                                        {"models", static_cast<int64_t>(models)},
                                        {"draining", call.app->gateway.draining()},
                                        {"ledger", ledger ? "ok" : ledger.error().message}};
  call.respond(json_response(ready ? 200 : 503, body));
}

void get_metrics(const Call& call) {
  call.respond({200,
                {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}},
                call.app->metrics.prometheus()});
}

void get_openapi(const Call& call) {
  const std::string_view host = call.request().header("host");
  call.respond_json(openapi_document("http://" + std::string(host)));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/openapi.json",
     .auth = Auth::None,
     .handle = get_openapi,
     .summary = "what is served, as OpenAPI"},
    {.method = "GET",
     .pattern = "/healthz",
     .auth = Auth::None,
     .handle = get_health,
     .summary = "the process answers"},
    {.method = "GET",
     .pattern = "/readyz",
     .auth = Auth::None,
     .handle = get_readiness,
     .summary = "models are served and the ledger takes rows"},
    {.method = "GET",
     .pattern = "/metrics",
     .auth = Auth::Metrics,
     .handle = get_metrics,
     .summary = "for Prometheus"},
};

}  // namespace

std::span<const Route> operation_routes() { return kRoutes; }

}  // namespace api
