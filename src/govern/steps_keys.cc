// Keys over time (GOVERNANCE 3.9). A signature is judged by where it stands in the log: what a key
// signed before it was retired stays, what it signed after it was stolen goes.
#include <algorithm>

#include "govern/decisions.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {
namespace {

using base::Result;
using base::Status;

constexpr base::Duration kObjection = base::seconds(72 * 3600);

Person* person_of(Charter* charter, const std::string& id) {
  return &*std::ranges::find(charter->persons, id, &Person::id);
}

// The charter with one more key for the person, so that the new key can sign for itself.
Charter with_key(const Charter& charter, const std::string& person, const VerifierKey& key) {
  Charter widened = charter;
  person_of(&widened, person)->keys.push_back(key);
  return widened;
}

bool signed_by(const std::vector<Signer>& signers, const crypto::PublicKey& key) {
  return std::ranges::any_of(signers, [&](const Signer& s) { return s.key == key; });
}

// Two others who share a body of class control or consult with the person, that one and no other.
bool two_others(const Charter& charter, const std::string& person,
                const std::vector<Signer>& signers) {
  return std::ranges::any_of(charter.bodies, [&](const Body& body) {
    if (body.body_class == BodyClass::Economic) return false;
    const auto sits = [&](const std::string& id) {
      return std::ranges::find(body.members, id) != body.members.end();
    };
    std::set<std::string> others;
    for (const Signer& signer : signers) {
      if (signer.id != person && sits(signer.id)) others.insert(signer.id);
    }
    return sits(person) && others.size() >= 2;
  });
}

Status rotate(State* state, const Keyring& change, const LoggedStatement& s) {
  TRY_VOID(check_new_key(*state, change.person, change.vkey));
  TRY(const VerifierKey fresh, parse_vkey(change.vkey));
  TRY(const auto signers,
      signing_keys(with_key(*state->charter, change.person, fresh), s.envelope));
  const bool by_old = std::ranges::any_of(signers, [&](const Signer& signer) {
    return signer.id == change.person && signer.key != fresh.key;
  });
  const bool alone = std::ranges::all_of(
      signers, [&](const Signer& signer) { return signer.id == change.person; });
  if (!by_old || !signed_by(signers, fresh.key) || !alone)
    return refuse("SIGNER_MISSING", "an old key of the person and the new one sign a rotation",
                  change.person);
  std::optional<VerifierKey> retired;
  if (!change.retired.empty()) {
    TRY(retired, parse_vkey(change.retired));
    const auto& held = state->charter->find_person(change.person)->keys;
    if (std::ranges::find(held, *retired) == held.end())
      return refuse("BAD_KEY", "the person does not hold the key that is to go", change.person);
  }
  change_charter(state, [&](Charter* charter) {
    auto& keys = person_of(charter, change.person)->keys;
    if (retired) std::erase(keys, *retired);
    keys.push_back(fresh);
  });
  return {};
}

Status lose(State* state, const Keyring& change, const LoggedStatement& s) {
  TRY_VOID(check_new_key(*state, change.person, change.vkey));
  TRY(const VerifierKey fresh, parse_vkey(change.vkey));
  TRY(const auto signers,
      signing_keys(with_key(*state->charter, change.person, fresh), s.envelope));
  if (!signed_by(signers, fresh.key) || !two_others(*state->charter, change.person, signers))
    return refuse("SIGNER_MISSING",
                  "two others of a body of the person's, and the new key, sign for lost keys",
                  change.person);
  KeyringState& keyring = state->keyrings[change.person];
  keyring.claimed = fresh;
  keyring.claimed_at = {s.leaf.seq, s.leaf.time};
  return {};
}

Status object_to(State* state, const Keyring& change, const LoggedStatement& s) {
  TRY_VOID(require_signer(*state->charter, s.envelope, change.person));
  KeyringState& keyring = state->keyrings[change.person];
  if (!keyring.claimed)
    return refuse("STAGE", "nobody claims that this person's keys are lost", change.person);
  keyring.claimed.reset();
  return {};
}

Status confirm(State* state, const Keyring& change, const LoggedStatement& s) {
  KeyringState& keyring = state->keyrings[change.person];
  if (!keyring.claimed || format_vkey(*keyring.claimed) != change.vkey)
    return refuse("STAGE", "nobody claims that this person's keys are lost", change.person);
  TRY_VOID(check_new_key(*state, change.person, change.vkey));
  TRY(const auto signers,
      signing_keys(with_key(*state->charter, change.person, *keyring.claimed), s.envelope));
  if (!signed_by(signers, keyring.claimed->key) || signers.size() != 1)
    return refuse("SIGNER_MISSING", "the new key alone confirms that it is held", change.person);
  if (!elapsed(*state, state->charter->elapsed_witnesses, keyring.claimed_at, kObjection,
               s.leaf.time))
    return refuse("NOTICE_PENDING", "the person may object for 72 hours", change.person);
  change_charter(state, [&](Charter* charter) {
    person_of(charter, change.person)->keys = {*keyring.claimed};
  });
  keyring.claimed.reset();
  return {};
}

// Ballots that the stolen key signed no longer count; what had passed by them is open again.
void void_ballots(State* state, const crypto::PublicKey& key, uint64_t from) {
  for (auto& [digest, p] : state->proposals) {
    if (p.stage != Stage::Voting && p.stage != Stage::Passed) continue;
    const auto gone = std::erase_if(p.ballots, [&](const BallotRecord& record) {
      return record.key == key && record.at.leaf >= from;
    });
    if (gone == 0) continue;
    p.stage = Stage::Voting;
    p.tally = {};
    p.tallied = {};
    p.carried.reset();
  }
}

Status compromise(State* state, const Keyring& change, const LoggedStatement& s) {
  TRY(const VerifierKey stolen, parse_vkey(change.vkey));
  const auto& held = state->charter->find_person(change.person)->keys;
  if (std::ranges::find(held, stolen) == held.end())
    return refuse("BAD_KEY", "the person does not hold this key", change.person);
  if (change.from_leaf > s.leaf.seq)
    return refuse("INCONSISTENT", "a key is not to be believed from a leaf that is there",
                  std::to_string(change.from_leaf));
  TRY(const auto signers, signing_keys(*state->charter, s.envelope));
  const bool own = std::ranges::find(signers, change.person, &Signer::id) != signers.end();
  if (!own && !two_others(*state->charter, change.person, signers))
    return refuse("SIGNER_MISSING",
                  "a key of the person, or two others of a body, revoke a key at once",
                  change.person);
  state->revoked_keys.emplace(stolen.key, change.from_leaf);
  void_ballots(state, stolen.key, change.from_leaf);
  change_charter(state, [&](Charter* charter) {
    std::erase(person_of(charter, change.person)->keys, stolen);
  });
  return {};
}

Status change_keys(State* state, const Keyring& change, const LoggedStatement& s) {
  switch (change.change) {
    case KeyChange::Rotate:
      return rotate(state, change, s);
    case KeyChange::Lose:
      return lose(state, change, s);
    case KeyChange::Object:
      return object_to(state, change, s);
    case KeyChange::Confirm:
      return confirm(state, change, s);
    case KeyChange::Compromise:
      return compromise(state, change, s);
  }
  return {};
}

}  // namespace

