// What witnesses, logs and their clients send each other: requests to cosign, cosignatures,
// policies, proofs. What parses is written back as it was read, and a witness answers with a status
// of its specification.
#include "base/check.h"
#include "govern/tlog_proof.h"
#include "govern/witness_core.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  if (const auto request = govern::parse_add_checkpoint(text))
    CHECK(govern::format_add_checkpoint(*request) == text);
  if (const auto proof = govern::parse_tlog_proof(text))
    CHECK(govern::format_tlog_proof(*proof) == text);
  if (const auto key = govern::parse_witness_vkey(text))
    CHECK(govern::format_witness_vkey(*key) == text);
  if (const auto lines = govern::parse_signature_lines(text)) {
    std::string again;
    for (const govern::NoteSignature& line : *lines) again += govern::format_signature_line(line);
    CHECK(again == text);
  }
  if (const auto policy = govern::parse_witness_policy(text)) {
    std::vector<govern::Cosignature> all;
    for (const govern::PolicyWitness& witness : policy->witnesses) all.push_back({witness.key, {}});
    CHECK(govern::quorum_met(*policy, all));
  }
  // The log's own key signs what is asked for, so that what lies behind the signature is reached.
  static const govern::SignerKey log{"fuzz/log",
                                     crypto::PrivateKey::from_seed(base::Bytes(32, 7)).value()};
  static const govern::WitnessSigner witness{
      "fuzz/witness", crypto::PrivateKey::from_seed(base::Bytes(32, 8)).value()};
  const std::vector<govern::VerifierKey> known = {log.verifier()};
  auto request = govern::parse_add_checkpoint(text);
  if (!request) return 0;
  auto note = govern::parse_note(request->note);
  if (!note) return 0;
  govern::sign_note(&*note, log);
  request->note = govern::format_note(*note);
  auto read = govern::read_add_checkpoint(govern::format_add_checkpoint(*request), known);
  if (const auto* asked = std::get_if<govern::CosignRequest>(&read)) {
    const auto answer = govern::answer_add_checkpoint(*asked, std::nullopt, witness, {});
    CHECK((answer.status == 200) == answer.record.has_value());
    CHECK(answer.status == 200 || answer.status == 409 || answer.status == 422);
  }
  return 0;
}
