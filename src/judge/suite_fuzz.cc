// The input is suite.json and cases.jsonl with a NUL between them; with a second NUL, a results
// line follows.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "judge/record.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const size_t first = text.find('\0');
  if (first == std::string_view::npos) return 0;
  const size_t second = text.find('\0', first + 1);
  const std::string_view definition = text.substr(0, first);
  const std::string_view cases =
      text.substr(first + 1, second == text.npos ? text.npos : second - first - 1);
  static_cast<void>(judge::parse_suite(definition, cases));
  if (const auto pinned = judge::pin_suite(definition, cases))
    CHECK(judge::parse_suite(*pinned, cases));
  if (second == std::string_view::npos) return 0;
  const std::string_view line = text.substr(second + 1);
  if (const auto record = judge::parse_record(line)) CHECK(judge::print_record(*record) == line);
  return 0;
}
