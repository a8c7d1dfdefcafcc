// A witness's answers, one by one as the specification numbers them, and proofs that travel.
#include "govern/witness_core.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "crypto/merkle.h"
#include "govern/tlog_proof.h"

namespace govern {
namespace {

const base::Time kNow{1'700'000'000'000'000'000};

class WitnessCore : public testing::Test {
 protected:
  WitnessCore() {
    for (int i = 0; i < 20; ++i)
      leaves_.push_back(crypto::merkle_leaf(base::as_bytes(std::to_string(i))));
  }
  std::span<const crypto::Digest> first(uint64_t size) const {
    return std::span(leaves_).first(size);
  }
  Checkpoint checkpoint(uint64_t size) const {
    return {log_.name, size, crypto::merkle_root(first(size))};
  }
  std::string body(uint64_t old_size, uint64_t size) const {
    return format_add_checkpoint({old_size, crypto::merkle_consistency_proof(first(size), old_size),
                                  signed_checkpoint(checkpoint(size), log_)});
  }
  // What a witness says that holds what it was last told.
  WitnessAnswer post(const std::string& text) {
    const VerifierKey known[] = {other_.verifier(), log_.verifier()};
    auto read = read_add_checkpoint(text, known);
    if (auto* answer = std::get_if<WitnessAnswer>(&read)) return *answer;
    auto answer = answer_add_checkpoint(std::get<CosignRequest>(read), cosigned_, witness_, kNow);
    EXPECT_EQ(answer.status == 200, answer.record.has_value());
    if (answer.record) cosigned_ = open_checkpoint(*answer.record, log_.verifier()).value();
    return answer;
  }

