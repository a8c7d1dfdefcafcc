// The one table of routes: the server finds its handlers here, and `charter serve --routes` prints
// it. What is not in the table does not exist, and what does not say Auth::None is denied to
// strangers.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "api/call.h"

namespace api {

enum class Auth : unsigned char {
  None,
  Key,      // Authorization: Bearer; OpenAI's clients
  Session,  // the page's cookie, and on unsafe methods a request from the page's own origin
  Metrics,  // a key, the metrics token, or a program on this machine
};
std::string_view auth_name(Auth auth);

struct Route {
  std::string_view method;
  std::string_view pattern;  // "/v1/models/{id*}": {x} is one segment, {x*} the rest
  Auth auth = Auth::None;
  bool blocks = false;  // reads a database: runs on a worker, not on the connection's thread
  size_t body_bytes_max = 0;
  void (*handle)(const Call& call) = nullptr;
  std::string_view summary;
};

std::span<const Route> routes();

struct Match {
  const Route* route = nullptr;
  std::vector<std::string> parameters;
  bool path_known = false;  // another method has this path
};
Match find_route(std::string_view method, std::string_view path);

// Whether the pattern fits, with its parameters decoded.
std::optional<std::vector<std::string>> match_pattern(std::string_view pattern,
                                                      std::string_view path);

}  // namespace api
