// The input is suite.json, cases.jsonl and a raw output, with a NUL between them: whatever the
// cases and the output say, grading is a number and playing again ends.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "judge/episode.h"
#include "judge/grade.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t first = text.find('\0');
  const size_t second = first == text.npos ? text.npos : text.find('\0', first + 1);
  if (second == text.npos) return 0;
  const std::string_view cases = text.substr(first + 1, second - first - 1);
  const auto pinned = judge::pin_suite(text.substr(0, first), cases);
  if (!pinned) return 0;
  const auto suite = judge::parse_suite(*pinned, cases);
  CHECK(suite);
  const std::string_view output = text.substr(second + 1);
  for (const judge::Case& one : suite->cases) {
    const double score = judge::grade(*suite, one, output);
    CHECK(score >= 0 && score <= 1);
    if (judge::rule_of(suite->grader).task != judge::Task::Episode) continue;
    static_cast<void>(judge::replay(*suite, one, suite->messages_of(one, 0), 0, output));
  }
  return 0;
}
