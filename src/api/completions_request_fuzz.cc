// Arbitrary bytes as the body of a completion: refused with a sentence, or generations that keep
// every limit.
#include <cstdint>

#include "api/completions_request.h"
#include "base/check.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto body = json::parse({reinterpret_cast<const char*>(data), size});
  if (!body || !body->is_object()) return 0;
  if (!api::check_body(*body, api::kCompletionSchema, size % 2 == 0)) return 0;
  const auto call = api::parse_completion_request(*body);
  if (!call) {
    CHECK(!call.error().message.empty() && call.error().code == base::Code::InvalidArgument);
    return 0;
  }
  const gateway::Generation& generation = call->generation;
  CHECK(!generation.model.empty() && !call->prompts.empty());
  for (const gateway::Input& prompt : call->prompts) {
    const auto* tokens = std::get_if<std::vector<int32_t>>(&prompt);
    CHECK(tokens == nullptr || !tokens->empty());
  }
  CHECK(generation.max_tokens && (*generation.max_tokens >= 1 || generation.echo));
  CHECK(generation.best_of >= generation.choices && generation.choices >= 1);
  CHECK(generation.sampling.top_logprobs >= 0 && generation.sampling.top_logprobs <= 5);
  return 0;
}
