// What OpenAI's API has and this server does not: a typed 501 that clients do not repeat, instead
// of a 404 that reads like a typing error.
#include "api/routes.h"

namespace api {
namespace {

void refuse(const Call& call) {
  const std::string path = call.request().path;
  const std::string group = path.substr(4, path.find('/', 4) - 4);
  call.fail({base::Code::Unimplemented,
             "This server does not offer " + path.substr(0, 200) + ": it serves text, and the '" +
                 group + "' endpoints are not a part of it. GET /openapi.json lists what is.",
             "unsupported_endpoint",
             {},
             {}});
}

constexpr size_t kBodyBytesMax = 32u << 20;

constexpr Route refused(std::string_view method, std::string_view pattern) {
  return {.method = method,
          .pattern = pattern,
          .auth = Auth::Key,
          .scope = "model.request",
          .body_bytes_max = kBodyBytesMax,
          .spool = true,
          .handle = refuse,
          .summary = "not offered: 501"};
}

constexpr Route kRoutes[] = {
    refused("POST", "/v1/audio/{rest*}"),
    refused("GET", "/v1/audio/{rest*}"),
    refused("POST", "/v1/images/{rest*}"),
    refused("POST", "/v1/videos"),
    refused("GET", "/v1/videos"),
    refused("POST", "/v1/videos/{rest*}"),
    refused("GET", "/v1/videos/{rest*}"),
    refused("DELETE", "/v1/videos/{rest*}"),
    refused("POST", "/v1/evals"),
    refused("GET", "/v1/evals"),
    refused("POST", "/v1/evals/{rest*}"),
    refused("GET", "/v1/evals/{rest*}"),
    refused("DELETE", "/v1/evals/{rest*}"),
    refused("GET", "/v1/realtime"),
    refused("POST", "/v1/realtime/{rest*}"),
    refused("POST", "/v1/containers"),
    refused("GET", "/v1/containers"),
    refused("POST", "/v1/containers/{rest*}"),
    refused("GET", "/v1/containers/{rest*}"),
    refused("DELETE", "/v1/containers/{rest*}"),
    refused("POST", "/v1/fine_tuning/alpha/{rest*}"),
};

}  // namespace

std::span<const Route> unsupported_routes() { return kRoutes; }

}  // namespace api
