// What the HTTP server calls: finds the route, authenticates before the body is read, runs the
// handler.
#pragma once

#include "api/call.h"
#include "net/http_server.h"

namespace api {

class Service final : public net::Service {
 public:
  explicit Service(App& app) : app_(app) {}

  std::optional<net::Response> admit(net::Request& request) override;
  void handle(std::shared_ptr<net::Exchange> exchange) override;
  net::Response refuse(int status, std::string_view message, std::string_view path) override;

 private:
  App& app_;
};

// Headers of every answer below `path`: for the API the request id, the organisation (unless it is
// empty), OpenAI's version and CORS; for the page what keeps other sites and injected scripts out.
void add_common_headers(std::vector<net::Header>* headers, std::string_view path,
                        std::string_view request_id, std::string_view org_id, int64_t elapsed_ns);

// What to refuse a key with whose scopes do not have the route's; empty: it may.
std::optional<ApiError> check_scope(const Route& route, const identity::Caller& caller);

}  // namespace api
