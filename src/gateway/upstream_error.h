// What a provider did wrong, and what follows from it: who is told what, whether another target may
// do better, and whether the target is to be trusted less. The client never reads a provider's text
// about the server's own key or credit.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "gateway/upstream.h"
#include "json/json.h"

namespace gateway {

// An error as providers state it, in an answer's body or in the midst of a stream.
struct ProviderError {
  int status = 0;  // of HTTP, or what the type stands for
  std::string type = {}, code = {}, param = {}, message = {};
};
// {"error": {"message", "type", "param", "code"}} and what resembles it; a text that is no JSON has
// a status alone.
ProviderError read_provider_error(int status, std::string_view body);
ProviderError stated_error(const json::Value& error);  // the member "error" of a stream's event

struct Failure {
  base::Error error = {};  // for the client
  bool elsewhere = false;  // another target, or another try, may do better
  bool at_fault = false;   // counts against the target
  std::optional<base::Duration> retry_after = {};
  bool lasting = false;  // the same target would say the same again
};

Failure failure_of(const Upstream& upstream, const ProviderError& error,
                   std::optional<base::Duration> retry_after);
// Of an answer that did not come, or came broken: the client's errors (net/http_client.h), or
// Malformed.
Failure failure_of(const Upstream& upstream, const base::Error& error);

// "2", "0.5"; a date or nonsense is nothing.
std::optional<base::Duration> parse_retry_after(std::string_view milliseconds,
                                                std::string_view seconds);

}  // namespace gateway
