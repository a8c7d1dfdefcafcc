// GET /v1/models and one of them, in the form of whoever asks: OpenAI's clients or Anthropic's.
#include <algorithm>

#include "api/routes.h"
#include "base/time.h"
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

json::Value anthropic_model_json(const gateway::ModelRoute& route) {
  return json::Object{{"type", "model"},
                      {"id", route.name},
                      {"display_name", route.name},
                      {"created_at", base::rfc3339(route.created)}};
}

// Only Anthropic's clients send their version.
bool asks_as_anthropic(const Call& call) { return call.request().has_header("anthropic-version"); }

void list_models(const Call& call) {
  const bool anthropic = asks_as_anthropic(call);
  json::Array data;
  for (const auto& route : call.app->gateway.models(call.caller))
    data.push_back(anthropic ? anthropic_model_json(*route) : model_json(*route));
  if (!anthropic)
    return call.respond_json(json::Object{{"object", "list"}, {"data", std::move(data)}});
  const json::Value first = data.empty() ? json::Value() : data.front()["id"];
  const json::Value last = data.empty() ? json::Value() : data.back()["id"];
  call.respond_json(json::Object{
      {"data", std::move(data)}, {"has_more", false}, {"first_id", first}, {"last_id", last}});
}

ApiError no_such_model(std::string_view id) {
  return {404,
          "invalid_request_error",
          "model_not_found",
          "model",
          "The model '" + std::string(id) + "' does not exist",
          {}};
}

void get_model(const Call& call) {
  const std::string& id = call.parameters[0];
  const bool anthropic = asks_as_anthropic(call);
  if (const auto route = call.app->gateway.find_model(call.caller, id))
    return call.respond_json(anthropic ? anthropic_model_json(**route) : model_json(**route));
  if (!anthropic) return call.fail(no_such_model(id));
  call.respond(error_response(no_such_model(id), Wire::Anthropic));
}

// What is served here was released under the charter or was configured by an operator: no request
// takes it away.
void delete_model(const Call& call) {
  const std::string& id = call.parameters[0];
  if (!call.app->gateway.find_model(call.caller, id)) return call.fail(no_such_model(id));
  call.fail(ApiError{403,
                     "invalid_request_error",
                     "",
                     "model",
                     "You are not allowed to delete the model '" + id +
                         "': only a fine-tuned model of your own that is not served can be "
                         "deleted. A release ends by a decision under its charter.",
                     {}});
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
    {.method = "DELETE",
     .pattern = "/v1/models/{id*}",
     .auth = Auth::Key,
     .scope = "fine_tuning.write",
     .handle = delete_model,
     .summary = "deletes a fine-tuned model"},
};

}  // namespace

std::span<const Route> model_routes() { return kRoutes; }

}  // namespace api
