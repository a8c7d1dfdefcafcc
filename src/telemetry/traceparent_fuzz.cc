// A traceparent from arbitrary bytes: no crash, and what is read is written back as the same
// trace.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "telemetry/trace.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto context = telemetry::parse_traceparent(text);
  if (!context) return 0;
  const std::string written = telemetry::format_traceparent(*context);
  CHECK(written.substr(3, 49) == text.substr(3, 49));
  const auto again = telemetry::parse_traceparent(written);
  CHECK(again && again->trace_id == context->trace_id && again->span_id == context->span_id &&
        again->sampled == context->sampled);
  return 0;
}