  const SignerKey log_{"log.example/one", crypto::PrivateKey::generate()};
  const SignerKey other_{"log.example/two", crypto::PrivateKey::generate()};
  const WitnessSigner witness_{"w.example", crypto::PrivateKey::generate()};
  std::vector<crypto::Digest> leaves_;
  std::optional<Checkpoint> cosigned_;
};

TEST_F(WitnessCore, CosignsALogThatGrows) {
  for (const auto& [from, to] : {std::pair{0u, 0u}, {0u, 5u}, {5u, 5u}, {5u, 8u}, {8u, 20u}}) {
    const WitnessAnswer answer = post(body(from, to));
    ASSERT_EQ(answer.status, 200) << from << ' ' << to << answer.body;
    Note note = parse_note(signed_checkpoint(checkpoint(to), log_)).value();
    note.signatures = parse_signature_lines(answer.body).value();
    const WitnessKey known[] = {witness_.verifier()};
    EXPECT_EQ(verify_cosignatures(note, known).value(),
              (std::vector<Cosignature>{{witness_.verifier(), kNow}}));
    const Note record = parse_note(*answer.record).value();
    EXPECT_EQ(record.signatures.size(), 2u) << "the log's and its own";
    EXPECT_EQ(cosigned_, checkpoint(to));
  }
}

TEST_F(WitnessCore, AnswersAsTheSpecificationNumbersThem) {
  EXPECT_EQ(post(body(3, 7)).status, 409) << "it has cosigned nothing yet";
  EXPECT_EQ(post(body(3, 7)).body, "0\n");
  ASSERT_EQ(post(body(0, 7)).status, 200);
  const WitnessAnswer conflict = post(body(5, 9));
  EXPECT_EQ(conflict.status, 409);
  EXPECT_EQ(conflict.content_type, "text/x.tlog.size");
  EXPECT_EQ(conflict.body, "7\n");
  EXPECT_EQ(post(body(0, 9)).status, 409) << "also from nothing";

  const auto with = [&](uint64_t old_size, std::vector<crypto::Digest> proof,
                        const Checkpoint& next) {
    return post(format_add_checkpoint({old_size, std::move(proof), signed_checkpoint(next, log_)}));
  };
  const auto proof = crypto::merkle_consistency_proof(first(9), 7);
  auto wrong = proof;
  wrong[0][0] ^= 1;
  EXPECT_EQ(with(7, wrong, checkpoint(9)).status, 422);
  EXPECT_EQ(with(7, {}, checkpoint(9)).status, 422);
  Checkpoint forked = checkpoint(7);
  forked.root[0] ^= 1;
  EXPECT_EQ(with(7, {}, forked).status, 422) << "one size, two roots";
  EXPECT_EQ(with(7, proof, checkpoint(7)).status, 422) << "nothing to prove between equal sizes";
  EXPECT_EQ(with(9, {}, checkpoint(7)).status, 400) << "the old size is beyond the new one";
  EXPECT_EQ(with(7, std::vector(64, proof[0]), checkpoint(9)).status, 400);
  EXPECT_EQ(cosigned_, checkpoint(7)) << "no refusal changes what was cosigned";
  EXPECT_EQ(with(7, proof, checkpoint(9)).status, 200);
}

TEST_F(WitnessCore, AnEmptyLogHasOneRoot) {
  Checkpoint odd = checkpoint(0);
  odd.root[0] ^= 1;
  EXPECT_EQ(post(format_add_checkpoint({0, {}, signed_checkpoint(odd, log_)})).status, 422);
  const auto proof = crypto::merkle_consistency_proof(first(9), 7);
  EXPECT_EQ(post(format_add_checkpoint({0, proof, signed_checkpoint(checkpoint(9), log_)})).status,
            422);
}

TEST_F(WitnessCore, KnowsItsLogsByTheirKeys) {
  const SignerKey stranger{"log.example/three", crypto::PrivateKey::generate()};
  const SignerKey thief{log_.name, crypto::PrivateKey::generate()};
  const auto signed_by = [&](const SignerKey& key, const std::string& origin) {
    return post(format_add_checkpoint(
        {0, {}, signed_checkpoint({origin, 0, crypto::merkle_empty_root()}, key)}));
  };
  EXPECT_EQ(signed_by(stranger, stranger.name).status, 404);
  EXPECT_EQ(signed_by(thief, log_.name).status, 403);
  EXPECT_EQ(signed_by(other_, log_.name).status, 403) << "the key of another log that it knows";
  std::string broken = body(0, 3);
  Note note = parse_note(signed_checkpoint(checkpoint(3), log_)).value();
  note.signatures[0].bytes[1] ^= 1;
  EXPECT_EQ(post(format_add_checkpoint({0, {}, format_note(note)})).status, 403);
  // Signatures of strangers are ignored, and not kept.
  note = parse_note(signed_checkpoint(checkpoint(3), log_)).value();
  sign_note(&note, stranger);
  const WitnessAnswer answer = post(format_add_checkpoint({0, {}, format_note(note)}));
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.record->find(stranger.name), std::string::npos);
}

TEST_F(WitnessCore, AnswersBadRequestsWithFourHundred) {
  const std::string note = signed_checkpoint(checkpoint(3), log_), hash = base::base64(leaves_[0]);
  for (const std::string& bad : std::vector<std::string>{
           "", "old 0", "old 0\n", "old 00\n\n" + note, "old -1\n\n" + note, "old\n\n" + note,
           "new 0\n\n" + note, "old 0\n" + note, "old 0\nAAAA\n\n" + note,
           "old 0\n" + hash + "=\n\n" + note, "old 0\n" + hash.substr(0, 43) + "\n\n" + note,
           "old 0\r\n\r\n" + note, "old 0\n\n" + note.substr(0, note.size() - 1),
           "old 0\n\n" + signed_note(log_.name + "\n007\n" + hash + "\n", log_),
           "old 0\n\n" + signed_note(log_.name + "\n3\n" + hash + "\nmore\n", log_),
           "old 0\n\n" + std::string(kAddCheckpointBytesMax, 'x')})
    EXPECT_EQ(post(bad).status, 400) << bad.substr(0, 100);
  const AddCheckpoint read = parse_add_checkpoint(body(0, 3)).value();
  EXPECT_EQ(format_add_checkpoint(read), body(0, 3));
}

// What a verifier that has seen a checkpoint takes for the same log.
TEST_F(WitnessCore, AShorterOrForkedLogIsInconsistent) {
  const auto proof = crypto::merkle_consistency_proof(first(9), 7);
  EXPECT_TRUE(check_growth(checkpoint(7), checkpoint(9), proof));
  EXPECT_TRUE(check_growth(checkpoint(7), checkpoint(7), {}));
  Checkpoint forked = checkpoint(7);
  forked.root[3] ^= 1;
  EXPECT_EQ(check_growth(checkpoint(9), checkpoint(7), {}).error().reason, "INCONSISTENT");
  EXPECT_EQ(check_growth(checkpoint(7), forked, {}).error().reason, "INCONSISTENT");
  EXPECT_EQ(check_growth(forked, checkpoint(9), proof).error().reason, "INCONSISTENT");
  EXPECT_EQ(check_growth(checkpoint(7), checkpoint(9), {}).error().reason, "INCONSISTENT");
}

class TlogProofTest : public WitnessCore {
 protected:
  TlogProofTest() {
    Note note = parse_note(signed_checkpoint(checkpoint(9), log_)).value();
    note.signatures.push_back(cosign(note.text, witness_, kNow));
    proof_ = {std::nullopt, 4, crypto::merkle_inclusion_proof(first(9), 4), format_note(note)};
    policy_ = parse_witness_policy("log " + format_vkey(log_.verifier()) + "\nwitness w " +
                                   format_witness_vkey(witness_.verifier()) + "\nquorum w\n")
                  .value();
  }
  TlogProof proof_;
  WitnessPolicy policy_;
};

TEST_F(TlogProofTest, VerifiesWithoutANetwork) {
  const auto seen = verify_tlog_proof(proof_, "4", policy_);
  ASSERT_TRUE(seen) << seen.error().text();
  EXPECT_EQ(seen->checkpoint.size, 9u);
  EXPECT_EQ(seen->cosignatures.at(0).time, kNow);
  for (const std::optional<std::string>& extra :
       {std::optional<std::string>(), std::optional<std::string>("\x01 more")}) {
    proof_.extra = extra;
    const std::string text = format_tlog_proof(proof_);
    const TlogProof again = parse_tlog_proof(text).value();
    EXPECT_EQ(format_tlog_proof(again), text);
    EXPECT_EQ(again.extra, extra);
    EXPECT_TRUE(verify_tlog_proof(again, "4", policy_));
  }
}

TEST_F(TlogProofTest, RefusesByName) {
  EXPECT_EQ(verify_tlog_proof(proof_, "5", policy_).error().reason, "INCONSISTENT");
  TlogProof other = proof_;
  other.index = 5;
  EXPECT_EQ(verify_tlog_proof(other, "4", policy_).error().reason, "INCONSISTENT");
  other = proof_;
  other.checkpoint = signed_checkpoint(checkpoint(9), log_);
  EXPECT_EQ(verify_tlog_proof(other, "4", policy_).error().reason, "THRESHOLD_UNMET");
  other.checkpoint = signed_checkpoint(checkpoint(9), other_);
  EXPECT_EQ(verify_tlog_proof(other, "4", policy_).error().reason, "BAD_SIG");
}

TEST_F(TlogProofTest, ReadsStrictly) {
  const std::string good = format_tlog_proof(proof_);
  const auto replaced = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    return text.replace(text.find(from), from.size(), to);
  };
  for (const std::string& bad : std::vector<std::string>{
           "", good.substr(1), replaced("@v1", "@v2"), replaced("index 4", "index 04"),
           replaced("index 4", "index"), replaced("index 4\n", ""),
           replaced("index 4", "extra *\nindex 4"), replaced("index 4", "index 4\nindex 4"),
           replaced("\n\n", "\n"), good + "x", replaced("index 4", "index 4\nAAAA")})
    EXPECT_FALSE(parse_tlog_proof(bad)) << bad.substr(0, 60);
}

}  // namespace
}  // namespace govern
