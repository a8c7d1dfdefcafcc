// Whatever the two files are: an error, or a model whose scores are probabilities. The input is the
// configuration, a zero byte, and the weights.
#include <algorithm>

#include "base/check.h"
#include "model/moderation_model.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const base::ByteSpan bytes(data, size);
  const auto zero = static_cast<size_t>(std::ranges::find(bytes, 0) - bytes.begin());
  const base::ByteSpan weights = bytes.subspan(std::min(zero + 1, size));
  const auto parsed = model::ModerationModel::parse(base::as_text(bytes.first(zero)), weights);
  if (!parsed) {
    CHECK(!parsed.error().message.empty());
    return 0;
  }
  for (const double score : parsed->scores(base::as_text(bytes))) CHECK(score >= 0 && score <= 1);
  return 0;
}
