// GET /v1/models and one of them.
#include <algorithm>

#include "api/routes.h"
#include "gateway/gateway.h"

namespace api {
namespace {

json::Value model_json(const gateway::Channel& channel) {
  return json::Object{{"id", channel.name()},
                      {"object", "model"},
                      {"created", channel.release().issued.seconds()},
                      {"owned_by", channel.release().charter_id},
                      {"shutdown_date", nullptr}};
}

void list_models(const Call& call) {
  json::Array data;
  for (const auto& channel : call.app->gateway.channels()) data.push_back(model_json(*channel));
  call.respond_json(json::Object{{"object", "list"}, {"data", std::move(data)}});
}

void get_model(const Call& call) {
  const std::string& id = call.parameters[0];
  const auto channel = call.app->gateway.find(id);
  if (channel) return call.respond_json(model_json(*channel));
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
