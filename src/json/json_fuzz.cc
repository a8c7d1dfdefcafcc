// Whatever parses must print and parse again to the same value, in both forms.
#include "base/bytes.h"
#include "base/check.h"
#include "json/json.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto value = json::parse(base::as_text({data, size}));
  if (!value) return 0;
  const std::string text = json::dump(*value);
  const auto again = json::parse(text);
  CHECK(again.has_value());
  CHECK(json::dump(*again) == text);
  return 0;
}
