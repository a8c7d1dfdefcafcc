// What an operator's programs ask: is the process there, can it serve, what has it done.
#include "api/handlers.h"
#include "gateway/gateway.h"
#include "telemetry/metrics.h"

namespace api {

void get_health(const Call& call) { call.respond_json(json::Object{{"status", "ok"}}); }

void get_readiness(const Call& call) {
  const base::Status ledger = call.app->ledger.health();
  const bool ready =
      ledger.has_value() && !call.app->gateway.channels().empty() && !call.app->gateway.draining();
  const json::Value body =
      json::Object{{"status", ready ? "ready" : "not ready"},
                   {"models", static_cast<int64_t>(call.app->gateway.channels().size())},
                   {"draining", call.app->gateway.draining()},
                   {"ledger", ledger ? "ok" : ledger.error().message}};
  call.respond(json_response(ready ? 200 : 503, body));
}

void get_metrics(const Call& call) {
  call.respond({200,
                {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}},
                call.app->metrics.prometheus()});
}

}  // namespace api
