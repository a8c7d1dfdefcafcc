// What changes between two versions of a charter, path by path, and whether it only restricts
// (GOVERNANCE 3.6). Every field has a declared order; whatever has none, or is mixed, expands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace govern {

struct CharterChange {
  std::string path;           // "rule.expand.notice", "body.board.members"
  std::string before, after;  // as TOML values; empty: not there
  bool restricts = false;
};

struct CharterDiff {
  std::vector<CharterChange> changes;  // sorted by path; version and prev_sha256 are not listed
  bool restricts() const;              // all of them; a charter without a change restricts too
  // Paths of [entrench] in the old charter that a change touches, and "entrench" itself.
  std::vector<std::string> entrenched;
};

// Both texts parse as charters. Tables of arrays are known by their ids, so that a rename is the
// end of one path and the beginning of another.
base::Result<CharterDiff> diff_charters(std::string_view before, std::string_view after);

}  // namespace govern
