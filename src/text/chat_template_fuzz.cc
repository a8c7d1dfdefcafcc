// Any bytes as a chat template: refused, or rendered within its limits.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "json/json.h"
#include "text/chat_template.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const json::Value messages = *json::parse(
      R"([{"role":"system","content":"Be brief."},{"role":"user","content":"Hi","n":-3,"x":1.5,"t":[1,null,true,{"k":"v"}]}])");
  text::TemplateLimits limits;
  limits.steps_max = 20'000;
  limits.output_bytes_max = 1 << 16;
  const auto made = text::ChatTemplate::parse({reinterpret_cast<const char*>(data), size}, limits);
  if (!made) {
    CHECK(!made.error().message.empty());
    return 0;
  }
  const auto out = made->render(messages, {.bos_token = "<s>", .eos_token = "</s>"});
  if (out) CHECK(out->size() <= limits.output_bytes_max);
  return 0;
}
