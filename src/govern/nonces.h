// The nonces that a log has seen, so that no statement is logged twice. A copy shares all but the
// latest few, so that a state that has seen a million is copied as fast as a new one.
#pragma once

#include <memory>
#include <string_view>
#include <vector>

#include "crypto/sha256.h"

namespace govern {

class NonceSet {
 public:
  bool contains(std::string_view nonce) const;
  void insert(std::string_view nonce);  // one that is not there yet
  uint64_t size() const { return size_; }
  // SHA-256 over the one before and the nonce, from 32 zero bytes on: names the set and its order.
  const crypto::Digest& chain() const { return chain_; }

 private:
  using Run = std::vector<crypto::Digest>;        // sorted
  std::vector<std::shared_ptr<const Run>> runs_;  // each at least twice as long as the next
  Run latest_;                                    // sorted
  uint64_t size_ = 0;
  crypto::Digest chain_{};
};

}  // namespace govern
