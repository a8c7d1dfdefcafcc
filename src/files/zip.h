// ZIP archives in memory: reading what others wrote (stored, deflated, Zstandard),
// writing our own. zlib and zstd are hidden here. No encryption, no ZIP64, no other compression:
// such an entry is refused by name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace files {

struct ZipEntry {
  std::string name;  // "data/a.jsonl"; folders are left out
  std::string bytes;
};

struct ZipLimits {
  uint64_t entries_max = 100'000;
  uint64_t bytes_max = uint64_t{1} << 30;  // of all entries, unpacked
};

// All files of the archive in the order of its directory. Every size and CRC-32 is checked; names
// that are absolute, climb ("..") or come twice are refused. Code::Malformed with reason
// ZIP_MALFORMED, Code::TooLarge, Code::Unimplemented.
base::Result<std::vector<ZipEntry>> read_zip(std::string_view archive,
                                             const ZipLimits& limits = {});

// Deflated, in the order given, with the date of 1980 in each: the same entries give the same
// bytes.
std::string write_zip(const std::vector<ZipEntry>& entries);

}  // namespace files