Status check_new_key(const State& state, const std::string& person, const std::string& vkey) {
  TRY(const VerifierKey key, parse_vkey(vkey));
  if (state.charter->find_person(person) == nullptr)
    return refuse("SIGNER_MISSING", "the charter names no such person", person);
  const auto holds = [&](const std::vector<VerifierKey>& keys) {
    return std::ranges::any_of(keys, [&](const VerifierKey& k) { return k.key == key.key; });
  };
  const bool taken =
      std::ranges::any_of(state.charter->persons, [&](const Person& p) { return holds(p.keys); }) ||
      std::ranges::any_of(state.charter->services,
                          [&](const Service& service) { return holds(service.keys); }) ||
      holds(state.charter->recovery_keys) || state.log_key.key == key.key;
  const bool witness = state.policy != nullptr &&
                       std::ranges::any_of(state.policy->witnesses, [&](const PolicyWitness& w) {
                         return w.key.key == key.key;
                       });
  if (taken || witness || state.revoked_keys.contains(key.key))
    return refuse("BAD_KEY", "this key is somebody's already, or was revoked; make a new one",
                  key.name);
  return {};
}

Status apply_keyring(State* state, const LoggedStatement& s) {
  TRY(const Keyring change, parse_keyring(s.envelope.payload));
  TRY_VOID(check_context(*state, change.context));
  TRY_VOID(check_created(s.leaf, change.created));
  if (state->charter->find_person(change.person) == nullptr)
    return refuse("SIGNER_MISSING", "the charter names no such person", change.person);
  const auto found = state->keyrings.find(change.person);
  const KeyringState before = found == state->keyrings.end() ? KeyringState{} : found->second;
  if (change.version != before.version + 1)
    return refuse("ROLLBACK",
                  "the person's keyring is version " + std::to_string(before.version) +
                      "; the next is " + std::to_string(before.version + 1),
                  change.person);
  state->keyrings[change.person] = before;
  if (const Status changed = change_keys(state, change, s); !changed) {
    if (found == state->keyrings.end()) state->keyrings.erase(change.person);
    return changed;
  }
  state->keyrings[change.person].version = change.version;
  state->nonces.insert(change.context.nonce);
  return {};
}

}  // namespace govern
