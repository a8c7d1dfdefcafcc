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

ApiError insufficient_quota() {
  return {429,
          "insufficient_quota",
          "insufficient_quota",
          "",
          "You exceeded your current quota, please check your plan and billing details. The "
          "balance of this organisation "
          "does not cover the most that this request may cost: lower max_tokens, or have the owner "
          "add credit.",
          {{"x-should-retry", "false"}}};
}

ApiError overloaded(const base::Error& error) {
  const bool draining = error.reason == "server_is_draining";
  const bool busy = error.reason == "server_is_overloaded" || draining;
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

ApiError to_api_error(const base::Error& error) {
  const int status = status_of(error.code);
  if (error.code == Code::QuotaExceeded) return insufficient_quota();
  if (error.code == Code::Unavailable) return overloaded(error);
  if (status == 500) return server_error(error);
  ApiError out{status,      "invalid_request_error", public_code(error.reason),
               error.where, error.message,           {}};
  if (error.reason == "context_length_exceeded") out.status = 400;
  if (error.reason == "model_not_found") out.param.clear();
  if (error.code == Code::NotFound && error.reason != "model_not_found") out.code.clear();
  if (status == 429) out.type = "requests", out.headers = {{"retry-after", "1"}};
  if (status == 501) out.headers = {{"x-should-retry", "false"}};
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

net::Response error_response(const ApiError& error) {
  net::Response response = json_response(error.status, error_body(error));
  response.headers.insert(response.headers.end(), error.headers.begin(), error.headers.end());
  return response;
}

net::Response error_response(const base::Error& error) {
  return error_response(to_api_error(error));
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
