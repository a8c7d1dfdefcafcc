// Signed notes, vkeys, checkpoints, tile paths and entry bundles: what parses is written back as it
// was read.
#include "base/check.h"
#include "govern/checkpoint.h"
#include "govern/tiles.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto note = govern::parse_note(text)) {
    CHECK(govern::format_note(*note) == text);
    if (const auto checkpoint = govern::parse_checkpoint(note->text))
      CHECK(govern::format_checkpoint(*checkpoint) == note->text);
  }
  if (const auto key = govern::parse_vkey(text)) CHECK(govern::format_vkey(*key) == text);
  if (const auto path = govern::parse_tile_path(text))
    CHECK(govern::format_tile_path(*path) == text);
  if (const auto entries = govern::parse_bundle(text, size % 257)) {
    std::string again;
    for (const std::string& entry : *entries)
      CHECK(govern::append_entry(&again, entry).has_value());
    CHECK(again == text);
  }
  return 0;
}
