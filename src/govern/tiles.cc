#include "govern/tiles.h"

#include <algorithm>
#include <cstdio>

#include "govern/checkpoint.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr uint64_t kLevelMax = 63;

// 1234067 is written x001/x234/067.
std::string grouped(uint64_t index) {
  char group[8];
  std::snprintf(group, sizeof group, "%03u", static_cast<unsigned>(index % 1000));
  std::string out = group;
  for (index /= 1000; index > 0; index /= 1000) {
    std::snprintf(group, sizeof group, "x%03u/", static_cast<unsigned>(index % 1000));
    out = group + out;
  }
  return out;
}

bool is_digits(std::string_view text) {
  return !text.empty() && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

base::Result<uint64_t> parse_grouped(std::string_view text) {
  uint64_t index = 0;
  int groups = 0;
  for (;; ++groups) {
    const bool last = text.find('/') == text.npos;
    if (!last && !text.starts_with('x'))
      return malformed("a tile index has groups of three digits, all but the last after an x");
    if (!last) text.remove_prefix(1);
    const std::string_view group = text.substr(0, text.find('/'));
    if (group.size() != 3 || !is_digits(group) || groups > 5)
      return malformed("a tile index has groups of three digits");
    index = index * 1000 + static_cast<uint64_t>((group[0] - '0') * 100 + (group[1] - '0') * 10 +
                                                 (group[2] - '0'));
    if (last) break;
    text.remove_prefix(4);
  }
  if (groups > 0 && index < 1000) return malformed("a tile index has no leading zero groups");
  return index;
}

}  // namespace

std::string format_tile_path(const TilePath& path) {
  std::string out = "tile/" +
                    (path.is_entries ? std::string("entries") : std::to_string(path.level)) + '/' +
                    grouped(path.index);
  if (path.width < kTileWidth) out += ".p/" + std::to_string(path.width);
  return out;
}

base::Result<TilePath> parse_tile_path(std::string_view text) {
  const std::string whole(text);
  if (!text.starts_with("tile/")) return malformed("a tile's path starts with tile/", whole);
  text.remove_prefix(5);
  const size_t slash = text.find('/');
  if (slash == text.npos) return malformed("a tile's path has a level and an index", whole);
  TilePath path;
  path.is_entries = text.substr(0, slash) == "entries";
  if (!path.is_entries) {
    TRY(path.level, parse_decimal(text.substr(0, slash)));
    if (path.level > kLevelMax) return malformed("a tile's level is at most 63", whole);
  }
  text.remove_prefix(slash + 1);
  if (const size_t partial = text.find(".p/"); partial != text.npos) {
    TRY(path.width, parse_decimal(text.substr(partial + 3)));
    if (path.width < 1 || path.width >= kTileWidth)
      return malformed("a partial tile has 1 to 255 hashes", whole);
    text = text.substr(0, partial);
  }
  TRY(path.index, parse_grouped(text));
  if (format_tile_path(path) != whole)
    return malformed("a tile's path has one spelling only", whole);
  return path;
}

std::vector<TilePath> tiles_to_write(uint64_t old_size, uint64_t size) {
  std::vector<TilePath> out;
  const auto add_level = [&](bool is_entries, uint64_t level, uint64_t old_count, uint64_t count) {
    for (uint64_t index = old_count / kTileWidth; index * kTileWidth < count; ++index) {
      const uint64_t width = std::min(kTileWidth, count - index * kTileWidth);
      if (index * kTileWidth + width > old_count) out.push_back({is_entries, level, index, width});
    }
  };
  add_level(true, 0, old_size, size);
  for (uint64_t level = 0; level <= kLevelMax && size > 0;
       ++level, old_size /= kTileWidth, size /= kTileWidth)
    add_level(false, level, old_size, size);
  return out;
}

base::Status append_entry(std::string* bundle, std::string_view entry) {
  if (entry.size() > kEntryBytesMax)
    return base::fail(base::Code::TooLarge,
                      "a log entry has at most 65,535 bytes; log the digest of larger things");
  bundle->push_back(static_cast<char>(entry.size() >> 8));
  bundle->push_back(static_cast<char>(entry.size() & 0xff));
  bundle->append(entry);
  return {};
}

base::Result<std::vector<std::string>> parse_bundle(std::string_view bundle, uint64_t width) {
  std::vector<std::string> entries;
  for (uint64_t i = 0; i < width; ++i) {
    if (bundle.size() < 2) return malformed("the entry bundle ends before its last entry");
    const size_t length =
        static_cast<size_t>(static_cast<uint8_t>(bundle[0])) << 8 | static_cast<uint8_t>(bundle[1]);
    if (bundle.size() - 2 < length) return malformed("the entry bundle ends inside an entry");
    entries.emplace_back(bundle.substr(2, length));
    bundle.remove_prefix(2 + length);
  }
  if (!bundle.empty()) return malformed("the entry bundle has bytes after its last entry");
  return entries;
}

}  // namespace govern
