// Merkle trees of RFC 6962 section 2.1 over SHA-256: roots, inclusion and consistency proofs.
// Proofs name a leaf by index and a tree by size; a proof that does not fit both is refused,
// whatever its hashes.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "crypto/sha256.h"

namespace crypto {

Digest merkle_empty_root();                                   // SHA-256 of nothing
Digest merkle_leaf(base::ByteSpan entry);                     // SHA-256(0x00 || entry)
Digest merkle_node(const Digest& left, const Digest& right);  // SHA-256(0x01 || left || right)

Digest merkle_root(std::span<const Digest> leaves);  // of leaf hashes
std::vector<Digest> merkle_inclusion_proof(std::span<const Digest> leaves, uint64_t index);
std::vector<Digest> merkle_consistency_proof(std::span<const Digest> leaves, uint64_t old_size);

bool merkle_verify_inclusion(const Digest& leaf, uint64_t index, uint64_t size,
                             std::span<const Digest> proof, const Digest& root);
bool merkle_verify_consistency(uint64_t old_size, uint64_t size, std::span<const Digest> proof,
                               const Digest& old_root, const Digest& root);

// The right edge of a growing tree: appends in amortised constant time and gives the root at any
// moment.
class MerkleFrontier {
 public:
  void append(const Digest& leaf);
  uint64_t size() const { return size_; }
  Digest root() const;

 private:
  uint64_t size_ = 0;
  std::vector<Digest> peaks_;  // roots of the perfect subtrees, the largest first
};

}  // namespace crypto
