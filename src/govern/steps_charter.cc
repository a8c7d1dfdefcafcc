// The charter, its amendments, and what witnesses say about the time.
#include <algorithm>

#include "govern/decisions.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {

using base::Result;
using base::Status;

namespace {

constexpr base::Duration kClockSlack = base::seconds(300);  // a witness may be a little ahead of us

// The policy that the charter pins, if it does: its text stands beside the charter in the log.
Result<std::shared_ptr<const WitnessPolicy>> pinned_policy(const Charter& charter,
                                                           const std::string& text) {
  if (!charter.witness_policy_sha256) {
    if (text.empty()) return nullptr;
    return refuse("CONTEXT_MISMATCH", "the charter pins no witness policy", charter.id);
  }
  if (crypto::sha256(text) != *charter.witness_policy_sha256)
    return corrupt("DIGEST_MISMATCH", "the witness policy is not the one that the charter pins",
                   charter.witness_policy);
  TRY(WitnessPolicy policy, parse_witness_policy(text));
  if (policy.witnesses.size() < charter.elapsed_witnesses)
    return refuse("CHARTER_LINT",
                  "the policy names fewer witnesses than elapsed_witnesses asks for",
                  charter.witness_policy);
  for (const PolicyWitness& witness : policy.witnesses) {
    const auto is_witness = [&](const VerifierKey& key) { return key.key == witness.key.key; };
    const bool reused = std::ranges::any_of(charter.persons,
                                            [&](const Person& p) {
                                              return std::ranges::any_of(p.keys, is_witness);
                                            }) ||
                        std::ranges::any_of(charter.services, [&](const Service& service) {
                          return std::ranges::any_of(service.keys, is_witness);
                        });
    if (reused)
      return refuse("BAD_KEY", "a witness's key is somebody's in the charter too", witness.name);
  }
  return std::make_shared<const WitnessPolicy>(std::move(policy));
}

Status found_house(State* state, const CharterStatement& statement, const LoggedStatement& s) {
  TRY(Charter charter, parse_charter(statement.text));
  const crypto::Digest digest = crypto::sha256(statement.text);
  TRY(VerifierKey log_key, parse_vkey(statement.log_vkey));
  const Context place{charter.id, charter.version, digest, charter.origin(),
                      statement.context.nonce};
  if (!(place == statement.context) || log_key.name != charter.origin())
    return refuse("CONTEXT_MISMATCH",
                  "the charter's statement does not name this charter and its log", charter.id);
  if (charter.version != 1 || statement.proposal)
    return refuse("CHARTER_CHAIN", "a house starts from version 1 of its charter", charter.id);
  TRY(auto policy, pinned_policy(charter, statement.witness_policy));
  TRY(const auto signers, signers_of(charter, s.envelope));
  const auto members = charter.control_persons();
  if (std::ranges::none_of(members,
                           [&](const std::string& person) { return signers.contains(person); }))
    return refuse("SIGNER_MISSING",
                  "the charter is signed by nobody with a seat in a body of class control",
                  charter.id);
  state->charter = std::make_shared<const Charter>(std::move(charter));
  state->policy = std::move(policy);
  state->place = place;
  state->place.nonce.clear();
  state->genesis = digest;
  state->log_key = std::move(log_key);
  state->nonces.insert(statement.context.nonce);
  return {};
}

// The new text with the keys that persons changed since the old one. A revoked key never returns.
Result<Charter> parse_next(const State& state, const Subject& subject) {
  TRY(Charter next, parse_charter(subject.text));
  const Charter& current = *state.charter;
  if (next.id != current.id || next.version != current.version + 1 ||
      next.prev_sha256 != crypto::hex(state.place.charter_sha256))
    return refuse("CHARTER_CHAIN",
                  "the next charter is version " + std::to_string(current.version + 1) + " of '" +
                      current.id + "', with prev_sha256 = \"" +
                      crypto::hex(state.place.charter_sha256) + "\"",
                  next.id);
  for (Person& person : next.persons) {
    for (const VerifierKey& key : person.keys) {
      if (state.revoked_keys.contains(key.key))
        return refuse("BAD_KEY", "the charter names a key that was revoked", person.id);
    }
    const Person* before = current.find_person(person.id);
    if (before != nullptr && state.keyrings.contains(person.id)) person.keys = before->keys;
  }
  return next;
}

// Possession: enough seats of the body that will decide about the charter sign it, and every key
// that is new to the house.
Status check_new_seats(const State& state, const Charter& next,
                       const std::vector<Signer>& signers) {
  const Power* power = next.find_power("charter.amend");
  if (power == nullptr || power->any_one())
    return refuse("CHARTER_CHAIN", "under the next charter nobody could amend it", next.id);
  const Body* body = next.find_body(power->body);
  const Rule rule = terms_of(next, *power);
  const auto has_signed = [&](const std::string& person) {
    return std::ranges::find(signers, person, &Signer::id) != signers.end();
  };
  const auto count = std::ranges::count_if(body->members, has_signed);
  if (static_cast<uint64_t>(count) < std::max(rule.floor_for, rule.threshold.of(body->seats)))
    return refuse("CHARTER_CHAIN",
                  "the next charter is signed by " + std::to_string(count) + " of '" + body->id +
                      "', not by as many as it would take to amend it",
                  next.id);
  for (const std::string& person : next.control_persons()) {
    const Person* before = state.charter->find_person(person);
    for (const VerifierKey& key : next.find_person(person)->keys) {
      const bool known =
          before != nullptr && std::ranges::find(before->keys, key) != before->keys.end();
      if (known && state.charter->sits_in(person, BodyClass::Control)) continue;
      if (std::ranges::none_of(signers, [&](const Signer& s) { return s.key == key.key; }))
        return refuse("CHARTER_CHAIN", "a new seat or a new key has not signed the charter",
                      person);
    }
  }
  return {};
}

bool everything_stopped(const State& state) {
  return std::ranges::any_of(state.life.stops, [](const auto& entry) {
    return !entry.second.closed && entry.second.channel == kAllChannels;
  });
}

Status amend(State* state, const CharterStatement& statement, const LoggedStatement& s) {
  if (!statement.proposal)
    return refuse("CHARTER_CHAIN",
                  "the house has a charter; the next one is an amendment that "
                  "passed, and names its proposal");
  TRY(ProposalState * proposal, find_open(state, *statement.proposal, Stage::Passed));
  const Subject& subject = proposal->proposal->subject;
  if (!proposal->proposal->action.starts_with("charter.") || subject.text != statement.text ||
      subject.witness_policy != statement.witness_policy)
    return refuse("SUBJECT_MISMATCH", "the text is not the one that passed",
                  crypto::hex(*statement.proposal));
  TRY(Charter next, parse_next(*state, subject));
  const Context place{next.id, next.version, crypto::sha256(statement.text), next.origin(),
                      statement.context.nonce};
  if (!(place == statement.context) || statement.log_vkey != format_vkey(state->log_key))
    return refuse("CONTEXT_MISMATCH",
                  "the charter's statement does not name this charter and its log", next.id);
  if (state->nonces.contains(statement.context.nonce))
    return refuse("REPLAY", "the same statement was logged before", statement.context.nonce);
  TRY(auto policy, pinned_policy(next, statement.witness_policy));
  TRY_VOID(check_ready(*state, *proposal, s.leaf.time));
  if (!proposal->restricts && everything_stopped(*state))
    return refuse("STOPPED", "while everything is stopped, the charter is only made stricter",
                  next.id);
  TRY(const auto signers, signing_keys(next, s.envelope));
  TRY_VOID(check_new_seats(*state, next, signers));
  state->charter = std::make_shared<const Charter>(std::move(next));
  state->policy = std::move(policy);
  state->place = place;
  state->place.nonce.clear();
  state->interims.clear();
  std::erase_if(state->witnesses, [&](const auto& entry) {
    return state->policy == nullptr ||
           std::ranges::none_of(state->policy->witnesses, [&](const PolicyWitness& witness) {
             return witness.key.key == entry.first;
           });
  });
  state->nonces.insert(statement.context.nonce);
  proposal->stage = Stage::Released;
  proposal->release = reference_of(s);
  return {};
}

// Keeps the earliest time for each size: a later checkpoint with an earlier time says more.
void sight(WitnessClock* clock, uint64_t size, base::Time time) {
  clock->latest = std::max(clock->latest, time);
  auto& seen = clock->sightings;
  const auto place = std::ranges::lower_bound(seen, size, {}, &WitnessClock::Sighting::size);
  if (place != seen.end() && place->time <= time) return;  // a larger one was seen no later
  auto first = place;
  while (first != seen.begin() && std::prev(first)->time >= time) --first;
  const auto last = place != seen.end() && place->size == size ? std::next(place) : place;
  seen.insert(seen.erase(first, last), {size, time});
}

}  // namespace

