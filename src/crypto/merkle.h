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

// A whole tree in memory, 64 bytes a leaf: every perfect subtree's root is kept, so that roots and
// proofs of any earlier size cost O(log n) hashes, not O(n).
class MerkleTree {
 public:
  void append(const Digest& leaf);
  uint64_t size() const { return levels_.empty() ? 0 : levels_[0].size(); }

  // The root of leaves [index * 2^level, (index + 1) * 2^level), all of which are there.
  const Digest& node(uint64_t level, uint64_t index) const;
  Digest root(uint64_t size) const;  // of the first `size` leaves
  Digest root() const { return root(size()); }
  // In the tree of the first `size` leaves.
  std::vector<Digest> inclusion_proof(uint64_t index, uint64_t size) const;
  std::vector<Digest> consistency_proof(uint64_t old_size, uint64_t size) const;

 private:
  Digest range_root(uint64_t begin, uint64_t end) const;
  std::vector<std::vector<Digest>> levels_;  // perfect subtrees of 2^level leaves
};

}  // namespace crypto
