#include "api/service.h"

#include <algorithm>
#include <iterator>

#include "api/account.h"
#include "api/routes.h"
#include "api/workers.h"
#include "crypto/hmac.h"
#include "crypto/random.h"
#include "telemetry/trace.h"

namespace api {
namespace {

// What admit() learnt, for handle().
struct Admitted {
  const Route* route = nullptr;
  Call call;
};

bool is_api(std::string_view path) { return path.starts_with("/v1/") || path == "/v1"; }
bool is_safe(std::string_view method) {
  return method == "GET" || method == "HEAD" || method == "OPTIONS";
}

// Anthropic's clients name the key by itself.
std::string_view bearer_token(const net::Request& request) {
  if (!request.has_header("authorization")) return request.header("x-api-key");
  std::string_view value = request.header("authorization");
  if (value.size() < 7 || (value[0] | 0x20) != 'b' || value.substr(1, 5) != "earer" ||
      value[6] != ' ')
    return {};
  value.remove_prefix(7);
  while (value.starts_with(' ')) value.remove_prefix(1);
  return value;
}

// A browser says where a request comes from; one that another site made is refused, whatever cookie
// it carries.
bool from_own_origin(const net::Request& request) {
  const std::string_view site = request.header("sec-fetch-site");
  if (!site.empty() && site != "same-origin" && site != "none") return false;
  const std::string_view origin = request.header("origin");
  if (origin.empty()) return true;
  const size_t scheme = origin.find("://");
  return scheme != std::string_view::npos && origin.substr(scheme + 3) == request.header("host");
}

std::optional<ApiError> authenticate_key(const App& app, const net::Request& request,
                                         identity::Caller* caller) {
  const std::string_view key = bearer_token(request);
  if (key.empty()) return missing_key();
  auto found = app.identity.authenticate_key(key);
  if (!found) return wrong_key(key);
  *caller = *std::move(found);
  return {};
}

ApiError not_allowed(std::string message) {
  return {403, "invalid_request_error", "", "", std::move(message), {}};
}

// An admin key opens the administration, and nothing else.
std::optional<ApiError> refuse_admin_key(const Route& route, const identity::Caller& caller) {
  if (caller.key_id.empty() || caller.key_kind != identity::KeyKind::Admin) return {};
  if (route.auth != Auth::Key && route.auth != Auth::Member) return {};
  return not_allowed(
      "You have insufficient permissions for this operation. Missing scopes: " +
      std::string(route.scope.empty() ? "model.request" : route.scope) +
      ". An admin key is for the routes below /v1/organization; use a key of a project.");
}

std::optional<ApiError> check_origin(const net::Request& request) {
  if (is_safe(request.method) || from_own_origin(request)) return {};
  return ApiError{403,
                  "invalid_request_error",
                  "cross_site_request",
                  "",
                  "This request was made by another site, so it was refused.",
                  {}};
}

std::optional<ApiError> authenticate_session(const App& app, const net::Request& request,
                                             identity::Caller* caller) {
  if (auto error = check_origin(request)) return error;
  auto found = app.identity.authenticate_session(cookie_of(request, "charter_session"));
  if (found) {
    *caller = *std::move(found);
    return {};
  }
  const bool half_way = found.error().reason == "second_factor_required";
  return ApiError{
      401,
      "invalid_request_error",
      found.error().reason,
      "",
      half_way ? "Enter the code of your authenticator app."
               : "You are not signed in. Open a sign-in link: `charter key owner-link` prints one.",
      {}};
}

// The operator's command line: who may open the socket's file is who may open the data folder.
std::optional<ApiError> authenticate_local(const App& app, identity::Caller* caller) {
  const auto founding = app.identity.founding();
  if (!founding) return not_allowed("This data folder has no owner yet.");
  *caller = identity::Caller{.user_id = founding->owner.id,
                             .org_id = founding->organisation.id,
                             .project_id = founding->project.id,
                             .account = "2000:" + founding->organisation.id,
                             .role = identity::Role::Owner};
  caller->local = true;
  return {};
}

std::optional<ApiError> authenticate_member(const App& app, const net::Request& request,
                                            identity::Caller* caller) {
  if (request.via_unix_socket) return authenticate_local(app, caller);
  const bool by_page = bearer_token(request).empty() && request.has_header("cookie");
  return by_page ? authenticate_session(app, request, caller)
                 : authenticate_key(app, request, caller);
}

std::optional<ApiError> authenticate_admin(const App& app, const net::Request& request,
                                           identity::Caller* caller) {
  if (request.via_unix_socket) return authenticate_local(app, caller);
  const bool by_page = bearer_token(request).empty() && request.has_header("cookie");
  if (auto error = by_page ? authenticate_session(app, request, caller)
                           : authenticate_key(app, request, caller))
    return error;
  const bool is_kind = by_page || caller->key_kind == identity::KeyKind::Admin ||
                       caller->key_kind == identity::KeyKind::User;
  if (is_kind && caller->role != identity::Role::Member) return {};
  return not_allowed(
      "You are not allowed to administer this organization (missing scopes: api.admin): use an "
      "admin key, which `charter key create --kind admin` makes.");
}

// The Host of a program on this machine, so that a web page that had its name pointed here cannot
// read the answer.
bool is_loopback_host(std::string_view host) {
  host = host.substr(0, host.starts_with('[') ? host.find(']') + 1 : host.find(':'));
  return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

std::optional<ApiError> authenticate_metrics(const App& app, const net::Request& request,
                                             identity::Caller* caller) {
  if (request.remote_is_loopback && is_loopback_host(request.header("host"))) return {};
  const std::string_view wanted = app.options.metrics_token.reveal();
  if (!wanted.empty() && crypto::equal_constant_time(bearer_token(request), wanted)) return {};
  return authenticate_key(app, request, caller);
}

std::optional<ApiError> authenticate(const App& app, const Route& route,
                                     const net::Request& request, identity::Caller* caller) {
  switch (route.auth) {
    case Auth::None:
      return {};
    case Auth::Key:
      return authenticate_key(app, request, caller);
    case Auth::Member:
      return authenticate_member(app, request, caller);
    case Auth::Admin:
      return authenticate_admin(app, request, caller);
    case Auth::Page:
      return check_origin(request);
    case Auth::Session:
      return authenticate_session(app, request, caller);
    case Auth::Metrics:
      return authenticate_metrics(app, request, caller);
  }
  return missing_key();
}

// A span that is finished when its last owner lets go.
std::shared_ptr<telemetry::Span> start_span(const App& app, const Route& route,
                                            const net::Request& request) {
  if (app.tracer == nullptr) return nullptr;
  telemetry::Span span =
      app.tracer->start_server_span(std::string(route.method) + " " + std::string(route.pattern),
                                    request.header("traceparent"), app.clock.now());
  span.attributes = {{"http.request.method", request.method},
                     {"http.route", std::string(route.pattern)}};
  return {new telemetry::Span(std::move(span)), [&app](telemetry::Span* ended) {
            app.tracer->finish(std::move(*ended), app.clock.now());
            delete ended;
          }};
}

void note_status(const Call& call, int status) {
  if (!call.span) return;
  call.span->attributes.emplace_back("http.response.status_code", int64_t{status});
  call.span->attributes.emplace_back("charter.request_id", call.request_id);
  if (status >= 500) call.span->error = std::to_string(status);
}

net::Response preflight() { return {204, {{"access-control-max-age", "86400"}}, ""}; }

// A path from the peer, in a message: not longer than anyone reads.
std::string_view shown(std::string_view path) { return path.substr(0, 200); }

}  // namespace

// A key whose scopes do not have the route's may not call it, nor a route that names none; a key
// without scopes may do what its user may.
std::optional<ApiError> check_scope(const Route& route, const identity::Caller& caller) {
  if (caller.scopes.empty()) return {};
  const bool administers = route.scope.empty() && route.auth == Auth::Admin;
  const std::string_view needed = administers ? "api.admin" : route.scope;
  if (!needed.empty() && identity::scopes_allow(caller.scopes, needed)) return {};
  return not_allowed("You have insufficient permissions for this operation. Missing scopes: " +
                     std::string(needed.empty() ? "all" : needed) + ".");
}

void add_common_headers(std::vector<net::Header>* headers, std::string_view path,
                        std::string_view request_id, std::string_view org_id, int64_t elapsed_ns) {
  const auto add = [headers](std::string name, std::string value) {
    headers->push_back({std::move(name), std::move(value)});
  };
  add("x-request-id", std::string(request_id));
  if (is_api(path)) {
    if (wire_of(path) == Wire::Anthropic) {
      add("request-id", std::string(request_id));
      if (!org_id.empty()) add("anthropic-organization-id", std::string(org_id));
    } else if (!org_id.empty()) {
      add("openai-organization", std::string(org_id));
    }
    add("openai-version", "2020-10-01");
    add("openai-processing-ms", std::to_string(elapsed_ns / 1'000'000));
    add("access-control-allow-origin", "*");
    add("access-control-allow-headers", "*, authorization");
    add("access-control-allow-methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS");
    add("access-control-expose-headers", "*");
  } else {
    add("content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src "
        "'self'; "
        "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'");
    add("x-content-type-options", "nosniff");
    add("x-frame-options", "DENY");
    add("referrer-policy", "no-referrer");
    add("cross-origin-opener-policy", "same-origin");
    add("cross-origin-resource-policy", "same-origin");
  }
}

std::optional<net::Response> Service::admit(net::Request& request) {
  const std::string request_id = crypto::random_id("req_");
  const auto answer = [&](net::Response response) {
    add_common_headers(&response.headers, request.path, request_id, "",
                       base::monotonic_ns() - request.received_ns);
    return response;
  };
  const Wire wire = wire_of(request.path);
  if (request.method == "OPTIONS" && is_api(request.path)) return answer(preflight());
  Match match = find_route(request.method, request.path);
  if (match.route == nullptr) {
    return answer(error_response(match.path_known
                                     ? wrong_method(request.method, shown(request.path))
                                     : unknown_url(request.method, shown(request.path)),
                                 wire));
  }
  auto admitted = std::make_shared<Admitted>();
  auto error = authenticate(app_, *match.route, request, &admitted->call.caller);
  if (!error) error = check_scope(*match.route, admitted->call.caller);
  if (!error) error = refuse_admin_key(*match.route, admitted->call.caller);
  if (error) return answer(error_response(*error, wire));
  request.body_bytes_max = match.route->body_bytes_max;
  request.spool = match.route->spool;
  admitted->route = match.route;
  admitted->call.app = &app_;
  admitted->call.route = match.route;
  admitted->call.span = start_span(app_, *match.route, request);
  admitted->call.request_id = request_id;
  admitted->call.parameters = std::move(match.parameters);
  request.context = std::move(admitted);
  return {};
}

void Service::handle(std::shared_ptr<net::Exchange> exchange) {
  const auto admitted =
      std::static_pointer_cast<Admitted>(std::exchange(exchange->request().context, nullptr));
  Call call = std::move(admitted->call);
  call.exchange = std::move(exchange);
  const Route* route = admitted->route;
  // A small body is parsed within microseconds; a large one would keep the other connections of
  // this thread waiting.
  const bool inline_call = !route->blocks && call.request().body.size() <= (32u << 10);
  if (inline_call) return route->handle(call);
  if (!app_.workers.try_run([route, call] { route->handle(call); })) {
    call.fail({base::Code::Unavailable, "too many requests wait", "server_is_overloaded", {}, {}});
  }
}

net::Response Service::refuse(int status, std::string_view message, std::string_view path) {
  ApiError error{status,
                 status >= 500 ? "server_error" : "invalid_request_error",
                 "",
                 "",
                 std::string(message),
                 {}};
  if (status >= 500 && status != 503) error.headers = {{"x-should-retry", "false"}};
  net::Response response = error_response(error, wire_of(path));
  add_common_headers(&response.headers, path.empty() ? "/v1" : path, crypto::random_id("req_"), "",
                     0);
  return response;
}

std::string Call::traceparent() const {
  if (span) return telemetry::format_traceparent(span->context);
  const std::string_view sent = request().header("traceparent");
  return telemetry::parse_traceparent(sent) ? std::string(sent) : std::string();
}

void Call::respond(net::Response response) const {
  note_status(*this, response.status);
  add_common_headers(&response.headers, request().path, request_id, caller.org_id,
                     base::monotonic_ns() - request().received_ns);
  exchange->respond(std::move(response));
}

void Call::fail(const base::Error& error, const std::vector<net::Header>& headers) const {
  fail(to_api_error(error), headers);
}

void Call::fail(const ApiError& error, const std::vector<net::Header>& headers) const {
  net::Response response = error_response(error, wire_of(request().path));
  std::erase_if(response.headers, [&](const net::Header& own) {
    return std::ranges::find(headers, own.name, &net::Header::name) != headers.end();
  });
  response.headers.insert(response.headers.end(), headers.begin(), headers.end());
  respond(std::move(response));
}

void Call::begin_events(std::vector<net::Header> headers) const {
  net::Response head{200,
                     {{"content-type", "text/event-stream"},
                      {"cache-control", "no-cache"},
                      {"x-accel-buffering", "no"}},
                     ""};
  note_status(*this, 200);
  head.headers.insert(head.headers.end(), std::make_move_iterator(headers.begin()),
                      std::make_move_iterator(headers.end()));
  add_common_headers(&head.headers, request().path, request_id, caller.org_id,
                     base::monotonic_ns() - request().received_ns);
  exchange->begin_stream(std::move(head));
}

base::Result<json::Value> Call::json_body() const {
  json::Limits limits;
  limits.bytes_max = request().body_bytes_max;
  auto value = json::parse(request().body, limits);
  if (!value || !value->is_object()) {
    const std::string why = value ? "The body must be one JSON object." : value.error().message;
    return base::fail(base::Code::Malformed,
                      "We could not parse the JSON body of your request. (HINT: This likely means "
                      "you aren't using your HTTP library correctly. The API expects a JSON "
                      "payload, but what was sent "
                      "was not valid JSON: " +
                          why + ")");
  }
  if (route->body != nullptr)
    TRY_VOID(check_body(*value, *route->body, app->options.tolerate_unknown_parameters));
  return value;
}

}  // namespace api
