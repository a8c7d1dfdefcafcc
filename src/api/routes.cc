#include "api/routes.h"

#include "api/handlers.h"
#include "net/http.h"

namespace api {
namespace {

constexpr size_t kChatBytesMax = 16u << 20;
constexpr size_t kPageBytesMax = 2u << 20;

constexpr Route kRoutes[] = {
    {"GET", "/v1/models", Auth::Key, false, 0, list_models, "lists the channels"},
    {"GET", "/v1/models/{id*}", Auth::Key, false, 0, get_model, "one channel"},
    {"POST", "/v1/chat/completions", Auth::Key, false, kChatBytesMax, create_chat_completion,
     "answers a chat, whole or streamed"},

    {"GET", "/", Auth::None, false, 0, get_page, "the page"},
    {"GET", "/c/{id}", Auth::None, false, 0, get_page, "the page, at a conversation"},
    {"GET", "/assets/{name*}", Auth::None, false, 0, get_asset, "the page's scripts and styles"},
    {"GET", "/icon.svg", Auth::None, false, 0, get_asset, "the page's icon"},
    {"GET", "/signin", Auth::None, true, 0, sign_in, "spends a sign-in link"},
    {"POST", "/api/signout", Auth::Session, true, kPageBytesMax, sign_out, "ends the session"},
    {"GET", "/api/me", Auth::Session, true, 0, get_me, "who is signed in, models, balance"},
    {"PATCH", "/api/me", Auth::Session, true, kPageBytesMax, set_language, "changes the language"},
    {"GET", "/api/conversations", Auth::Session, true, 0, list_conversations,
     "lists conversations"},
    {"POST", "/api/conversations", Auth::Session, true, kPageBytesMax, create_conversation,
     "starts one"},
    {"GET", "/api/conversations/{id}", Auth::Session, true, 0, get_conversation,
     "one with its messages"},
    {"PATCH", "/api/conversations/{id}", Auth::Session, true, kPageBytesMax, rename_conversation,
     "renames it"},
    {"DELETE", "/api/conversations/{id}", Auth::Session, true, kPageBytesMax, delete_conversation,
     "deletes it"},
    {"POST", "/api/conversations/{id}/messages", Auth::Session, true, kPageBytesMax, create_message,
     "asks, and streams the answer"},
    {"POST", "/api/conversations/{id}/regenerate", Auth::Session, true, kPageBytesMax,
     regenerate_message, "answers again, as a sibling"},
    {"POST", "/api/conversations/{id}/stop", Auth::Session, true, kPageBytesMax, stop_generation,
     "ends the answer under way"},

    {"GET", "/healthz", Auth::None, false, 0, get_health, "the process answers"},
    {"GET", "/readyz", Auth::None, false, 0, get_readiness,
     "models are served and the ledger takes rows"},
    {"GET", "/metrics", Auth::Metrics, false, 0, get_metrics, "for Prometheus"},
};

// Cuts the first segment off *path, which begins with '/'.
std::string_view next_segment(std::string_view* path) {
  path->remove_prefix(1);
  const std::string_view segment = path->substr(0, path->find('/'));
  path->remove_prefix(segment.size());
  return segment;
}

}  // namespace

std::string_view auth_name(Auth auth) {
  switch (auth) {
    case Auth::None:
      return "none";
    case Auth::Key:
      return "key";
    case Auth::Session:
      return "session";
    case Auth::Metrics:
      return "key, token or loopback";
  }
  return "none";
}

std::span<const Route> routes() { return kRoutes; }

std::optional<std::vector<std::string>> match_pattern(std::string_view pattern,
                                                      std::string_view path) {
  std::vector<std::string> parameters;
  while (pattern.starts_with('/') && path.starts_with('/')) {
    const std::string_view wanted = next_segment(&pattern);
    std::string_view segment;
    if (wanted.ends_with("*}")) {
      segment = path.substr(1);
      path = {};
    } else {
      segment = next_segment(&path);
    }
    if (wanted.starts_with('{')) {
      std::string decoded;
      if (segment.empty() || !net::decode_percent(segment, &decoded)) return {};
      parameters.push_back(std::move(decoded));
    } else if (wanted != segment) {
      return {};
    }
  }
  if (!pattern.empty() || !path.empty()) return {};
  return parameters;
}

Match find_route(std::string_view method, std::string_view path) {
  if (method == "HEAD") method = "GET";
  Match match;
  for (const Route& route : kRoutes) {
    auto parameters = match_pattern(route.pattern, path);
    if (!parameters) continue;
    match.path_known = true;
    if (route.method != method) continue;
    match.route = &route;
    match.parameters = std::move(*parameters);
    return match;
  }
  return match;
}

}  // namespace api
