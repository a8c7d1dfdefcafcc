// /v1/webhook_endpoints: where events go; api/webhook_delivery.h sends them.
#include <algorithm>

#include "api/background.h"
#include "api/lists.h"
#include "api/parameter.h"
#include "api/routes.h"
#include "crypto/random.h"

namespace api {
namespace {

constexpr int64_t kEndpointsMax = 100;
constexpr int64_t kOldSecretSeconds = 24 * 3600;

constexpr Field kCreateFields[] = {
    {.name = "name", .kinds = kString, .required = true, .min = 1, .max = 256},
    {.name = "url", .kinds = kString, .required = true},
    {.name = "event_types",
     .kinds = kArray,
     .required = true,
     .min = 1,
     .max = 64,
     .elements = kString}};
constexpr Schema kCreate{"CreateWebhookEndpointRequest", kCreateFields};
constexpr Field kUpdateFields[] = {
    {.name = "name", .kinds = kString, .min = 1, .max = 256},
    {.name = "url", .kinds = kString},
    {.name = "event_types", .kinds = kArray, .min = 1, .max = 64, .elements = kString}};
constexpr Schema kUpdate{"UpdateWebhookEndpointRequest", kUpdateFields};
constexpr Field kRotateFields[] = {
    {.name = "keep_old_secret_active_for_24_hours", .kinds = kBoolean}};
constexpr Schema kRotate{"RotateWebhookSecretRequest", kRotateFields};
constexpr Field kTestFields[] = {{.name = "event_type", .kinds = kString, .required = true}};
constexpr Schema kTest{"TestWebhookEndpointRequest", kTestFields};

base::Status check_type(const std::string& type, const std::string& path) {
  const auto known = webhook_event_types();
  if (std::ranges::find(known, type) != known.end()) return {};
  std::string list;
  for (const std::string_view one : known)
    list += (list.empty() ? "'" : ", '") + std::string(one) + "'";
  return refuse_parameter(
      "invalid_value", path,
      "Invalid value: '" + type.substr(0, 80) + "'. Supported values are: " + list + ".");
}

// What was given, checked, into the endpoint's body.
base::Status apply(const Webhooks& webhooks, const json::Value& given, json::Value* body) {
  if (const json::Value* url = find_parameter(given, "url")) {
    TRY_VOID(webhooks.check_url(url->as_string()));
    body->set("url", *url);
  }
  if (const json::Value* name = find_parameter(given, "name")) body->set("name", *name);
  if (const json::Value* types = find_parameter(given, "event_types")) {
    for (size_t i = 0; i < types->as_array().size(); ++i)
      TRY_VOID(
          check_type(types->as_array()[i].as_string(), "event_types[" + std::to_string(i) + "]"));
    body->set("event_types", *types);
  }
  return {};
}

json::Value with_secret(const objects::Object& endpoint, const base::Secret& secret) {
  json::Value out = shown(endpoint);
  out.set("signing_secret", secret.reveal());
  return out;
}

std::string hint(const base::Secret& secret) {
  const std::string_view text = secret.reveal();
  return "whsec_..." + std::string(text.substr(text.size() - 5, 4));
}

base::Result<json::Value> create(const Call& call) {
  const App& app = *call.app;
  Webhooks& webhooks = app.background->webhooks;
  TRY(const json::Value given, call.json_body());
  TRY(const objects::Page existing, app.objects.list({.kind = "webhook_endpoint",
                                                      .project_id = call.caller.project_id,
                                                      .limit = kEndpointsMax}));
  if (existing.data.size() >= static_cast<size_t>(kEndpointsMax))
    return refuse_parameter("too_many_webhook_endpoints", "",
                            "The project has 100 webhook endpoints; delete one first.");
  objects::Object endpoint{.kind = "webhook_endpoint",
                           .id = crypto::random_id("wh_"),
                           .project_id = call.caller.project_id,
                           .created = app.clock.now()};
  const auto secret = webhooks.new_secret(endpoint.id);
  const int64_t created = endpoint.created.seconds();
  endpoint.body = json::Object{{"id", endpoint.id},
                               {"object", "webhook_endpoint"},
                               {"created_at", created},
                               {"updated_at", created},
                               {"signing_secret_hint", hint(secret.shown)},
                               {"_secret", secret.sealed}};
  TRY_VOID(apply(webhooks, given, &endpoint.body));
  TRY_VOID(app.objects.insert(endpoint));
  webhooks.endpoints_changed();
  return with_secret(endpoint, secret.shown);
}

// Answers with the value, or with the error in the words of an endpoint's.
void answer(const Call& call, const base::Result<json::Value>& value) {
  if (value) return call.respond_json(*value);
  if (value.error().reason == "object_not_found")
    return call.fail(no_such_object("webhook_endpoint", call.parameters[0]).error());
  call.fail(value.error());
}

void create_endpoint(const Call& call) { answer(call, create(call)); }

void list_endpoints(const Call& call) {
  respond_page(call, read_list_query(call, "webhook_endpoint"));
}

void get_endpoint(const Call& call) {
  const auto endpoint = find_object(call, "webhook_endpoint", call.parameters[0]);
  if (!endpoint) return call.fail(endpoint.error());
  call.respond_json(shown(*endpoint));
}

base::Result<json::Value> update(const Call& call) {
  const App& app = *call.app;
  TRY(const json::Value given, call.json_body());
  TRY(const objects::Object endpoint,
      app.objects.update("webhook_endpoint", call.caller.project_id, call.parameters[0],
                         [&](json::Value& body) -> base::Status {
                           json::Value changed = body;
                           TRY_VOID(apply(app.background->webhooks, given, &changed));
                           if (changed == body) return {};
                           changed.set("updated_at", app.clock.now().seconds());
                           body = std::move(changed);
                           return {};
                         }));
  return shown(endpoint);
}

void update_endpoint(const Call& call) { answer(call, update(call)); }

void delete_endpoint(const Call& call) {
  const App& app = *call.app;
  const std::string& id = call.parameters[0];
  if (const auto removed = app.objects.remove("webhook_endpoint", call.caller.project_id, id);
      !removed)
    return answer(call, std::unexpected(removed.error()));
  app.background->webhooks.endpoints_changed();
  call.respond_json(deleted_object_json(id, "webhook_endpoint.deleted"));
}

base::Result<json::Value> rotate(const Call& call) {
  const App& app = *call.app;
  json::Value given = json::Object{};
  if (!call.request().body.empty()) {
    TRY(given, call.json_body());
  }
  const bool keep = given["keep_old_secret_active_for_24_hours"] == json::Value(true);
  const auto secret = app.background->webhooks.new_secret(call.parameters[0]);
  const int64_t now = app.clock.now().seconds();
  TRY(const objects::Object endpoint,
      app.objects.update("webhook_endpoint", call.caller.project_id, call.parameters[0],
                         [&](json::Value& body) -> base::Status {
                           body.set("_old_secret", keep ? body["_secret"] : json::Value());
                           body.set("_old_until", now + kOldSecretSeconds);
                           body.set("_secret", secret.sealed);
                           body.set("signing_secret_hint", hint(secret.shown));
                           body.set("updated_at", now);
                           return {};
                         }));
  return with_secret(endpoint, secret.shown);
}

void rotate_secret(const Call& call) { answer(call, rotate(call)); }

base::Result<json::Value> test(const Call& call) {
  TRY(const json::Value given, call.json_body());
  TRY(const objects::Object endpoint, find_object(call, "webhook_endpoint", call.parameters[0]));
  const std::string& type = given["event_type"].as_string();
  TRY_VOID(check_type(type, "event_type"));
  TRY(const int status, call.app->background->webhooks.send_sample(endpoint, type));
  return json::Object{{"object", "webhook_endpoint.test"},
                      {"webhook_endpoint_id", endpoint.id},
                      {"event_type", type},
                      {"status_code", status},
                      {"success", true}};
}

void test_endpoint(const Call& call) { answer(call, test(call)); }

void list_event_types(const Call& call) {
  json::Array data;
  for (const std::string_view type : webhook_event_types()) data.push_back(type);
  call.respond_json(json::Object{{"object", "list"}, {"data", std::move(data)}});
}

constexpr Route route(std::string_view method, std::string_view pattern, const Schema* body,
                      void (*handle)(const Call&), std::string_view summary) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = method == "GET" ? "webhooks.read" : "webhooks.write",
          .blocks = true,
          .body_bytes_max = 1u << 20,
          .body = body,
          .handle = handle,
          .summary = summary};
}

constexpr Route kRoutes[] = {
    route("GET", "/v1/webhook_event_types", nullptr, list_event_types, "what events there are"),
    route("POST", "/v1/webhook_endpoints", &kCreate, create_endpoint, "registers a URL"),
    route("GET", "/v1/webhook_endpoints", nullptr, list_endpoints, "lists endpoints"),
    route("GET", "/v1/webhook_endpoints/{id}", nullptr, get_endpoint, "one endpoint"),
    route("POST", "/v1/webhook_endpoints/{id}", &kUpdate, update_endpoint, "changes it"),
    route("DELETE", "/v1/webhook_endpoints/{id}", nullptr, delete_endpoint, "removes it"),
    route("POST", "/v1/webhook_endpoints/{id}/rotate_secret", &kRotate, rotate_secret,
          "gives it a new secret"),
    route("POST", "/v1/webhook_endpoints/{id}/test", &kTest, test_endpoint, "sends a sample event"),
};

}  // namespace

std::span<const Route> webhook_routes() { return kRoutes; }

}  // namespace api
