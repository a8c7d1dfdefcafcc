// A training run frozen between two steps, in one file: a JSON header, arrays of floats, and a
// SHA-256 over both. It is written atomically; a file that is cut or changed is refused by name,
// and the checkpoint before it still stands.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/result.h"
#include "json/json.h"

namespace lab {

struct Checkpoint {
  int64_t step = 0;   // steps done
  json::Value state;  // what the trainer, the optimizer and the data need to go on
  std::vector<std::vector<float>> arrays;  // parameters, then the optimizer's moments
};

struct CheckpointView {
  int64_t step = 0;
  json::Value state;
  std::vector<std::span<const float>> arrays;
};

// Writes DIRECTORY/step-NNNNNNNN.ckpt and removes all but the two newest.
base::Status save_checkpoint(const std::string& directory, const CheckpointView& checkpoint);

base::Result<Checkpoint> read_checkpoint(const std::string& path);

struct FoundCheckpoint {
  Checkpoint checkpoint;
  std::string path;
  std::vector<std::string> refused;  // newer files that do not verify, one sentence each
};
// The newest that verifies. Code::NotFound when the folder has none at all, Code::Corrupt when none
// verifies.
base::Result<FoundCheckpoint> find_checkpoint(const std::string& directory);

}  // namespace lab