Status apply_charter(State* state, const LoggedStatement& s) {
  TRY(const CharterStatement statement, parse_charter_statement(s.envelope.payload));
  if (state->started()) return amend(state, statement, s);
  if (s.leaf.seq != 0) return refuse("CHARTER_CHAIN", "a charter starts a log");
  return found_house(state, statement, s);
}

Result<CharterDiff> check_amendment(const State& state, const Subject& subject) {
  TRY(const Charter next, parse_next(state, subject));
  TRY_VOID(pinned_policy(next, subject.witness_policy));
  return diff_charters(state.charter->text, subject.text);
}

Status apply_cosigned(State* state, const LoggedStatement& s) {
  if (state->policy == nullptr)
    return refuse("CONTEXT_MISMATCH", "the charter names no witnesses", state->place.origin);
  TRY_VOID(verify_envelope(s.envelope, {&state->log_key.key, 1}));
  TRY(const WitnessedCheckpoint seen,
      open_witnessed(*state->policy, state->log_key, s.envelope.payload));
  if (seen.checkpoint.size > s.leaf.seq)
    return refuse("INCONSISTENT", "the checkpoint is of a longer log than this one",
                  std::to_string(seen.checkpoint.size));
  bool is_new = false;
  for (const Cosignature& cosignature : seen.cosignatures) {
    if (cosignature.time > s.leaf.time + kClockSlack)
      return refuse("TIME_ORDER", "a witness signed in the future; is this machine's clock right?",
                    cosignature.witness.name);
    const auto known = state->witnesses.find(cosignature.witness.key);
    is_new = is_new || known == state->witnesses.end() || known->second.latest < cosignature.time ||
             known->second.sightings.back().size < seen.checkpoint.size;
  }
  if (!is_new) return refuse("REPLAY", "no witness says anything new", state->place.origin);
  for (const Cosignature& cosignature : seen.cosignatures)
    sight(&state->witnesses[cosignature.witness.key], seen.checkpoint.size, cosignature.time);
  return {};
}

}  // namespace govern
