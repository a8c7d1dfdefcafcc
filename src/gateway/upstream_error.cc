#include "gateway/upstream_error.h"

#include <algorithm>
#include <charconv>

#include "gateway/wire.h"

namespace gateway {
namespace {

using base::Code;

constexpr double kRetryAfterSecondsMax = 3600;

// Anthropic's types and OpenAI's, as the status that goes with them.
int status_of_type(std::string_view type, std::string_view code) {
  if (code == "rate_limit_exceeded" || type == "rate_limit_error" || type == "requests" ||
      type == "tokens")
    return 429;
  if (code == "insufficient_quota" || type == "insufficient_quota" || type == "billing_error")
    return 402;
  if (type == "invalid_request_error") return code == "invalid_api_key" ? 401 : 400;
  if (type == "authentication_error") return 401;
  if (type == "permission_error") return 403;
  if (type == "not_found_error") return 404;
  if (type == "request_too_large") return 413;
  if (type == "overloaded_error") return 529;
  return 500;
}

std::string scalar(const json::Value& object, std::string_view name) {
  const json::Value* value = object.find(name);
  if (value == nullptr) return {};
  if (value->is_string()) return value->as_string();
  return value->is_int() ? std::to_string(value->as_int()) : std::string();
}

// Only what looks like one of OpenAI's codes or a parameter's path.
std::string word(std::string_view text) {
  const bool plain = text.size() <= 128 && std::ranges::all_of(text, [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '[' ||
                              c == ']';
                     });
  return plain ? std::string(text) : std::string();
}

base::Error failed(const std::string& how) {
  return {Code::Unavailable,
          "The provider of this model " + how + ". Please try again later.",
          "upstream_failed",
          {},
          {}};
}

Failure blamed(std::string how) { return {failed(how), true, true, {}}; }
Failure misconfigured(std::string how) { return {failed(how), true, true, {}, true}; }

}  // namespace

ProviderError stated_error(const json::Value& error) {
  ProviderError out;
  if (error.is_string()) {
    out.message = error.as_string();
  } else if (error.is_object()) {
    out.type = scalar(error, "type");
    out.code = scalar(error, "code");
    out.param = scalar(error, "param");
    out.message = scalar(error, "message");
  }
  int number = 0;
  std::from_chars(out.code.data(), out.code.data() + out.code.size(), number);
  out.status = number >= 400 && number < 600 ? number : status_of_type(out.type, out.code);
  return out;
}

ProviderError read_provider_error(int status, std::string_view body) {
  ProviderError out;
  if (const auto value = json::parse(body); value && value->is_object()) {
    const json::Value* error = find_member(*value, "error");
    out = stated_error(error != nullptr ? *error : *value);
  }
  out.status = status;
  return out;
}

Failure failure_of(const Upstream& upstream, const ProviderError& error,
                   std::optional<base::Duration> retry_after) {
  const std::string status = std::to_string(error.status);
  const bool unpaid = error.status == 402 || error.code == "insufficient_quota" ||
                      error.type == "insufficient_quota";
  if (error.status == 401 || error.status == 403)
    return misconfigured("refuses the credentials of this server (" + status + ")");
  if (unpaid) return misconfigured("refuses this server for want of credit");
  if (error.status == 429) {
    Failure out{{Code::RateLimited,
                 "The provider of this model limits the rate of requests. Please try again later.",
                 "rate_limit_exceeded",
                 {},
                 {}},
                true,
                false,
                retry_after};
    return out;
  }
  if (error.status == 404 || error.status == 405)
    return misconfigured("does not know the model that it is asked for (" + status + ")");
  if (error.status == 408 || error.status == 409 || error.status >= 500 || error.status < 400) {
    Failure out = blamed("failed (" + status + ")");
    out.retry_after = retry_after;
    return out;
  }
  const std::string said = upstream.shown(error.message);
  return {{error.status == 413 ? Code::TooLarge : Code::InvalidArgument,
           said.empty() ? "The provider of this model refused the request (" + status + ")." : said,
           word(error.code),
           word(error.param),
           {}},
          false,
          false,
          {}};
}

Failure failure_of(const Upstream&, const base::Error& error) {
  if (error.reason == "connect_failed") return blamed("cannot be reached");
  if (error.reason == "tls_failed") return blamed("cannot be reached safely");
  if (error.reason.starts_with("timeout_")) return blamed("did not answer in time");
  if (error.reason == "cut_off") return blamed("broke off its answer");
  if (error.reason == "response_too_large") return blamed("sent an answer that is too large");
  if (error.code == Code::Cancelled)
    return {{Code::Cancelled, "the request was cancelled", "cancelled", {}, {}}, false, false, {}};
  return blamed("sent an answer that cannot be read");
}

std::optional<base::Duration> parse_retry_after(std::string_view milliseconds,
                                                std::string_view seconds) {
  const auto parse = [](std::string_view text, double unit_ns) -> std::optional<base::Duration> {
    double value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (text.empty() || error != std::errc() || end != text.data() + text.size() ||
        !(value >= 0 && value * unit_ns <= kRetryAfterSecondsMax * 1e9))
      return {};
    return base::Duration{static_cast<int64_t>(value * unit_ns)};
  };
  if (const auto out = parse(milliseconds, 1e6)) return out;
  return parse(seconds, 1e9);
}

}  // namespace gateway
