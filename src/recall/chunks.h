// A file's bytes as text, and the text in overlapping chunks.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace recall {

// Text, Markdown, JSON, CSV and source as they are; HTML without its tags, scripts and styles.
// Errors: Unimplemented (unsupported_file) for PDF and office files, which the message names;
// Malformed (invalid_file) for what is not UTF-8 text.
base::Result<std::string> extract_text(std::string_view filename, std::string_view bytes);

struct ChunkRule {
  int64_t units_max = 800;      // see count_units()
  int64_t units_overlap = 400;  // at most half of units_max
};

// Cut at the ends of lines, sentences or words, as far as that leaves chunks at least half full.
// Views into the text; blank chunks are left out.
std::vector<std::string_view> split_chunks(std::string_view text, const ChunkRule& rule);

}  // namespace recall
