// The layout of a log as static files (C2SP tlog-tiles): paths of tiles and entry bundles, and
// their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace govern {

inline constexpr uint64_t kTileWidth = 256;
inline constexpr size_t kEntryBytesMax = 65'535;

struct TilePath {
  bool is_entries = false;  // an entry bundle, or hashes of `level`
  uint64_t level = 0;
  uint64_t index = 0;
  uint64_t width = kTileWidth;  // below 256: a partial tile
  friend bool operator==(const TilePath&, const TilePath&) = default;
};

std::string format_tile_path(
    const TilePath& path);  // "tile/0/x001/x234/067", "tile/entries/000.p/5"
base::Result<TilePath> parse_tile_path(std::string_view text);

// All tiles and bundles of a log of `size` entries, those that a step from `old_size` adds or
// replaces only.
std::vector<TilePath> tiles_to_write(uint64_t old_size, uint64_t size);

base::Status append_entry(std::string* bundle,
                          std::string_view entry);  // uint16 length, then the bytes
base::Result<std::vector<std::string>> parse_bundle(std::string_view bundle, uint64_t width);

}  // namespace govern
