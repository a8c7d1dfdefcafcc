// The one place where an error becomes an HTTP answer, in the shape that OpenAI's clients expect:
// always the four keys, and a status by which an SDK picks its exception and decides whether to try
// again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "json/json.h"
#include "net/http.h"

namespace api {

struct ApiError {
  int status = 500;
  std::string type = "invalid_request_error";
  std::string code;   // empty: null
  std::string param;  // empty: null
  std::string message;
  std::vector<net::Header> headers = {};  // retry-after, x-should-retry
};

// Whose clients read the answer: their error bodies differ.
enum class Wire : uint8_t { OpenAi, Anthropic };
Wire wire_of(std::string_view path);  // /v1/messages and below it are Anthropic's

ApiError to_api_error(const base::Error& error);
json::Value error_body(const ApiError& error);  // {"error":{"message","type","param","code"}}
// {"type":"error","error":{"type","message"}}, with Anthropic's types
json::Value anthropic_error_body(const ApiError& error);
net::Response error_response(const ApiError& error, Wire wire = Wire::OpenAi);
net::Response error_response(const base::Error& error, Wire wire = Wire::OpenAi);

ApiError missing_key();
ApiError wrong_key(std::string_view key);  // masked
ApiError unknown_url(std::string_view method, std::string_view path);
ApiError wrong_method(std::string_view method, std::string_view path);

// "sk-ab***wxyz"; a short key shows nothing of itself.
std::string masked(std::string_view key);

// Refusals of a request's parameters: `code` and `param` as in OpenAI's errors.
std::unexpected<base::Error> refuse_parameter(std::string_view code, std::string param,
                                              std::string message);

net::Response json_response(int status, const json::Value& body);

}  // namespace api
