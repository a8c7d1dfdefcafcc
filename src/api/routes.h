// The one table of routes, put together from one span per group: the server finds its handlers
// here, /openapi.json and `charter serve --routes` print it. What is not in the table does not
// exist, and what does not say Auth::None is denied to strangers.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"
#include "api/schema.h"

namespace api {

enum class Auth : uint8_t {
  None,
  Key,      // Authorization: Bearer (or x-api-key); OpenAI's and Anthropic's clients
  Member,   // a key, the page's cookie as for Session, or the operator's command line
  Admin,    // an admin key, or a key or session of an owner or admin
  Page,     // nobody yet, from the page's own origin: ways to sign in
  Session,  // the page's cookie, and on unsafe methods a request from the page's own origin
  Metrics,  // a key, the metrics token, or a program on this machine
};
std::string_view auth_name(Auth auth);

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v1/models/{id*}": {x} is one segment, {x*} the rest
  Auth auth = Auth::None;
  std::string_view scope = {};  // what a restricted key must be allowed: "model.request"
  bool blocks = false;  // reads a database: runs on a worker, not on the connection's thread
  size_t body_bytes_max = 0;
  bool spool = false;  // a large body goes to a file: Request::body_view()
  const Schema* body =
      nullptr;  // checked before the handler runs; null: the handler reads the body
  void (*handle)(const Call& call) = nullptr;
  std::string_view summary = {};
};

// Every group's table stands in the file of its handlers.
std::span<const Route> account_routes();
std::span<const Route> anthropic_routes();
std::span<const Route> batch_routes();
std::span<const Route> chat_routes();
std::span<const Route> completion_routes();
std::span<const Route> conversation_item_routes();  // /v1/conversations
std::span<const Route> embedding_routes();
std::span<const Route> file_routes();
std::span<const Route> fine_tuning_routes();
std::span<const Route> governance_routes();  // /v1/charter
std::span<const Route> log_routes();         // the public log, for everybody
std::span<const Route> model_routes();
std::span<const Route> moderation_routes();
std::span<const Route> operation_routes();
std::span<const Route> organization_routes();
std::span<const Route> page_conversation_routes();  // /api/conversations
std::span<const Route> page_routes();
std::span<const Route> response_routes();
std::span<const Route> stored_chat_routes();
std::span<const Route> unsupported_routes();  // audio, images, evals, realtime: a typed 501
std::span<const Route> upload_routes();
std::span<const Route> upstream_routes();
std::span<const Route> vector_store_file_routes();
std::span<const Route> vector_store_routes();
std::span<const Route> webhook_routes();

std::span<const Route* const> routes();  // all of them, in the order of the groups

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parameters;
  bool path_known = false;  // another method has this path
};
Match find_route(std::string_view method, std::string_view path);

// Whether the pattern fits, with its parameters decoded.
std::optional<std::vector<std::string>> match_pattern(std::string_view pattern,
                                                      std::string_view path);

// OpenAPI 3.1 of everything but the page's own routes.
json::Value openapi_document(std::string_view server_url);

}  // namespace api
