#include "api/routes.h"

#include <unordered_map>

#include "net/http.h"

namespace api {
namespace {

constexpr std::span<const Route> (*kGroups[])() = {
    model_routes,        chat_routes,
    completion_routes,   embedding_routes,
    moderation_routes,   anthropic_routes,
    response_routes,     conversation_item_routes,
    file_routes,         upload_routes,
    batch_routes,        webhook_routes,
    vector_store_routes, vector_store_file_routes,
    organization_routes, account_routes,
    upstream_routes,     fine_tuning_routes,
    unsupported_routes,  operation_routes,
    page_routes,         page_conversation_routes,
    stored_chat_routes,  governance_routes,
    log_routes,
};

// Routes without parameters are found by name; the few with some are tried one after the other.
struct Index {
  std::vector<const Route*> all;
  std::unordered_multimap<std::string_view, const Route*> plain;  // by pattern
  std::vector<const Route*> patterns;
};

const Index& index() {
  static const Index built = [] {
    Index out;
    for (const auto group : kGroups) {
      for (const Route& route : group()) {
        out.all.push_back(&route);
        if (route.pattern.find('{') == std::string_view::npos)
          out.plain.emplace(route.pattern, &route);
        else
          out.patterns.push_back(&route);
      }
    }
    return out;
  }();
  return built;
}

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
    case Auth::Member:
      return "key or session";
    case Auth::Admin:
      return "admin";
    case Auth::Session:
      return "session";
    case Auth::Page:
      return "the page's own origin";
    case Auth::Metrics:
      return "key, token or loopback";
  }
  return "none";
}

std::span<const Route* const> routes() { return index().all; }

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
  const auto [begin, end] = index().plain.equal_range(path);
  for (auto entry = begin; entry != end; ++entry) {
    match.path_known = true;
    if (entry->second->method != method) continue;
    match.route = entry->second;
    return match;
  }
  for (const Route* route : index().patterns) {
    auto parameters = match_pattern(route->pattern, path);
    if (!parameters) continue;
    match.path_known = true;
    if (route->method != method) continue;
    match.route = route;
    match.parameters = std::move(*parameters);
    return match;
  }
  return match;
}

}  // namespace api
