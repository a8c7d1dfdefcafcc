// The write-ahead files of a ledger: what was settled is on the disk here, with one write and one
// flush for a whole group of entries, before ledger.db has it. Two files take turns; each is filled
// with zeros in advance, so that a flush writes data and no metadata. A file is used anew only when
// all that is in it is safe in ledger.db. One thread at a time.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "crypto/sha256.h"

namespace journal {

// Entries that reach the disk together. `bytes` is a list of records: the length of the encoded
// entry (4 bytes, little-endian), the encoded entry, its digest.
struct Group {
  int64_t first_seq = 0;
  int64_t count = 0;
  crypto::Digest previous{};  // of the entry before the first
  std::string bytes = {};
};
void append_record(std::string_view encoded, const crypto::Digest& digest, Group* group);

struct AheadRecord {
  int64_t seq = 0;
  crypto::Digest previous{}, digest{};
  std::string encoded = {};
};
// The records of a group's bytes; Code::Corrupt when they are not whole or their digests do not
// fit.
base::Result<std::vector<AheadRecord>> read_records(const Group& group);

class AheadFiles {
 public:
  // Opens PATH.ahead0 and PATH.ahead1, or makes them.
  static base::Result<AheadFiles> open(const std::string& path);
  AheadFiles(AheadFiles&& other) noexcept;
  AheadFiles& operator=(AheadFiles&&) = delete;
  ~AheadFiles();

  // What the files hold from `first_seq` on, in order and without a gap. A group that a power
  // failure cut off was never acknowledged and is left out. Code::Corrupt (LEDGER_DAMAGED) when an
  // acknowledged one is missing.
  base::Result<std::vector<AheadRecord>> recover(int64_t first_seq);
  // Everything is safe elsewhere: begins again with empty files.
  void reset();
  // The same, and on the disk, so that opening has nothing to look for.
  void forget();

  // Returns when the group is on the disk. On failure nothing of it counts; the same group, or a
  // longer one from the same entry, may be written again. Code::Unavailable, reason
  // STORAGE_UNAVAILABLE.
  base::Status append(const Group& group);
  void safe_through(int64_t seq) { safe_seq_ = seq; }  // ledger.db has these, durably
  bool wants_room() const;                             // it would help to make more entries safe

 private:
  struct File {
    std::string path;
    int fd = -1;
    uint64_t allocated = 0;  // bytes that are there, zeros or not
    uint64_t end = 0;        // where the next frame goes; 0: unused since the last turn
    uint64_t nonce = 0;      // of this turn: frames of earlier turns have another
    int64_t last_seq = 0;
  };
  AheadFiles() = default;
  base::Status begin_turn(File* file);
  base::Status write(File* file, uint64_t offset, std::string_view bytes);
  base::Status reserve(File* file, uint64_t bytes);

  std::array<File, 2> files_;
  size_t active_ = 0;
  int64_t safe_seq_ = 0;
  int64_t synced_seq_ = 0;
};

}  // namespace journal
