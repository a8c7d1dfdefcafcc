#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "files/zip.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto entries = files::read_zip(text, {.entries_max = 64, .bytes_max = 1 << 20});
  if (!entries) return 0;
  const auto again = files::read_zip(files::write_zip(*entries));
  CHECK(again && again->size() == entries->size());
  for (size_t i = 0; i < entries->size(); ++i)
    CHECK((*again)[i].name == (*entries)[i].name && (*again)[i].bytes == (*entries)[i].bytes);
  return 0;
}
