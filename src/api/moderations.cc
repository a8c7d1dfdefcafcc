// POST /v1/moderations: answered by the house's own model, or by an upstream that a route of the
// model's name leads to.
#include "api/answer.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "gateway/gateway.h"

namespace api {
namespace {

constexpr std::string_view kModelDefault = "omni-moderation-latest";
constexpr Field kFields[] = {
    {.name = "input",
     .kinds = kString | kArray,
     .required = true,
     .min = 1,
     .elements = kString | kObject,
     .summary = "a text, a list of texts, or the parts of one input"},
    {.name = "model", .kinds = kString},
};
constexpr Schema kModerationSchema{"CreateModerationRequest", kFields};

void create_moderation(const Call& call) {
  auto body = call.json_body();
  if (!body) return call.fail(body.error());
  if (find_parameter(*body, "model") == nullptr) body->set("model", kModelDefault);
  const auto admission = std::make_shared<gateway::Admission>();
  auto done = [call, admission](const base::Result<json::Value>& result) {
    std::vector<net::Header> headers = headers_of(*admission);
    if (!result) return call.fail(result.error(), headers);
    headers.push_back({"content-type", "application/json"});
    call.respond({200, std::move(headers), json::dump(*result)});
  };
  call.app->gateway.moderate(call.caller, call.request_id, *std::move(body), std::move(done),
                             admission.get());
}

constexpr Route kRoutes[] = {
    {.method = "POST",
     .pattern = "/v1/moderations",
     .auth = Auth::Key,
     .scope = "model.request",
     .body_bytes_max = 16u << 20,
     .body = &kModerationSchema,
     .handle = create_moderation,
     .summary = "whether texts are harmful, by the house's own model or an upstream"},
};

}  // namespace

std::span<const Route> moderation_routes() { return kRoutes; }

}  // namespace api
