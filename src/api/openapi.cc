// The OpenAPI 3.1 document of what this server serves, from the route table and its schemas.
#include "api/routes.h"

namespace api {
namespace {

// "/v1/models/{id*}" -> "/v1/models/{id}": OpenAPI has no word for the rest of a path.
std::string openapi_path(std::string_view pattern) {
  std::string out;
  for (const char c : pattern) {
    if (c != '*') out.push_back(c);
  }
  return out;
}

json::Array path_parameters(std::string_view pattern) {
  json::Array out;
  for (size_t at = 0; (at = pattern.find('{', at)) != std::string_view::npos;) {
    const size_t end = pattern.find('}', at);
    std::string_view name = pattern.substr(at + 1, end - at - 1);
    if (name.ends_with('*')) name.remove_suffix(1);
    out.push_back(json::Object{{"name", name},
                               {"in", "path"},
                               {"required", true},
                               {"schema", json::Object{{"type", "string"}}}});
    at = end;
  }
  return out;
}

// "create_chat_completion"-like names from the method and the path, unique in the table.
std::string operation_id(const Route& route) {
  std::string out(route.method);
  for (char& c : out) c = static_cast<char>(c | 0x20);
  for (const char c : route.pattern) {
    if (c == '/') out.push_back('_');
    if (c != '/' && c != '{' && c != '}' && c != '*') out.push_back(c);
  }
  return out;
}

json::Value operation(const Route& route, json::Value* components) {
  json::Value out = json::Object{{"operationId", operation_id(route)}, {"summary", route.summary}};
  if (json::Array parameters = path_parameters(route.pattern); !parameters.empty())
    out.set("parameters", std::move(parameters));
  if (route.body != nullptr) {
    collect_schemas(*route.body, components);
    const json::Value schema =
        json::Object{{"$ref", "#/components/schemas/" + std::string(route.body->name)}};
    out.set("requestBody",
            json::Object{
                {"required", true},
                {"content", json::Object{{"application/json", json::Object{{"schema", schema}}}}}});
  }
  const json::Value error = json::Object{{"$ref", "#/components/responses/Error"}};
  out.set("responses",
          json::Object{{"200", json::Object{{"description", route.summary}}}, {"default", error}});
  if (route.auth == Auth::None) out.set("security", json::Array{});
  if (!route.scope.empty()) out.set("x-charter-scope", route.scope);
  return out;
}

json::Value error_response_json() {
  const json::Value text = json::Object{{"type", "string"}};
  const json::Value text_or_null = json::Object{{"type", json::Array{"string", "null"}}};
  const json::Value error = json::Object{
      {"type", "object"},
      {"properties",
       json::Object{
           {"message", text}, {"type", text}, {"param", text_or_null}, {"code", text_or_null}}},
      {"required", json::Array{"message", "type", "param", "code"}}};
  const json::Value body = json::Object{{"type", "object"},
                                        {"properties", json::Object{{"error", error}}},
                                        {"required", json::Array{"error"}}};
  return json::Object{
      {"description", "What is wrong, and what to do."},
      {"content", json::Object{{"application/json", json::Object{{"schema", body}}}}}};
}

}  // namespace

json::Value openapi_document(std::string_view server_url) {
  json::Value paths = json::Object{}, schemas = json::Object{};
  for (const Route* route : routes()) {
    if (route->auth == Auth::Session || !route->pattern.starts_with("/v1/")) continue;
    const std::string path = openapi_path(route->pattern);
    if (paths.find(path) == nullptr) paths.set(path, json::Object{});
    std::string method(route->method);
    for (char& c : method) c = static_cast<char>(c | 0x20);
    paths.find(path)->set(method, operation(*route, &schemas));
  }
  const json::Value bearer = json::Object{{"type", "http"}, {"scheme", "bearer"}};
  return json::Object{
      {"openapi", "3.1.0"},
      {"info", json::Object{{"title", "Charter"},
                            {"version", "1"},
                            {"license",
                             json::Object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}}}},
      {"servers", json::Array{json::Object{{"url", server_url}}}},
      {"security", json::Array{json::Object{{"ApiKey", json::Array{}}}}},
      {"paths", std::move(paths)},
      {"components", json::Object{{"schemas", std::move(schemas)},
                                  {"responses", json::Object{{"Error", error_response_json()}}},
                                  {"securitySchemes", json::Object{{"ApiKey", bearer}}}}}};
}

}  // namespace api
