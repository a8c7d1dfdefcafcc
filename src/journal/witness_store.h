// What a witness keeps: its key, the logs that it knows, and for each the checkpoint that it
// cosigned last. A checkpoint is on the disk before its cosignature leaves the program; one process
// at a time, and in it one request at a time.
//
//   DIR/key (private, 0600)   DIR/logs (one vkey a line)   DIR/cosigned/<hex SHA-256 of the origin>
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "files/files.h"
#include "govern/witness_core.h"

namespace journal {

class WitnessStore {
 public:
  // A new witness with a fresh key, in a folder that holds none (AlreadyExists).
  static base::Result<govern::WitnessKey> create(const std::string& directory,
                                                 const std::string& name);
  // From now on this log's checkpoints are cosigned; a server has to be started again.
  static base::Status trust(const std::string& directory, const govern::VerifierKey& log);

  // Takes the folder's lock: Unavailable, LOCKED, when another process serves it.
  static base::Result<std::unique_ptr<WitnessStore>> open(const std::string& directory);

  govern::WitnessKey key() const { return signer_.verifier(); }
  const std::vector<govern::VerifierKey>& logs() const { return logs_; }

  // The answer to POST add-checkpoint; 500 when the disk refuses, and then nothing was cosigned.
  // Blocks on the disk. Any thread.
  govern::WitnessAnswer add_checkpoint(std::string_view body, base::Time now);
  // The checkpoint that was cosigned last, by origin_id(). Any thread.
  std::optional<std::string> cosigned(const std::string& origin_id) const;

 private:
  WitnessStore(std::string directory, files::LockFile lock, govern::WitnessSigner signer,
               std::vector<govern::VerifierKey> logs)
      : directory_(std::move(directory)),
        lock_(std::move(lock)),
        signer_(std::move(signer)),
        logs_(std::move(logs)) {}
  base::Status read_cosigned();

  struct Cosigned {
    govern::Checkpoint checkpoint;
    std::string note;
  };
  const std::string directory_;
  const files::LockFile lock_;
  const govern::WitnessSigner signer_;
  const std::vector<govern::VerifierKey> logs_;
  mutable std::mutex mutex_;
  std::map<std::string, Cosigned> cosigned_;  // by origin_id()
};

}  // namespace journal
