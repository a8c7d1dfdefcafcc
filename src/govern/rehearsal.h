// A house in memory that rehearses a history: its keys follow from a seed, and every statement is
// signed and goes through apply() as in a house that lives on a disk. For scenarios and for the
// simulator; no key of it is anyone's.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "govern/state.h"

namespace govern {

// Keys by name, made at first use: the same seed and name give the same key.
class RehearsalKeys {
 public:
  explicit RehearsalKeys(uint64_t seed) : seed_(seed) {}
  const SignerKey& of(const std::string& name);
  const WitnessSigner& witness(const std::string& name);
  // The text with every "<VKEY name>" replaced by that key's line.
  std::string fill_in(std::string_view text);

 private:
  crypto::PrivateKey make(const std::string& name) const;
  uint64_t seed_;
  std::map<std::string, SignerKey> keys_;
  std::map<std::string, WitnessSigner> witnesses_;
};

class Rehearsal {
 public:
  explicit Rehearsal(std::shared_ptr<RehearsalKeys> keys) : keys_(std::move(keys)) {}

  // The first entry: this charter, its keys filled in, signed by the first person of a body of
  // class control. Witnesses are named in the policy's text as "<WITNESS name>".
  base::Status adopt(std::string_view charter, std::string_view witness_policy, base::Time at);

  // Signs by the names given and appends; refused statements leave no trace but in `nonces()`.
  base::Status submit(Kind kind, std::string payload, const std::vector<std::string>& signers,
                      base::Time at);
  base::Status append(LoggedStatement statement);
  LoggedStatement log_entry(Kind kind, Envelope envelope, base::Time at) const;
  Envelope sign(Kind kind, std::string payload, const std::vector<std::string>& signers) const;

  // The house as its first `count` entries leave it.
  Rehearsal replay(uint64_t count) const;

  // The checkpoint of the log as it stands, cosigned by these witnesses at their own times.
  struct WitnessTime {
    std::string name;
    base::Time time;
  };
  Envelope cosigned_checkpoint(const std::vector<WitnessTime>& witnesses) const;

  const State& state() const { return state_; }
  const std::vector<LoggedStatement>& log() const { return log_; }
  LeafReference last() const;  // the newest entry
  RehearsalKeys& keys() const { return *keys_; }
  Context context();  // of this house, with a nonce that was not there yet
  std::string nonce();

  // Payloads that follow from the state. About a proposal that is not there, they are well-formed
  // all the same: apply() says what is wrong.
  std::string ballot(const crypto::Digest& proposal, const std::string& body,
                     const std::string& person, Vote vote, base::Time at);
  std::string tally(const crypto::Digest& proposal, const std::string& person, base::Time at);
  std::string certificate(const crypto::Digest& proposal, base::Time at);
  // Of an action with a subject; open for as long as its rule allows.
  std::string proposal(const std::string& action, const Subject& subject, const std::string& person,
                       base::Time at, const crypto::Digest* petition = nullptr);
  std::string promotion(const std::string& channel, const std::string& model,
                        const Manifest& manifest, const std::string& person, base::Time at);

 private:
  std::shared_ptr<RehearsalKeys> keys_;
  State state_;
  std::vector<LoggedStatement> log_;
  uint64_t nonces_ = 0;
};

}  // namespace govern
