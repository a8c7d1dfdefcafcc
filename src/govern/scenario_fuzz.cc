// Scenarios are files that anyone may write: the loader on any bytes.
#include <cstdint>
#include <string_view>

#include "govern/scenario.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  static_cast<void>(govern::parse_scenario(text, "scenario.toml"));
  return 0;
}
