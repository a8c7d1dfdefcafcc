// Merkle trees: published roots and proofs, and every proof of every small tree against the
// definition.
#include "crypto/merkle.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "json/json.h"

namespace crypto {
namespace {

namespace fs = std::filesystem;
const fs::path kVectors = CHARTER_SOURCE_DIR "/../shared/vectors/merkle/testdata";

std::vector<Digest> leaves_of(size_t count) {
  std::vector<Digest> leaves;
  for (size_t i = 0; i < count; ++i)
    leaves.push_back(merkle_leaf(base::as_bytes(std::to_string(i))));
  return leaves;
}

TEST(Merkle, HasTheRootsOfRfc6962) {
  // The eight entries of certificate-transparency's own test.
  const std::string_view entries[] = {"",
                                      "00",
                                      "10",
                                      "2021",
                                      "3031",
                                      "40414243",
                                      "5051525354555657",
                                      "606162636465666768696a6b6c6d6e6f"};
  const std::string_view roots[] = {
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
      "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
      "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
      "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
      "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
      "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
      "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};
  std::vector<Digest> leaves;
  MerkleFrontier frontier;
  EXPECT_EQ(hex(frontier.root()),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  for (size_t i = 0; i < 8; ++i) {
    leaves.push_back(merkle_leaf(base::from_hex(entries[i]).value()));
    frontier.append(leaves.back());
    EXPECT_EQ(hex(merkle_root(leaves)), roots[i]);
    EXPECT_EQ(frontier.root(), merkle_root(leaves));
  }
}

TEST(Merkle, ProvesInclusionOfEveryLeafAndOfNoOther) {
  for (size_t size = 1; size <= 40; ++size) {
    const auto leaves = leaves_of(size);
    const Digest root = merkle_root(leaves);
    for (size_t i = 0; i < size; ++i) {
      auto proof = merkle_inclusion_proof(leaves, i);
      ASSERT_TRUE(merkle_verify_inclusion(leaves[i], i, size, proof, root));
      for (size_t j = 0; j < size; ++j) {
        ASSERT_EQ(merkle_verify_inclusion(leaves[i], j, size, proof, root), i == j);
      }
      ASSERT_FALSE(merkle_verify_inclusion(leaves[i], i, 0, proof, root));
      proof.push_back(root);
      ASSERT_FALSE(merkle_verify_inclusion(leaves[i], i, size, proof, root));
      if (proof.size() > 1) {
        proof.resize(proof.size() - 2);
        ASSERT_FALSE(merkle_verify_inclusion(leaves[i], i, size, proof, root));
      }
    }
  }
}

TEST(Merkle, ProvesThatEveryTreeExtendsEveryEarlierOne) {
  const auto leaves = leaves_of(40);
  for (size_t size = 0; size <= 40; ++size) {
    const std::span<const Digest> now = std::span(leaves).first(size);
    for (size_t old_size = 0; old_size <= size; ++old_size) {
      const Digest old_root = merkle_root(now.first(old_size));
      auto proof = merkle_consistency_proof(now, old_size);
      ASSERT_TRUE(merkle_verify_consistency(old_size, size, proof, old_root, merkle_root(now)));
      Digest forked = old_root;
      forked[0] ^= 1;
      ASSERT_FALSE(merkle_verify_consistency(old_size, size, proof, forked, merkle_root(now)));
      if (!proof.empty()) {
        proof.back()[5] ^= 1;
        ASSERT_FALSE(merkle_verify_consistency(old_size, size, proof, old_root, merkle_root(now)));
      }
    }
  }
}

// The tree that keeps its subtrees gives what the definition over all leaves gives.
TEST(Merkle, TheKeptTreeGivesTheSameProofs) {
  const auto leaves = leaves_of(70);
  MerkleTree tree;
  EXPECT_EQ(tree.root(), merkle_empty_root());
  for (const Digest& leaf : leaves) tree.append(leaf);
  for (size_t size = 0; size <= leaves.size(); ++size) {
    const std::span<const Digest> now = std::span(leaves).first(size);
    ASSERT_EQ(tree.root(size), merkle_root(now));
    for (size_t i = 0; i < size; ++i)
      ASSERT_EQ(tree.inclusion_proof(i, size), merkle_inclusion_proof(now, i));
    for (size_t old_size = 0; old_size <= size; ++old_size)
      ASSERT_EQ(tree.consistency_proof(old_size, size), merkle_consistency_proof(now, old_size));
  }
  EXPECT_EQ(tree.node(3, 2), merkle_root(std::span(leaves).subspan(16, 8)));
}

std::optional<Digest> digest_of(const json::Value& base64) {
  const auto bytes = base::from_base64(base64.as_string());
  if (!bytes) return std::nullopt;
  const auto digest = digest_from_bytes(*bytes);
  return digest ? std::optional(*digest) : std::nullopt;
}

std::optional<std::vector<Digest>> proof_of(const json::Value& vector) {
  std::vector<Digest> proof;
  if (vector["proof"].is_null()) return proof;
  for (const json::Value& hash : vector["proof"].as_array()) {
    const auto digest = digest_of(hash);
    if (!digest) return std::nullopt;
    proof.push_back(*digest);
  }
  return proof;
}

// Sizes up to 2^64-1 stand in the files; those that no int64 holds arrive as doubles, and only as
// wrong ones.
std::optional<uint64_t> size_of(const json::Value& value) {
  if (!value.is_int()) return std::nullopt;
  return static_cast<uint64_t>(value.as_int());
}

bool accepts(const json::Value& v, bool inclusion) {
  const auto proof = proof_of(v);
  if (!proof) return false;
  if (inclusion) {
    const auto leaf = digest_of(v["leafHash"]), root = digest_of(v["root"]);
    const auto index = size_of(v["leafIdx"]), size = size_of(v["treeSize"]);
    return leaf && root && index && size &&
           merkle_verify_inclusion(*leaf, *index, *size, *proof, *root);
  }
  const auto root1 = digest_of(v["root1"]), root2 = digest_of(v["root2"]);
  const auto size1 = size_of(v["size1"]), size2 = size_of(v["size2"]);
  return root1 && root2 && size1 && size2 &&
         merkle_verify_consistency(*size1, *size2, *proof, *root1, *root2);
}

TEST(Merkle, AgreesWithThePublishedProofs) {
  if (!fs::exists(kVectors)) GTEST_SKIP() << "the Merkle vectors are not here: " << kVectors;
  int count = 0;
  for (const auto& entry : fs::recursive_directory_iterator(kVectors)) {
    if (entry.path().extension() != ".json") continue;
    std::ifstream file(entry.path());
    std::string text{std::istreambuf_iterator<char>(file), {}};
    const auto parsed = json::parse(text);
    ASSERT_TRUE(parsed) << entry.path() << parsed.error().text();
    const bool inclusion = entry.path().string().find("/inclusion/") != std::string::npos;
    // That library calls a proof from the empty tree an error; the witness protocol needs it
    // (GOVERNANCE 2.16).
    const bool from_nothing =
        !inclusion && (*parsed)["size1"] == json::Value(0) && accepts(*parsed, false);
    // It also accepts roots of 12 bytes when no hashing is needed; every hash of ours has 32.
    const bool short_roots =
        entry.path().filename() == "sizes-are-equal-one-and-proof-is-empty.json";
    if (short_roots) EXPECT_FALSE(accepts(*parsed, false));
    if (!from_nothing && !short_roots) {
      EXPECT_EQ(accepts(*parsed, inclusion), !(*parsed)["wantErr"].as_bool()) << entry.path();
    }
    ++count;
  }
  EXPECT_EQ(count, 196);
}

}  // namespace
}  // namespace crypto
