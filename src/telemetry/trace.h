// Traces: W3C Trace Context in and out, spans of a request, and their encoding for an OpenTelemetry
// collector (OTLP/HTTP with JSON). Finished spans wait in a bounded queue; who sends a batch is
// handed in, since this folder knows no network.
#pragma once

#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <variant>
#include <vector>

#include "base/random.h"
#include "base/time.h"

namespace telemetry {

struct TraceContext {
  std::array<uint8_t, 16> trace_id{};  // never all zero
  std::array<uint8_t, 8> span_id{};    // never all zero
  bool sampled = false;
};

// "00-<32 hex>-<16 hex>-<2 hex>" (W3C Trace Context, level 1). Empty for anything else; of a later
// version the known fields are read.
std::optional<TraceContext> parse_traceparent(std::string_view text);
std::string format_traceparent(const TraceContext& context);

enum class SpanKind : unsigned char { Internal = 1, Server = 2, Client = 3 };  // OTLP's numbers

using AttributeValue = std::variant<std::string, int64_t, double, bool>;

// One step of a request. Filled by one thread, then handed to Tracer::finish.
struct Span {
  TraceContext context;
  std::array<uint8_t, 8> parent_span_id{};  // all zero: a root
  std::string name;                         // "chat.completions", "upstream openai"
  SpanKind kind = SpanKind::Internal;
  base::Time start, end;
  std::vector<std::pair<std::string, AttributeValue>> attributes;  // never a secret or a text
  std::string error;  // empty: no error; else a code, not a message
};

struct TracerOptions {
  std::string service_name = "charter";
  std::string service_version;
  double sampled_share = 0;  // of requests that bring no traceparent; 0 to 1
  bool trust_parent = true;  // keep the caller's trace id and its sampling flag
  size_t queue_spans_max = 4096;
  size_t batch_spans_max = 512;
  base::Duration interval = base::seconds(2);
  uint64_t seed = 0;  // of the ids: from crypto/random.h
};

// Makes contexts, keeps finished spans, and hands batches to `send` on a thread of its own. Any
// thread may call it.
class Tracer {
 public:
  using Send = std::function<bool(std::string otlp_json)>;  // false: the batch is lost and counted
  Tracer(TracerOptions options, Send send);
  ~Tracer();  // sends what is queued
  Tracer(const Tracer&) = delete;

  // A span of a request that came with this traceparent header (empty or bad: a new trace).
  Span start_server_span(std::string name, std::string_view traceparent, base::Time now);
  Span start_child_span(std::string name, SpanKind kind, const TraceContext& parent,
                        base::Time now);
  void finish(Span span, base::Time now);  // dropped, and counted, when the queue is full

  void flush();  // waits until what is queued has been handed to `send`
  uint64_t dropped() const { return dropped_.load(std::memory_order_relaxed); }

 private:
  void run();
  void fill_random(std::span<uint8_t> id);

  const TracerOptions options_;
  const Send send_;
  std::atomic<uint64_t> dropped_{0};
  std::mutex mutex_;  // all below
  std::condition_variable changed_;
  base::Rng rng_;
  std::deque<Span> queue_;
  bool sending_ = false, stopping_ = false;
  int flushes_ = 0;
  std::thread thread_;
};

// An ExportTraceServiceRequest in OTLP's JSON encoding: ids in hex, times as decimal strings.
std::string encode_otlp(const TracerOptions& options, const std::vector<Span>& spans);

}  // namespace telemetry
