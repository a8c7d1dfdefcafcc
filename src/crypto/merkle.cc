#include "crypto/merkle.h"

#include <bit>

#include "base/check.h"

namespace crypto {
namespace {

uint64_t split_of(uint64_t size) {
  return std::bit_floor(size - 1);
}  // the largest power of two below size >= 2

Digest inner_root(std::span<const Digest> leaves) {
  if (leaves.size() == 1) return leaves[0];
  const uint64_t k = split_of(leaves.size());
  return merkle_node(inner_root(leaves.first(k)), inner_root(leaves.subspan(k)));
}

void subproof(std::span<const Digest> leaves, uint64_t old_size, bool old_is_known,
              std::vector<Digest>* out) {
  if (old_size == leaves.size()) {
    if (!old_is_known) out->push_back(inner_root(leaves));
    return;
  }
  const uint64_t k = split_of(leaves.size());
  if (old_size <= k) {
    subproof(leaves.first(k), old_size, old_is_known, out);
    out->push_back(inner_root(leaves.subspan(k)));
  } else {
    subproof(leaves.subspan(k), old_size - k, false, out);
    out->push_back(inner_root(leaves.first(k)));
  }
}

}  // namespace

Digest merkle_empty_root() { return sha256(base::ByteSpan{}); }

Digest merkle_leaf(base::ByteSpan entry) {
  static constexpr uint8_t kPrefix[] = {0x00};
  return Sha256().update(kPrefix).update(entry).finish();
}

Digest merkle_node(const Digest& left, const Digest& right) {
  static constexpr uint8_t kPrefix[] = {0x01};
  return Sha256().update(kPrefix).update(left).update(right).finish();
}

Digest merkle_root(std::span<const Digest> leaves) {
  return leaves.empty() ? merkle_empty_root() : inner_root(leaves);
}

std::vector<Digest> merkle_inclusion_proof(std::span<const Digest> leaves, uint64_t index) {
  CHECK(index < leaves.size());
  std::vector<Digest> proof;  // from the root down, turned round at the end
  while (leaves.size() > 1) {
    const uint64_t k = split_of(leaves.size());
    if (index < k) {
      proof.push_back(inner_root(leaves.subspan(k)));
      leaves = leaves.first(k);
    } else {
      proof.push_back(inner_root(leaves.first(k)));
      leaves = leaves.subspan(k);
      index -= k;
    }
  }
  return {proof.rbegin(), proof.rend()};
}

std::vector<Digest> merkle_consistency_proof(std::span<const Digest> leaves, uint64_t old_size) {
  CHECK(old_size <= leaves.size());
  std::vector<Digest> proof;
  if (old_size > 0 && old_size < leaves.size()) subproof(leaves, old_size, true, &proof);
  return proof;
}

bool merkle_verify_inclusion(const Digest& leaf, uint64_t index, uint64_t size,
                             std::span<const Digest> proof, const Digest& root) {
  if (index >= size) return false;
  uint64_t fn = index, sn = size - 1;
  Digest r = leaf;
  for (const Digest& p : proof) {
    if (sn == 0) return false;
    if ((fn & 1) == 1 || fn == sn) {
      r = merkle_node(p, r);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      r = merkle_node(r, p);
    }
    fn >>= 1, sn >>= 1;
  }
  return sn == 0 && r == root;
}

bool merkle_verify_consistency(uint64_t old_size, uint64_t size, std::span<const Digest> proof,
                               const Digest& old_root, const Digest& root) {
  if (old_size > size) return false;
  if (old_size == size) return proof.empty() && old_root == root;
  if (old_size == 0) return proof.empty() && old_root == merkle_empty_root();
  uint64_t fn = old_size - 1, sn = size - 1;
  while ((fn & 1) == 1) fn >>= 1, sn >>= 1;
  const bool old_is_perfect =
      std::has_single_bit(old_size);  // then its root is a node of the new tree
  if (!old_is_perfect && proof.empty()) return false;
  Digest fr = old_is_perfect ? old_root : proof[0];
  Digest sr = fr;
  for (const Digest& c : proof.subspan(old_is_perfect ? 0 : 1)) {
    if (sn == 0) return false;
    if ((fn & 1) == 1 || fn == sn) {
      fr = merkle_node(c, fr);
      sr = merkle_node(c, sr);
      while ((fn & 1) == 0 && fn != 0) fn >>= 1, sn >>= 1;
    } else {
      sr = merkle_node(sr, c);
    }
    fn >>= 1, sn >>= 1;
  }
  return fr == old_root && sr == root && sn == 0;
}

void MerkleFrontier::append(const Digest& leaf) {
  peaks_.push_back(leaf);
  for (uint64_t n = size_; (n & 1) == 1;
       n >>= 1) {  // a carry joins two perfect subtrees of the same size
    const Digest right = peaks_.back();
    peaks_.pop_back();
    peaks_.back() = merkle_node(peaks_.back(), right);
  }
  ++size_;
}

Digest MerkleFrontier::root() const {
  if (peaks_.empty()) return merkle_empty_root();
  Digest root = peaks_.back();
  for (size_t i = peaks_.size() - 1; i-- > 0;) root = merkle_node(peaks_[i], root);
  return root;
}

}  // namespace crypto
