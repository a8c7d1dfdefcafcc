#include "api/errors.h"

#include <algorithm>

#include "base/log.h"

namespace api {
namespace {

using base::Code;

int status_of(Code code) {
  switch (code) {
    case Code::InvalidArgument:
      return 400;
    case Code::Malformed:
      return 400;
    case Code::NotFound:
      return 404;
    case Code::AlreadyExists:
      return 409;
    case Code::Unauthenticated:
      return 401;
    case Code::PermissionDenied:
      return 403;
    case Code::FailedPrecondition:
      return 400;
    case Code::TooLarge:
      return 413;
    case Code::RateLimited:
      return 429;
    case Code::QuotaExceeded:
      return 429;
    case Code::Unavailable:
      return 503;
    case Code::Cancelled:
      return 499;
    case Code::Unimplemented:
      return 501;
    case Code::Corrupt:
    case Code::Io:
    case Code::Internal:
      return 500;
  }
  return 500;
}

// Reasons in lower case are OpenAI's codes; those in capitals are the house's own names and stay
// inside.
std::string public_code(const std::string& reason) {
  const bool lower =
      std::ranges::all_of(reason, [](char c) { return (c >= 'a' && c <= 'z') || c == '_'; });
  return lower ? reason : "";
}

// "not enough credit" -> "Not enough credit."
std::string sentence(std::string text) {
  if (text.empty()) return text;
  if (text[0] >= 'a' && text[0] <= 'z') text[0] = static_cast<char>(text[0] - 'a' + 'A');
  if (!text.ends_with('.')) text += '.';
  return text;
}

// Which purse or budget is empty, behind the words that clients look for.
ApiError insufficient_quota(const base::Error& error) {
  std::string_view why = error.message;
  constexpr std::string_view kBudget = "You exceeded your current quota: ";
  if (why.starts_with(kBudget)) why.remove_prefix(kBudget.size());
  return {429,
          "insufficient_quota",
          "insufficient_quota",
          "",
          "You exceeded your current quota, please check your plan and billing details. " +
              sentence(std::string(why)),
          {{"x-should-retry", "false"}}};
}

// The gateway's own headers, where it gives some, say the time exactly.
ApiError rate_limited(const base::Error& error) {
  return {429,
          error.where == "tokens" ? "tokens" : "requests",
          "rate_limit_exceeded",
          "",
          error.message,
          {{"retry-after", "1"}}};
}

ApiError overloaded(const base::Error& error) {
  const bool draining = error.reason == "server_is_draining";
  const bool busy = error.reason == "server_is_overloaded" || draining;
  if (error.reason == "upstream_failed")
    return {502, "server_error", error.reason, "", error.message, {}};
  return {503,
          "service_unavailable_error",
          busy ? error.reason : "",
          "",
          draining ? "The server is shutting down. Please try again later."
          : busy   ? "Our servers are currently overloaded. Please try again later."
                   : "The server cannot do this now: " + error.message,
          {{"retry-after", "1"}}};
}

ApiError server_error(const base::Error& error) {
  base::log(base::Level::Error, "internal error answered", {{"error", error.text()}});
  return {
      500,
      "server_error",
      "",
      "",
      "The server had an error while processing your request. Sorry about that! Its log says more.",
      {}};
}

}  // namespace

Wire wire_of(std::string_view path) {
  const bool messages = path == "/v1/messages" || path.starts_with("/v1/messages/");
  return messages ? Wire::Anthropic : Wire::OpenAi;
}

ApiError to_api_error(const base::Error& error) {
  const int status = status_of(error.code);
  if (error.code == Code::QuotaExceeded) return insufficient_quota(error);
  if (error.code == Code::RateLimited) return rate_limited(error);
  if (error.code == Code::Unavailable) return overloaded(error);
  if (status == 500) return server_error(error);
  ApiError out{status,      "invalid_request_error", public_code(error.reason),
               error.where, error.message,           {}};
  if (error.reason == "context_length_exceeded") out.status = 400;
  if (error.reason == "unsupported_parameter" || error.reason == "unsupported_value")
    out.status = 400;
  if (error.reason == "model_not_found") out.param.clear();
  // Chat completions name the parameter alone.
  if (error.reason == "invalid_json_schema" && error.where == "response_format") out.code.clear();
  if (error.code == Code::NotFound && error.reason != "model_not_found") out.code.clear();
  if (out.status == 501) out.headers = {{"x-should-retry", "false"}};
  return out;
}

json::Value error_body(const ApiError& error) {
  const auto or_null = [](const std::string& text) {
    return text.empty() ? json::Value() : json::Value(text);
  };
  return json::Object{{"error", json::Object{{"message", error.message},
                                             {"type", error.type},
                                             {"param", or_null(error.param)},
                                             {"code", or_null(error.code)}}}};
}

net::Response json_response(int status, const json::Value& body) {
  return {status, {{"content-type", "application/json"}}, json::dump(body)};
}

namespace {

// Anthropic's statuses are those of HTTP but for two: an empty purse and an overloaded server.
int anthropic_status(const ApiError& error) {
  if (error.code == "insufficient_quota") return 402;
  return error.status == 503 ? 529 : error.status;
}

std::string_view anthropic_type(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 402:
      return "billing_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 413:
      return "request_too_large";
    case 429:
      return "rate_limit_error";
    case 504:
      return "timeout_error";
    case 529:
      return "overloaded_error";
    default:
      return status >= 500 ? "api_error" : "invalid_request_error";
  }
}

}  // namespace

json::Value anthropic_error_body(const ApiError& error) {
  const std::string_view type = anthropic_type(anthropic_status(error));
  return json::Object{{"type", "error"},
                      {"error", json::Object{{"type", type}, {"message", error.message}}}};
}

net::Response error_response(const ApiError& error, Wire wire) {
  net::Response response =
      wire == Wire::OpenAi ? json_response(error.status, error_body(error))
                           : json_response(anthropic_status(error), anthropic_error_body(error));
  response.headers.insert(response.headers.end(), error.headers.begin(), error.headers.end());
  return response;
}

net::Response error_response(const base::Error& error, Wire wire) {
  return error_response(to_api_error(error), wire);
}

ApiError missing_key() {
  return {401,
          "invalid_request_error",
          "",
          "",
          "You didn't provide an API key. You need to provide your API key in an Authorization "
          "header using Bearer auth "
          "(i.e. Authorization: Bearer YOUR_KEY). You can make one with `charter key create`.",
          {}};
}

ApiError wrong_key(std::string_view key) {
  return {401,
          "invalid_request_error",
          "invalid_api_key",
          "",
          "Incorrect API key provided: " + masked(key) +
              ". You can find your API key at https://platform.openai.com/account/api-keys.",
          {}};
}

ApiError unknown_url(std::string_view method, std::string_view path) {
  return {404,
          "invalid_request_error",
          "",
          "",
          "Invalid URL (" + std::string(method) + " " + std::string(path) + ")",
          {}};
}

ApiError wrong_method(std::string_view method, std::string_view path) {
  return {405,
          "invalid_request_error",
          "method_not_supported",
          "",
          "Not allowed to " + std::string(method) + " on " + std::string(path) +
              ". (HINT: Perhaps you meant to use a different HTTP method?)",
          {}};
}

std::string masked(std::string_view key) {
  if (key.size() < 16) return "***";
  return std::string(key.substr(0, 5)) + "***" + std::string(key.substr(key.size() - 4));
}

std::unexpected<base::Error> refuse_parameter(std::string_view code, std::string param,
                                              std::string message) {
  return base::fail(Code::InvalidArgument, std::move(message), std::move(param), std::string(code));
}

}  // namespace api
