#include <array>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "reason/program.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(reason::Rational::parse(text));
  const auto program = reason::parse_program(text);
  if (!program) return 0;
  const auto again = reason::parse_program(reason::print(*program));
  CHECK(again && *again == *program);
  const auto form = reason::canonical(*program);
  CHECK(reason::canonical(form) == form);

  std::array<reason::Rational, reason::kNumbersMax> numbers;
  for (size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<int64_t>((i + 2) * 1'000'003);
  const auto value = reason::execute(*program, numbers);
  const auto same = reason::execute(form, numbers);
  // Dropping unused lines may only remove an error, and reordering may not change a value.
  if (value) CHECK(same && *same == *value);
  return 0;
}
