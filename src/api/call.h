// What a handler is given: the request with its answer, who asks, and the objects of the house.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "api/errors.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/identity.h"
#include "net/exchange.h"

namespace chat {
class Conversations;
}
namespace gateway {
class Gateway;
class UpstreamStore;
}  // namespace gateway
namespace journal {
class Ledger;
class SharedHouse;
}  // namespace journal
namespace objects {
class Blobs;
class Store;
}  // namespace objects
namespace net {
class HttpClient;
}
namespace telemetry {
class Registry;
class Tracer;
struct Span;
}  // namespace telemetry

namespace api {

struct Background;
class Generations;
class Workers;
struct Route;

struct Options {
  bool tolerate_unknown_parameters = false;
  base::Secret metrics_token;  // lets a scraper read /metrics; empty: only API keys and loopback do
  identity::OidcConfig oidc = {};      // sign-in at another provider; empty: not offered
  std::string oidc_redirect_url = {};  // empty: by the address that the browser used
  std::string log_directory = {};      // of the public log: checkpoint and tile/
};

// All outlive the service.
struct App {
  gateway::Gateway& gateway;
  identity::Identity& identity;
  journal::Ledger& ledger;
  chat::Conversations& conversations;
  objects::Store& objects;
  objects::Blobs& blobs;
  telemetry::Registry& metrics;
  const base::Clock& clock;
  Generations& generations;
  Workers& workers;
  Options options = {};
  net::HttpClient* http_client = nullptr;       // for webhooks and identity providers
  telemetry::Tracer* tracer = nullptr;          // null: no traces are kept
  gateway::UpstreamStore* upstreams = nullptr;  // null: the routes that change them are missing
  // Reads the folder of releases again; the errors of those that are refused. Empty: there is none.
  std::function<base::Result<std::vector<std::string>>()> reload_releases = {};
  // Told when work in the background has ended: ("proj_…", "response.completed", "resp_…"). It must
  // not block.
  std::function<void(const std::string& project_id, const std::string& event,
                     const std::string& id)>
      notify = {};
  Background* background = nullptr;       // set before the first request
  journal::SharedHouse* house = nullptr;  // null: there is no charter, and /v1/charter says so
};

struct Call {
  App* app = nullptr;
  const Route* route = nullptr;
  std::shared_ptr<net::Exchange> exchange;
  identity::Caller caller;                // empty on routes without authentication
  std::string request_id;                 // "req_…"
  std::vector<std::string> parameters;    // of the route's pattern, decoded
  std::shared_ptr<telemetry::Span> span;  // ends with the last copy of the call; null: not traced
  bool batch = false;                     // a line of a batch: priced and scheduled as such

  const net::Request& request() const { return exchange->request(); }
  // What an upstream is told: this span, or, when none is kept, what the client sent.
  std::string traceparent() const;
  // Adds the headers that every answer carries, and sends.
  void respond(net::Response response) const;
  void respond_json(const json::Value& body) const { respond(json_response(200, body)); }
  // In the shape of the path's clients; `headers` replace the error's own of the same name.
  void fail(const base::Error& error, const std::vector<net::Header>& headers = {}) const;
  void fail(const ApiError& error, const std::vector<net::Header>& headers = {}) const;
  // The head of an event stream.
  void begin_events(std::vector<net::Header> headers = {}) const;
  // The body as one JSON object that fits the route's schema; OpenAI's error otherwise.
  base::Result<json::Value> json_body() const;
};

}  // namespace api
