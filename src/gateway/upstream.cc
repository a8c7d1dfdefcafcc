#include "gateway/upstream.h"

#include <algorithm>

#include "base/utf8.h"

namespace gateway {
namespace {

constexpr size_t kShownBytesMax = 1000;
constexpr std::string_view kAnthropicVersion = "2023-06-01";

bool is_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 && std::ranges::all_of(name, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '_' || c == '.';
  });
}

bool is_visible_ascii(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > ' ' && c < 0x7f; });
}

std::unexpected<base::Error> wrong(std::string_view member, std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message), std::string(member),
                    "invalid_value");
}

}  // namespace

std::string_view upstream_kind_name(UpstreamKind kind) {
  return kind == UpstreamKind::OpenAi ? "openai" : "anthropic";
}

base::Result<UpstreamKind> parse_upstream_kind(std::string_view name) {
  if (name == "openai") return UpstreamKind::OpenAi;
  if (name == "anthropic") return UpstreamKind::Anthropic;
  return wrong("kind", "the kind of an upstream is 'openai' or 'anthropic'");
}

base::Status check_upstream(const UpstreamOptions& options) {
  if (!is_name(options.name))
    return wrong("name", "an upstream's name has 1 to 64 letters, digits, '-', '_' or '.'");
  const bool is_http =
      options.base_url.starts_with("http://") || options.base_url.starts_with("https://");
  if (!is_http || !is_visible_ascii(options.base_url) || options.base_url.size() > 2000 ||
      options.base_url.find_first_of("?#@") != std::string::npos) {
    return wrong("base_url",
                 "the base URL is http:// or https://, without user, query or fragment, such as "
                 "https://api.openai.com/v1");
  }
  if (!is_visible_ascii(options.key.reveal()))
    return wrong("api_key", "a key has letters, digits and signs, no blanks or line ends");
  if (options.concurrent_max < 0 || options.queue_max < 0)
    return wrong("concurrent_max", "a number of requests is not below zero");
  return {};
}

namespace {

UpstreamOptions with_defaults(UpstreamOptions options) {
  if (options.max_tokens_parameter.empty()) {
    const bool is_openai = options.base_url.starts_with("https://api.openai.com/");
    options.max_tokens_parameter = is_openai ? "max_completion_tokens" : "max_tokens";
  }
  return options;
}

}  // namespace

Upstream::Upstream(UpstreamOptions options, net::HttpClient& client)
    : options_(with_defaults(std::move(options))), client_(client) {}

net::ClientRequest Upstream::request(std::string_view path, std::string body,
                                     std::string_view traceparent) const {
  net::ClientRequest request;
  request.url.reserve(options_.base_url.size() + path.size());
  request.url = options_.base_url;
  while (request.url.ends_with('/')) request.url.pop_back();
  request.url += path;
  request.headers.push_back({"content-type", "application/json"});
  request.headers.push_back({"accept", "text/event-stream, application/json"});
  const std::string_view key = options_.key.reveal();
  if (options_.kind == UpstreamKind::Anthropic) {
    request.headers.push_back({"anthropic-version", std::string(kAnthropicVersion)});
    if (!key.empty()) request.headers.push_back({"x-api-key", std::string(key)});
  } else if (!key.empty()) {
    request.headers.push_back({"authorization", "Bearer " + std::string(key)});
  }
  if (!traceparent.empty()) request.headers.push_back({"traceparent", std::string(traceparent)});
  request.body = std::move(body);
  request.connect_timeout = options_.connect_timeout;
  request.first_byte_timeout = options_.first_byte_timeout;
  request.idle_timeout = options_.idle_timeout;
  request.proxy = options_.proxy;
  request.ca_file = options_.ca_file;
  return request;
}

std::string Upstream::shown(std::string_view text) const {
  std::string out = base::replace_invalid_utf8(text);
  const std::string_view key = options_.key.reveal();
  for (size_t at = 0; !key.empty() && (at = out.find(key, at)) != std::string::npos;)
    out.replace(at, key.size(), "***");
  // Whatever else looks like a key of somebody's.
  for (size_t at = 0; (at = out.find("sk-", at)) != std::string::npos; at += 3) {
    const size_t end = std::min(out.find_first_of(" \t\r\n\"',.;:)", at), out.size());
    if (end - at >= 12) out.replace(at, end - at, "***");
  }
  if (out.size() > kShownBytesMax)
    out.resize(base::complete_utf8_prefix(std::string_view(out).substr(0, kShownBytesMax)));
  for (char& c : out) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return out;
}

Upstream::Place Upstream::take_place(std::function<void()> granted) {
  if (options_.concurrent_max == 0) return Place::Now;
  const std::lock_guard lock(mutex_);
  if (running_ < options_.concurrent_max) {
    ++running_;
    return Place::Now;
  }
  if (static_cast<int64_t>(waiting_.size()) >= options_.queue_max) return Place::Full;
  waiting_.push_back(std::move(granted));
  return Place::Queued;
}

bool Upstream::has_place() const {
  if (options_.concurrent_max == 0) return true;
  const std::lock_guard lock(mutex_);
  return running_ < options_.concurrent_max;
}

void Upstream::leave_place() {
  if (options_.concurrent_max == 0) return;
  std::function<void()> granted;
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.empty()) {
      --running_;
      return;
    }
    granted = std::move(waiting_.front());
    waiting_.pop_front();
  }
  granted();  // the place passes on
}

}  // namespace gateway
