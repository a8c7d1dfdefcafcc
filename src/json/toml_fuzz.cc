// The strict TOML reader on arbitrary bytes: a value or a named error, never a crash.
#include "base/bytes.h"
#include "base/check.h"
#include "json/toml.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = json::parse_toml(base::as_text({data, size}), "fuzz.toml");
  if (!value) CHECK(!value.error().message.empty());
  return 0;
}
