// A provider of models beyond this house: where it is, the key it knows us by, and how many
// requests it is given at once. The key cannot be printed, and no error says it.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "net/http_client.h"

namespace gateway {

enum class UpstreamKind : uint8_t {
  OpenAi,     // OpenAI, and the many that speak its API
  Anthropic,  // api.anthropic.com's /v1/messages
};
std::string_view upstream_kind_name(UpstreamKind kind);  // "openai" "anthropic"
base::Result<UpstreamKind> parse_upstream_kind(std::string_view name);

struct UpstreamOptions {
  std::string name = {};  // "openai-eu": 1 to 64 letters, digits, '-', '_', '.'
  UpstreamKind kind = UpstreamKind::OpenAi;
  std::string base_url = {};  // "https://api.openai.com/v1"
  base::Secret key = {};      // empty: it asks for none
  // What it calls the limit of output tokens; empty: max_completion_tokens at OpenAI itself,
  // max_tokens elsewhere.
  std::string max_tokens_parameter = {};
  int64_t concurrent_max = 0;  // requests at once; 0: no limit
  int64_t queue_max = 256;     // that wait for a place
  base::Duration connect_timeout = base::seconds(5);
  base::Duration first_byte_timeout = base::seconds(600);
  base::Duration idle_timeout = base::seconds(120);  // between two pieces of an answer
  base::Duration total_timeout = base::seconds(3600);
  std::string proxy = {}, ca_file = {};
};
// InvalidArgument names the member that is wrong.
base::Status check_upstream(const UpstreamOptions& options);

class Upstream {
 public:
  // `client` outlives the upstream and every request to it.
  Upstream(UpstreamOptions options, net::HttpClient& client);

  const UpstreamOptions& options() const { return options_; }
  const std::string& name() const { return options_.name; }
  UpstreamKind kind() const { return options_.kind; }

  // A POST of JSON to base_url + path, with the key. Nothing of the client's own request goes along
  // but what stands in the body, and the trace context.
  net::ClientRequest request(std::string_view path, std::string body,
                             std::string_view traceparent) const;
  net::HttpClient& client() const { return client_; }

  // A text of the provider's, as it may be shown: valid UTF-8, not long, and without the key.
  std::string shown(std::string_view text) const;

  // A place among the requests at once. Now: it is taken. Queued: `granted` will be called once, on
  // any thread, with the place taken. Full: neither.
  enum class Place : uint8_t { Now, Queued, Full };
  Place take_place(std::function<void()> granted);
  bool has_place() const;
  void leave_place();

 private:
  const UpstreamOptions options_;
  net::HttpClient& client_;
  mutable std::mutex mutex_;
  int64_t running_ = 0;
  std::deque<std::function<void()>> waiting_;
};

}  // namespace gateway
