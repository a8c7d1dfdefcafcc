// What takes effect by an enactment: seats taken, suspended and filled, keys recovered; and what
// ends by itself.
#include <algorithm>

#include "govern/decisions.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/steps.h"

namespace govern {
namespace {

using base::Status;

constexpr base::Duration kDay = base::seconds(86'400);

Body* body_of(Charter* charter, const std::string& id) {
  const auto found = std::ranges::find(charter->bodies, id, &Body::id);
  return found == charter->bodies.end() ? nullptr : &*found;
}

void remove_member(State* state, const Subject& subject) {
  change_charter(state, [&](Charter* charter) {
    std::erase(body_of(charter, subject.body)->members, subject.person);
  });
  state->seats_changed = true;
  state->suspensions.erase({subject.body, subject.person});
  std::erase_if(state->interims, [&](const Interim& interim) {
    return interim.body == subject.body && interim.person == subject.person;
  });
}

Status fill_seat(State* state, const Subject& subject, const Mark& at) {
  TRY_VOID(check_successor(*state, subject));
  change_charter(state, [&](Charter* charter) {
    body_of(charter, subject.body)->members.push_back(subject.person);
  });
  state->interims.push_back({subject.body, subject.person, at});
  return {};
}

Status recover_key(State* state, const Subject& subject) {
  TRY_VOID(check_new_key(*state, subject.person, subject.vkey));
  TRY(const VerifierKey key, parse_vkey(subject.vkey));
  change_charter(state, [&](Charter* charter) {
    std::ranges::find(charter->persons, subject.person, &Person::id)->keys = {key};
  });
  KeyringState& keyring = state->keyrings[subject.person];
  ++keyring.version;
  keyring.claimed.reset();
  return {};
}

// The enactment of a recovered key carries offline recovery keys beside the person's.
Status check_signers(const State& state, const ProposalState& p, const Enactment& enactment,
                     const LoggedStatement& s) {
  const Charter& charter = *state.charter;
  if (p.proposal->action != "key.recover" || charter.recovery_keys.empty()) {
    TRY_VOID(require_signer(charter, s.envelope, enactment.person));
    return {};
  }
  Charter widened = charter;
  constexpr std::string_view kRecovery = "recovery";
  widened.services.push_back({std::string(kRecovery), "recovery", charter.recovery_keys});
  TRY(const auto signers, signing_keys(widened, s.envelope));
  const auto recovery = std::ranges::count(signers, kRecovery, &Signer::id);
  if (static_cast<uint64_t>(recovery) < charter.recovery_needs)
    return refuse("SIGNER_MISSING",
                  "a key is recovered with " + std::to_string(charter.recovery_needs) +
                      " of the charter's recovery keys",
                  enactment.person);
  if (std::ranges::find(signers, enactment.person, &Signer::id) == signers.end())
    return refuse("SIGNER_MISSING", "the statement does not carry this person's signature",
                  enactment.person);
  return {};
}

Status take_effect(State* state, const ProposalState& p, const Mark& at) {
  const Subject& subject = p.proposal->subject;
  const std::string& action = p.proposal->action;
  if (action == "person.remove_executive") remove_member(state, subject);
  if (action == "person.suspend_executive") {
    const Power* power = state->charter->find_power(action);
    state->suspensions[{subject.body, subject.person}] = {at, power->must_open.empty(),
                                                          *power->max_duration};
  }
  if (action == "fill_seat") return fill_seat(state, subject, at);
  if (action == "key.recover") return recover_key(state, subject);
  return {};  // the others are a record that something may now be done
}

}  // namespace

Status apply_enactment(State* state, const LoggedStatement& s) {
  TRY(const Enactment enactment, parse_enactment(s.envelope.payload));
  TRY_VOID(check_context(*state, enactment.context));
  TRY_VOID(check_created(s.leaf, enactment.created));
  TRY(ProposalState * proposal, find_open(state, enactment.proposal, Stage::Passed));
  const std::string& action = proposal->proposal->action;
  if (!has_subject(action) || action.starts_with("charter."))
    return refuse("SUBJECT_MISMATCH", "this action takes effect by a statement of its own", action);
  if (proposal->tally != enactment.tally)
    return refuse("TALLY_MISMATCH", "the enactment names another tally", enactment.person);
  TRY_VOID(check_ready(*state, *proposal, s.leaf.time));
  TRY_VOID(require_control(*state->charter, enactment.person));
  TRY_VOID(check_signers(*state, *proposal, enactment, s));
  TRY_VOID(take_effect(state, *proposal, {s.leaf.seq, s.leaf.time}));
  state->nonces.insert(enactment.context.nonce);
  proposal->stage = Stage::Released;
  proposal->release = reference_of(s);
  return {};
}

Status check_successor(const State& state, const Subject& subject) {
  const Body* body = state.charter->find_body(subject.body);
  if (body == nullptr) return refuse("NOT_SEATED", "the charter has no such body", subject.body);
  if (body->members.size() >= body->seats)
    return refuse("SUCCESSION", "every seat of '" + body->id + "' is filled", body->id);
  const auto list = state.charter->succession.lists.find(body->id);
  if (list == state.charter->succession.lists.end())
    return refuse("SUCCESSION", "the charter has no succession list for this body", body->id);
  for (const std::string& person : list->second) {
    if (std::ranges::find(body->members, person) != body->members.end()) continue;
    if (person == subject.person) return {};
    return refuse("SUCCESSION", "the next of the succession list is " + person, subject.person);
  }
  return refuse("SUCCESSION", "the succession list is used up", subject.person);
}

void note_opened(State* state, const Proposal& proposal, base::Time now) {
  const Power* suspends = state->charter->find_power("person.suspend_executive");
  if (suspends == nullptr || suspends->must_open != proposal.action) return;
  const auto found = state->suspensions.find({proposal.subject.body, proposal.subject.person});
  if (found == state->suspensions.end()) return;
  if (!expired(*state, found->second.since.time + kDay, now)) found->second.opened = true;
}

bool end_interims(State* state, base::Time now) {
  const base::Duration max = state->charter->succession.interim_max;
  std::vector<Interim> over;
  for (const Interim& interim : state->interims) {
    if (expired(*state, interim.since.time + max, now)) over.push_back(interim);
  }
  for (const Interim& interim : over) {
    Subject seat;
    seat.body = interim.body;
    seat.person = interim.person;
    remove_member(state, seat);
  }
  return !over.empty();
}

}  // namespace govern
