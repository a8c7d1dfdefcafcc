#include "telemetry/trace.h"

#include <gtest/gtest.h>

#include "json/json.h"

namespace telemetry {
namespace {

constexpr std::string_view kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

TEST(Traceparent, ReadsWhatTheStandardAllows) {
  const auto context = parse_traceparent(kParent);
  ASSERT_TRUE(context);
  EXPECT_TRUE(context->sampled);
  EXPECT_EQ(format_traceparent(*context), kParent);
  const auto later = parse_traceparent("cc-" + std::string(kParent.substr(3, 50)) + "fe-more");
  ASSERT_TRUE(later);
  EXPECT_FALSE(later->sampled);
  EXPECT_EQ(later->trace_id, context->trace_id);
}

TEST(Traceparent, RefusesTheRest) {
  const std::string good(kParent);
  std::vector<std::string> all{"",
                               good + " ",
                               good + "-x",
                               "ff" + good.substr(2),
                               "cc" + good.substr(2) + "x",
                               "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                               "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01"};
  for (size_t i = 0; i < good.size(); ++i) {
    all.push_back(good.substr(0, i));
    std::string changed = good;
    changed[i] = 'G';
    all.push_back(changed);
    changed[i] = 'A';
    all.push_back(changed);
  }
  for (const std::string& text : all) EXPECT_FALSE(parse_traceparent(text)) << text;
}

class TracerTest : public testing::Test {
 protected:
  TracerTest() {
    options_.service_version = "1";
    options_.interval = base::seconds(60);
  }
  Tracer::Send keep() {
    return [this](std::string batch) {
      batches_.push_back(json::parse(batch).value());
      return accept_;
    };
  }
  static const json::Array& spans_of(const json::Value& batch) {
    return batch["resourceSpans"].as_array()[0]["scopeSpans"].as_array()[0]["spans"].as_array();
  }

  TracerOptions options_;
  std::vector<json::Value> batches_;  // read after a flush, or when the tracer is gone
  bool accept_ = true;
};

TEST_F(TracerTest, ARequestAndItsStep) {
  Tracer tracer(options_, keep());
  Span request = tracer.start_server_span("chat.completions", kParent, {1'000});
  Span step = tracer.start_child_span("upstream", SpanKind::Client, request.context, {2'000});
  EXPECT_EQ(request.context.trace_id, parse_traceparent(kParent)->trace_id);
  EXPECT_NE(request.context.span_id, step.context.span_id);
  step.attributes = {{"http.response.status_code", int64_t{503}},
                     {"reused", true},
                     {"share", 0.5},
                     {"upstream", "one"}};
  step.error = "unavailable";
  tracer.finish(step, {3'000});
  tracer.finish(request, {4'000});
  tracer.flush();
  ASSERT_EQ(batches_.size(), 1u);
  const json::Array& spans = spans_of(batches_[0]);
  ASSERT_EQ(spans.size(), 2u);
  EXPECT_EQ(spans[0]["traceId"].as_string(), "0af7651916cd43dd8448eb211c80319c");
  EXPECT_EQ(spans[0]["parentSpanId"], spans[1]["spanId"]);
  EXPECT_EQ(spans[1]["parentSpanId"].as_string(), "b7ad6b7169203331");
  EXPECT_EQ(spans[0]["startTimeUnixNano"].as_string(), "2000");
  EXPECT_EQ(spans[0]["endTimeUnixNano"].as_string(), "3000");
  EXPECT_EQ(json::dump(spans[0]["attributes"]),
            R"([{"key":"http.response.status_code","value":{"intValue":"503"}},)"
            R"({"key":"reused","value":{"boolValue":true}},)"
            R"({"key":"share","value":{"doubleValue":0.5}},)"
            R"({"key":"upstream","value":{"stringValue":"one"}}])");
  EXPECT_EQ(json::dump(spans[0]["status"]), R"({"code":2,"message":"unavailable"})");
  EXPECT_EQ(spans[1].find("status"), nullptr);
}

TEST_F(TracerTest, Sampling) {
  options_.sampled_share = 0.25;
  Tracer tracer(options_, keep());
  int sampled = 0;
  for (int i = 0; i < 4000; ++i) sampled += tracer.start_server_span("a", "", {}).context.sampled;
  EXPECT_NEAR(sampled, 1000, 150);
  const std::string unsampled = std::string(kParent.substr(0, 53)) + "00";
  const Span span = tracer.start_server_span("a", unsampled, {});
  EXPECT_FALSE(span.context.sampled);
  tracer.finish(span, {});
  tracer.flush();
  EXPECT_TRUE(batches_.empty());
}

TEST_F(TracerTest, AParentThatIsNotTrusted) {
  options_.trust_parent = false;
  Tracer tracer(options_, keep());
  const Span span = tracer.start_server_span("a", kParent, {});
  EXPECT_FALSE(span.context.sampled);
  EXPECT_NE(span.context.trace_id, parse_traceparent(kParent)->trace_id);
}

TEST_F(TracerTest, TheQueueIsBoundedAndLossesAreCounted) {
  options_.queue_spans_max = 3;
  options_.batch_spans_max = 2;
  accept_ = false;
  {
    std::mutex gate;
    gate.lock();  // the sender is stuck in its first batch
    Tracer tracer(options_, [&](std::string) {
      const std::lock_guard lock(gate);
      return false;
    });
    for (int i = 0; i < 20; ++i) tracer.finish(tracer.start_server_span("a", kParent, {}), {});
    EXPECT_GE(tracer.dropped(), 15u);
    gate.unlock();
    tracer.flush();
    EXPECT_EQ(tracer.dropped(), 20u);
  }
}

TEST_F(TracerTest, SendsTheRestAtTheEnd) {
  {
    Tracer tracer(options_, keep());
    tracer.finish(tracer.start_server_span("a", kParent, {}), {});
  }
  ASSERT_EQ(batches_.size(), 1u);
}

}  // namespace
}  // namespace telemetry
