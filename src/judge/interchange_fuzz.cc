// The input is an Inspect log, or with a NUL in it lm-eval's results and samples.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "judge/interchange.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto log = judge::import_inspect(text)) CHECK(log->mean >= 0 && log->mean <= 1);
  const size_t cut = text.find('\0');
  if (cut == text.npos) return 0;
  const auto read = judge::import_lm_eval(text.substr(0, cut), text.substr(cut + 1));
  if (read) CHECK(read->mean >= 0 && read->mean <= 1);
  return 0;
}
