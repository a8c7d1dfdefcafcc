// The house of a running server. Any number of readers see it as the log last had it; an append
// takes the log's lock for a moment and gives it back. So the commands of `charter` write beside a
// running server with private keys that never leave them, and neither waits long for the other:
// whoever comes second waits for the lock and finds the log longer.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "journal/charter_house.h"

namespace journal {

class SharedHouse {
 public:
  explicit SharedHouse(std::string data) : data_(std::move(data)) {}

  // The house as it stands on the disk now; only what was logged since the last call is read and
  // judged anew. Blocks; from any thread. NotFound (NO_HOUSE) when there is none.
  base::Result<std::shared_ptr<const House>> read();
  // As House::append(): all of them or none. What a release puts in place is in place when this
  // returns. Unavailable (LOCKED) when another program keeps the log for longer than House::open
  // waits.
  base::Result<std::vector<govern::LeafReference>> append(std::vector<House::Draft> drafts,
                                                          base::Time now);

 private:
  base::Result<std::shared_ptr<const House>> read_locked();

  const std::string data_;
  std::mutex mutex_;
  std::string note_;  // the checkpoint that known_ was read with
  std::shared_ptr<const House> known_;
};

}  // namespace journal
