// Cosignatures and witness policies: a signature made with a published key, every way to refuse,
// and quorums of groups in groups.
#include "govern/cosignature.h"

#include <gtest/gtest.h>

#include "base/bytes.h"
#include "govern/witness_policy.h"

namespace govern {
namespace {

base::Time at(int64_t seconds) { return {seconds * 1'000'000'000}; }

// The test keys of transparency-dev/tessera: its log and its first witness.
constexpr std::string_view kLogKey =
    "PRIVATE+KEY+example.com/log/testdata+33d7b496+AeymY/SZAX0jZcJ8enZ5FY1Dz+wTML2yWSkK+9DSF3eg";
constexpr std::string_view kWit1Key =
    "PRIVATE+KEY+Wit1+55ee4561+AeadRiG7XM4XiieCHzD8lxysXMwcViy5nYsoXURWGrlE";
constexpr std::string_view kWit1Vkey = "Wit1+9b3fb2d5+BFhZSmQj9+SoL+p/nN0Hh76xXmF7QcHfytUrI1XfSClk";

WitnessSigner wit1() { return {"Wit1", parse_signer_key(kWit1Key)->key}; }
WitnessSigner witness(std::string name) {
  return {std::move(name), crypto::PrivateKey::generate()};
}

// Its log's fifteen entries, and the line that an independent program made for them.
TEST(Cosignature, IsThePublishedOneByteForByte) {
  const Checkpoint checkpoint{
      "example.com/log/testdata", 15,
      crypto::digest_from_bytes(
          base::from_base64("rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs=").value())
          .value()};
  const NoteSignature line = cosign(format_checkpoint(checkpoint), wit1(), at(1'700'000'000));
  EXPECT_EQ(format_signature_line(line),
            "— Wit1 mz+y1QAAAABlU/EAYEDMPd8Ge7XzsHcNU+F3AzavfsuzhRT3gC4BORiySViMAWQq5znn5g+ruu+iDzt"
            "zMS3EeF6xr4ug+O66ORoSAw==\n");
}

TEST(Cosignature, KeysOfWitnessesHaveATypeOfTheirOwn) {
  EXPECT_EQ(format_witness_vkey(wit1().verifier()), kWit1Vkey);
  EXPECT_EQ(parse_witness_vkey(kWit1Vkey).value(), wit1().verifier());
  const VerifierKey as_signer{"Wit1", wit1().key.public_key()};
  EXPECT_EQ(parse_witness_vkey(format_vkey(as_signer)).error().reason, "BAD_KEY");
  EXPECT_EQ(parse_vkey(kWit1Vkey).error().reason, "BAD_KEY");
  EXPECT_EQ(parse_witness_signer(kWit1Key).error().reason, "BAD_KEY");
  const base::Secret text = format_witness_signer(wit1());
  EXPECT_EQ(parse_witness_signer(text.reveal())->verifier(), wit1().verifier());
  std::string other(kWit1Vkey);
  other[5] = other[5] == '9' ? '8' : '9';
  EXPECT_EQ(parse_witness_vkey(other).error().reason, "BAD_KEY");
}

class NoteOfWitnesses : public testing::Test {
 protected:
  const SignerKey log_ = parse_signer_key(kLogKey).value();
  const Checkpoint checkpoint_{log_.name, 7, crypto::sha256("root")};
  Note note_ = parse_note(signed_checkpoint(checkpoint_, log_)).value();
};

TEST_F(NoteOfWitnesses, TellsWhoSignedWhen) {
  const WitnessSigner a = witness("a"), b = witness("b"), stranger = witness("c");
  note_.signatures.push_back(cosign(note_.text, a, at(1000)));
  note_.signatures.push_back(cosign(note_.text, stranger, at(2000)));
  note_.signatures.push_back(cosign(note_.text, a, at(3000)));
  note_.signatures.push_back(note_.signatures.back());
  const WitnessKey known[] = {b.verifier(), a.verifier()};
  const auto read = parse_note(format_note(note_)).value();
  const std::vector<Cosignature> expected = {{a.verifier(), at(1000)}, {a.verifier(), at(3000)}};
  EXPECT_EQ(verify_cosignatures(read, known).value(), expected);
}

TEST_F(NoteOfWitnesses, ABadOneOfAKnownWitnessRefusesTheNote) {
  const WitnessSigner a = witness("a");
  const WitnessKey known[] = {a.verifier()};
  const NoteSignature good = cosign(note_.text, a, at(1000));
  std::vector<NoteSignature> bad(4, good);
  bad[0].bytes[7] ^= 1;                            // another time
  bad[1].bytes.back() ^= 1;                        // another signature
  bad[2].bytes.pop_back();                         // too short
  bad[3].bytes.replace(0, 4, "\x7f\xff\xff\xff");  // a time far away
  for (const NoteSignature& signature : bad) {
    Note note = note_;
    note.signatures.push_back(signature);
    EXPECT_EQ(verify_cosignatures(note, known).error().reason, "BAD_SIG");
  }
  Note moved{"other\n1\n" + base::base64(checkpoint_.root) + "\n", {good}};
  EXPECT_EQ(verify_cosignatures(moved, known).error().reason, "BAD_SIG");
  // The log's own signature, under the witness's name and id: an Ed25519 signature over the text
  // alone is no cosignature.
  const auto plain = a.key.sign(base::as_bytes(note_.text));
  Note crossed = note_;
  crossed.signatures.push_back(
      {"a", a.verifier().id(), good.bytes.substr(0, 8) + std::string(base::as_text(plain))});
  EXPECT_FALSE(verify_cosignatures(crossed, known));
}

class PolicyTest : public NoteOfWitnesses {
 protected:
  std::string line(const std::string& name, const WitnessSigner& signer) const {
    return "witness " + name + " " + format_witness_vkey(signer.verifier()) + "\n";
  }
  std::string log_line() const { return "log " + format_vkey(log_.verifier()) + "\n"; }
  std::vector<Cosignature> by(std::initializer_list<const WitnessSigner*> signers) const {
    std::vector<Cosignature> out;
    for (const WitnessSigner* s : signers) out.push_back({s->verifier(), at(1)});
    return out;
  }
  const WitnessSigner x1_ = witness("x1"), x2_ = witness("x2"), x3_ = witness("x3"),
                      y1_ = witness("y1"), y2_ = witness("y2");
  const std::string witnesses_ =
      line("X1", x1_) + line("X2", x2_) + line("X3", x3_) + line("Y1", y1_) + line("Y2", y2_);
};

TEST_F(PolicyTest, GroupsNest) {
  const auto policy =
      parse_witness_policy("# two houses\n" + log_line() + "\n" + witnesses_ +
                           "group X 2 X1 X2 X3\n \tgroup\tY any Y1 Y2\ngroup both all X Y \n"
                           "quorum both\n");
  ASSERT_TRUE(policy) << policy.error().text();
  EXPECT_EQ(policy->witnesses.size(), 5u);
  EXPECT_TRUE(quorum_met(*policy, by({&x1_, &x3_, &y2_})));
  EXPECT_FALSE(quorum_met(*policy, by({&x1_, &x2_, &x3_})));
  EXPECT_FALSE(quorum_met(*policy, by({&x1_, &y1_, &y2_})));
  EXPECT_FALSE(quorum_met(*policy, by({&x1_, &x1_, &y1_}))) << "one key is one witness";
  EXPECT_FALSE(quorum_met(*policy, {}));
}

TEST_F(PolicyTest, ReadsACheckpoint) {
  const auto policy = parse_witness_policy(log_line() + witnesses_ + "quorum X1\n").value();
  const auto bare = open_witnessed(policy, format_note(note_)).value();
  EXPECT_EQ(bare.checkpoint, checkpoint_);
  EXPECT_FALSE(bare.quorum_met);
  note_.signatures.push_back(cosign(note_.text, x1_, at(77)));
  const auto full = open_witnessed(policy, format_note(note_)).value();
  EXPECT_TRUE(full.quorum_met);
  EXPECT_EQ(full.cosignatures, (std::vector<Cosignature>{{x1_.verifier(), at(77)}}));
  EXPECT_EQ(open_witnessed(policy, "other" + format_note(note_)).error().reason,
            "CONTEXT_MISMATCH");
  note_.signatures.back().bytes[20] ^= 1;
  EXPECT_EQ(open_witnessed(policy, format_note(note_)).error().reason, "BAD_SIG");
}

TEST_F(PolicyTest, WithoutLogsTakesTheOneThatIsKnownOtherwise) {
  const auto policy = parse_witness_policy("quorum none\n").value();
  EXPECT_TRUE(open_witnessed(policy, log_.verifier(), format_note(note_))->quorum_met);
  EXPECT_FALSE(open_witnessed(policy, format_note(note_)));
  const SignerKey other{log_.name, crypto::PrivateKey::generate()};
  EXPECT_EQ(open_witnessed(policy, other.verifier(), format_note(note_)).error().reason, "BAD_SIG");
  const auto with_log = parse_witness_policy(log_line() + "quorum none\n").value();
  EXPECT_EQ(open_witnessed(with_log, other.verifier(), format_note(note_)).error().reason,
            "CONTEXT_MISMATCH");
}

TEST_F(PolicyTest, RefusesWhatIsNotOne) {
  const std::string end = "quorum none\n";
  for (const std::string& bad :
       std::vector<std::string>{"",
                                witnesses_,
                                end + end,
                                "quorum X1\n" + witnesses_,
                                "quorum none",
                                witnesses_ + "group G 0 X1 X2\n" + end,
                                witnesses_ + "group G 3 X1 X2\n" + end,
                                witnesses_ + "group G -1 X1 X2\n" + end,
                                witnesses_ + "group G 01 X1\n" + end,
                                witnesses_ + "group G any\n" + end,
                                witnesses_ + "group G any X1 X1\n" + end,
                                witnesses_ + "group G any X1\ngroup H any X1 X2\n" + end,
                                witnesses_ + "group G any G\n" + end,
                                witnesses_ + "group G any none\n" + end,
                                witnesses_ + "group X1 any X2\n" + end,
                                witnesses_ + "group none any X2\n" + end,
                                witnesses_ + "group G any H\ngroup H any X1\n" + end,
                                witnesses_ + "group G some X1\n" + end,
                                witnesses_ + line("X1", witness("z")) + end,
                                "witness W\n" + end,
                                "log\n" + end,
                                "logs x\n" + end,
                                log_line() + "quorum\n",
                                "quorum none\r\n",
                                "quorum none x\n",
                                "witness W " + format_vkey(log_.verifier()) + "\n" + end,
                                "log " + format_witness_vkey(x1_.verifier()) + "\n" + end,
                                end + std::string("\0\n", 2),
                                std::string(1'048'577, '\n')}) {
    EXPECT_FALSE(parse_witness_policy(bad)) << bad.substr(0, 200);
  }
}

// The same raw bytes are one voice, whatever their names and types.
TEST_F(PolicyTest, OneKeyIsOneLogOrOneWitness) {
  const WitnessSigner again{"other-name", x1_.key};
  const SignerKey as_log{"a-log", x1_.key};
  const std::string end = "quorum none\n";
  EXPECT_EQ(parse_witness_policy(line("A", x1_) + line("B", again) + end).error().reason,
            "BAD_KEY");
  EXPECT_EQ(
      parse_witness_policy("log " + format_vkey(as_log.verifier()) + "\n" + line("A", x1_) + end)
          .error()
          .reason,
      "BAD_KEY");
  EXPECT_EQ(parse_witness_policy(log_line() + log_line() + end).error().reason, "BAD_KEY");
}

}  // namespace
}  // namespace govern
