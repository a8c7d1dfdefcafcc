#include <cstdint>
#include <string_view>

#include "judge/csv.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto table =
      judge::CsvTable::parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!table) return 0;
  for (size_t row = 0; row < table->rows(); ++row) static_cast<void>(table->at(row, 0));
  return 0;
}
