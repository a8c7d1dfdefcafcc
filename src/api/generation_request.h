// The parameters that chat completions and completions share, read into a gateway::Generation. The
// bodies have passed their tables of fields (api/schema.h), so only what a table cannot say is
// checked here.
#pragma once

#include "api/call.h"
#include "api/schema.h"
#include "gateway/generation.h"
#include "json/json.h"

namespace api {

// How an answer is sent.
struct Delivery {
  bool stream = false;
  bool include_usage = false;
};

// For several tables of fields.
extern const Schema kStreamOptionsSchema;
extern const Schema kLogitBiasSchema;

// temperature, top_p, presence_penalty, frequency_penalty, seed, n, stop, logit_bias
base::Status read_sampling(const json::Value& body, gateway::Generation* generation);
// stream, stream_options
base::Result<Delivery> read_delivery(const json::Value& body);
base::Result<std::string> read_model(const json::Value& body);
// The parameters of these names that are present, for upstreams alone.
void copy_parameters(const json::Value& body, std::span<const std::string_view> names,
                     json::Object* out);

// What the call says of itself: id, time, trace.
void identify(const Call& call, gateway::Generation* generation);

}  // namespace api
