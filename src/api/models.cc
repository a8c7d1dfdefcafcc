// GET /v1/models and one of them.
#include <algorithm>

#include "api/routes.h"
#include "gateway/gateway.h"

namespace api {
namespace {

json::Value model_json(const gateway::ModelRoute& route) {
  return json::Object{{"id", route.name},
                      {"object", "model"},
                      {"created", route.created.seconds()},
                      {"owned_by", route.owned_by},
                      {"shutdown_date", nullptr}};
}

void list_models(const Call& call) {
  json::Array data;
  for (const auto& route : call.app->gateway.models(call.caller))
    data.push_back(model_json(*route));
  call.respond_json(json::Object{{"object", "list"}, {"data", std::move(data)}});
}

void get_model(const Call& call) {
  const std::string& id = call.parameters[0];
  if (const auto route = call.app->gateway.find_model(call.caller, id))
    return call.respond_json(model_json(**route));
  call.respond(error_response(ApiError{404,
                                       "invalid_request_error",
                                       "model_not_found",
                                       "model",
                                       "The model '" + id + "' does not exist",
                                       {}}));
}

constexpr Route kRoutes[] = {
    {.method = "GET",
     .pattern = "/v1/models",
     .auth = Auth::Key,
     .scope = "model.read",
     .handle = list_models,
     .summary = "lists the models"},
    {.method = "GET",
     .pattern = "/v1/models/{id*}",
     .auth = Auth::Key,
     .scope = "model.read",
     .handle = get_model,
     .summary = "one model"},
};

}  // namespace

std::span<const Route> model_routes() { return kRoutes; }

}  // namespace api
