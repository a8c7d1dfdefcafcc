#include "telemetry/trace.h"

#include <algorithm>

#include "base/bytes.h"
#include "json/json.h"

namespace telemetry {
namespace {

bool is_lower_hex(std::string_view text) {
  return std::ranges::all_of(
      text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}

template <size_t kBytes>
bool read_id(std::string_view text, std::array<uint8_t, kBytes>* out) {
  if (!is_lower_hex(text)) return false;
  const auto bytes = base::from_hex(text);
  if (!bytes || bytes->size() != kBytes) return false;
  std::ranges::copy(*bytes, out->begin());
  return std::ranges::any_of(*out, [](uint8_t byte) { return byte != 0; });
}

}  // namespace

std::optional<TraceContext> parse_traceparent(std::string_view text) {
  constexpr size_t kLength = 55;
  if (text.size() < kLength || text[2] != '-' || text[35] != '-' || text[52] != '-')
    return std::nullopt;
  const std::string_view version = text.substr(0, 2), flags = text.substr(53, 2);
  if (!is_lower_hex(version) || version == "ff" || !is_lower_hex(flags)) return std::nullopt;
  // Version 00 ends here; a later one may go on after a dash.
  if (text.size() > kLength && (version == "00" || text[kLength] != '-')) return std::nullopt;
  TraceContext context;
  if (!read_id(text.substr(3, 32), &context.trace_id) ||
      !read_id(text.substr(36, 16), &context.span_id))
    return std::nullopt;
  const char last = flags[1];
  context.sampled = ((last <= '9' ? last - '0' : last - 'a' + 10) & 1) != 0;
  return context;
}

std::string format_traceparent(const TraceContext& context) {
  return "00-" + base::hex(context.trace_id) + "-" + base::hex(context.span_id) +
         (context.sampled ? "-01" : "-00");
}

namespace {

json::Value attribute_value(const AttributeValue& value) {
  if (const auto* text = std::get_if<std::string>(&value))
    return json::Object{{"stringValue", *text}};
  if (const auto* number = std::get_if<int64_t>(&value))
    return json::Object{{"intValue", std::to_string(*number)}};
  if (const auto* number = std::get_if<double>(&value))
    return json::Object{{"doubleValue", *number}};
  return json::Object{{"boolValue", std::get<bool>(value)}};
}

json::Value attribute(std::string_view name, const AttributeValue& value) {
  return json::Object{{"key", std::string(name)}, {"value", attribute_value(value)}};
}

json::Value span_json(const Span& span) {
  json::Array attributes;
  for (const auto& [name, value] : span.attributes) attributes.push_back(attribute(name, value));
  json::Value out = json::Object{
      {"traceId", base::hex(span.context.trace_id)},
      {"spanId", base::hex(span.context.span_id)},
      {"name", span.name},
      {"kind", static_cast<int64_t>(span.kind)},
      {"startTimeUnixNano", std::to_string(span.start.ns)},
      {"endTimeUnixNano", std::to_string(span.end.ns)},
      {"attributes", std::move(attributes)},
  };
  if (span.parent_span_id != std::array<uint8_t, 8>{})
    out.set("parentSpanId", base::hex(span.parent_span_id));
  constexpr int64_t kStatusError = 2;
  if (!span.error.empty())
    out.set("status", json::Object{{"code", kStatusError}, {"message", span.error}});
  return out;
}

}  // namespace

std::string encode_otlp(const TracerOptions& options, const std::vector<Span>& spans) {
  json::Array encoded;
  for (const Span& span : spans) encoded.push_back(span_json(span));
  json::Array resource;
  resource.push_back(attribute("service.name", options.service_name));
  if (!options.service_version.empty())
    resource.push_back(attribute("service.version", options.service_version));
  json::Value scope =
      json::Object{{"scope", json::Object{{"name", "charter"}}}, {"spans", std::move(encoded)}};
  json::Value resource_spans =
      json::Object{{"resource", json::Object{{"attributes", std::move(resource)}}},
                   {"scopeSpans", json::Array{std::move(scope)}}};
  return json::dump(json::Object{{"resourceSpans", json::Array{std::move(resource_spans)}}});
}

Tracer::Tracer(TracerOptions options, Send send)
    : options_(std::move(options)), send_(std::move(send)), rng_(options_.seed) {
  thread_ = std::thread([this] { run(); });
}

Tracer::~Tracer() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

Span Tracer::start_server_span(std::string name, std::string_view traceparent, base::Time now) {
  Span span;
  span.name = std::move(name);
  span.kind = SpanKind::Server;
  span.start = now;
  const std::optional<TraceContext> parent =
      options_.trust_parent ? parse_traceparent(traceparent) : std::nullopt;
  const std::lock_guard lock(mutex_);
  if (parent) {
    span.context = *parent;
    span.parent_span_id = parent->span_id;
  } else {
    fill_random(span.context.trace_id);
    span.context.sampled = rng_.uniform() < options_.sampled_share;
  }
  fill_random(span.context.span_id);
  return span;
}

Span Tracer::start_child_span(std::string name, SpanKind kind, const TraceContext& parent,
                              base::Time now) {
  Span span;
  span.name = std::move(name);
  span.kind = kind;
  span.start = now;
  span.context = parent;
  span.parent_span_id = parent.span_id;
  const std::lock_guard lock(mutex_);
  fill_random(span.context.span_id);
  return span;
}

// Under mutex_.
void Tracer::fill_random(std::span<uint8_t> id) {
  for (uint8_t& byte : id) byte = static_cast<uint8_t>(rng_.next() >> 56);
  id.back() |= 1;  // never all zero
}

void Tracer::finish(Span span, base::Time now) {
  if (!span.context.sampled) return;
  span.end = now;
  bool full_batch = false;
  {
    const std::lock_guard lock(mutex_);
    if (queue_.size() >= options_.queue_spans_max) {
      dropped_.fetch_add(1, std::memory_order_relaxed);
      return;
    }
    queue_.push_back(std::move(span));
    full_batch = queue_.size() == options_.batch_spans_max;
  }
  if (full_batch) changed_.notify_all();
}

void Tracer::flush() {
  std::unique_lock lock(mutex_);
  ++flushes_;
  changed_.notify_all();
  changed_.wait(lock, [this] { return queue_.empty() && !sending_; });
  --flushes_;
}

void Tracer::run() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait_for(lock, std::chrono::nanoseconds(options_.interval.ns), [this] {
      return stopping_ || (flushes_ > 0 && !queue_.empty()) ||
             queue_.size() >= options_.batch_spans_max;
    });
    if (queue_.empty() && stopping_) return;
    if (queue_.empty()) continue;
    const size_t count = std::min(queue_.size(), options_.batch_spans_max);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    const std::vector<Span> batch(std::move_iterator(queue_.begin()), std::move_iterator(end));
    queue_.erase(queue_.begin(), end);
    sending_ = true;
    lock.unlock();
    const bool sent = send_(encode_otlp(options_, batch));
    lock.lock();
    sending_ = false;
    if (!sent) dropped_.fetch_add(batch.size(), std::memory_order_relaxed);
    changed_.notify_all();
  }
}

}  // namespace telemetry
