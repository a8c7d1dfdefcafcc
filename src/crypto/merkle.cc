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

void MerkleTree::append(const Digest& leaf) {
  if (levels_.empty()) levels_.emplace_back();
  levels_[0].push_back(leaf);
  for (size_t level = 0; levels_[level].size() % 2 == 0; ++level) {
    const std::vector<Digest>& below = levels_[level];
    const Digest parent = merkle_node(below[below.size() - 2], below.back());
    if (levels_.size() == level + 1) levels_.emplace_back();
    levels_[level + 1].push_back(parent);
  }
}

const Digest& MerkleTree::node(uint64_t level, uint64_t index) const {
  CHECK(level < levels_.size() && index < levels_[level].size());
  return levels_[level][index];
}

// The subtrees that the definition splits into begin at multiples of their width.
Digest MerkleTree::range_root(uint64_t begin, uint64_t end) const {
  const uint64_t width = end - begin;
  if (std::has_single_bit(width))
    return node(static_cast<uint64_t>(std::countr_zero(width)), begin / width);
  const uint64_t middle = begin + split_of(width);
  return merkle_node(range_root(begin, middle), range_root(middle, end));
}

Digest MerkleTree::root(uint64_t size) const {
  CHECK(size <= this->size());
  return size == 0 ? merkle_empty_root() : range_root(0, size);
}

std::vector<Digest> MerkleTree::inclusion_proof(uint64_t index, uint64_t size) const {
  CHECK(index < size && size <= this->size());
  std::vector<Digest> proof;  // from the root down, turned round at the end
  for (uint64_t begin = 0, end = size; end - begin > 1;) {
    const uint64_t middle = begin + split_of(end - begin);
    if (index < middle) {
      proof.push_back(range_root(middle, end));
      end = middle;
    } else {
      proof.push_back(range_root(begin, middle));
      begin = middle;
    }
  }
  return {proof.rbegin(), proof.rend()};
}

std::vector<Digest> MerkleTree::consistency_proof(uint64_t old_size, uint64_t size) const {
  CHECK(old_size <= size && size <= this->size());
  std::vector<Digest> proof;
  if (old_size == 0 || old_size == size) return proof;
  uint64_t begin = 0, end = size;
  while (old_size != end) {  // from the root down to the last node that both trees have
    const uint64_t middle = begin + split_of(end - begin);
    if (old_size <= middle) {
      proof.push_back(range_root(middle, end));
      end = middle;
    } else {
      proof.push_back(range_root(begin, middle));
      begin = middle;
    }
  }
  if (begin != 0) proof.push_back(range_root(begin, end));
  return {proof.rbegin(), proof.rend()};
}

}  // namespace crypto
