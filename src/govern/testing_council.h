// For tests: charters/nonprofit.toml with everybody's keys at hand and three witnesses, on a log in
// memory. Every refused statement is checked to leave the state as it was.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include "govern/decisions.h"
#include "govern/state.h"

namespace govern::testing {

inline std::string read_charter(const std::string& name) {
  std::ifstream file(std::string(CHARTER_SOURCE_DIR "/charters/") + name);
  return {std::istreambuf_iterator<char>(file), {}};
}

inline std::string put(std::string text, std::string_view from, std::string_view to) {
  const size_t at = text.find(from);
  EXPECT_NE(at, text.npos) << from;
  return at == text.npos ? text : text.replace(at, from.size(), to);
}

class Council {
 public:
  explicit Council(const std::function<std::string(std::string)>& edit = {}) {
    text = read_charter("nonprofit.toml");
    for (size_t at = text.find("\"<VKEY "); at != text.npos; at = text.find("\"<VKEY ", at)) {
      const size_t end = text.find(">\"", at);
      const std::string name = text.substr(at + 7, end - at - 7);
      text.replace(at, end + 2 - at, "\"" + format_vkey(key(name).verifier()) + "\"");
    }
    for (int i = 1; i <= 3; ++i) {
      const std::string name = "w" + std::to_string(i);
      witnesses.push_back({name, key(name).key});
      policy += "witness " + name + " " + format_witness_vkey(witnesses.back().verifier()) + "\n";
    }
    policy += "group two 2 w1 w2 w3\nquorum two\n";
    text = put(text, "<POLICY SHA256>", crypto::hex(crypto::sha256(policy)));
    if (edit) text = edit(text);
    const SignerKey& log = key("example-nonprofit/lab/log");
    CharterStatement charter{context(), text, format_vkey(log.verifier()), policy, {}};
    charter.context.charter_sha256 = crypto::sha256(text);
    must(Kind::Charter, format_charter_statement(charter), {"p.ada"});
  }

  const SignerKey& key(const std::string& name) {
    const auto found = keys.find(name);
    if (found != keys.end()) return found->second;
    const crypto::Digest seed = crypto::sha256("seed of " + name);
    return keys.emplace(name, SignerKey{name, crypto::PrivateKey::from_seed(seed).value()})
        .first->second;
  }
  Context context() {
    Context out{"example-nonprofit/lab", 1, crypto::sha256(text), "example-nonprofit/lab/log", ""};
    if (state.started()) out = state.place;
    out.nonce = crypto::hex(crypto::sha256("nonce " + std::to_string(nonces++)));
    return out;
  }

  std::string log(Kind kind, Envelope envelope) {
    const auto subject = subject_of(kind, envelope.payload);
    if (!subject) return subject.error().reason;
    const crypto::Digest before = state_hash(state);
    const LoggedStatement statement{{kind, state.next, envelope_digest(envelope), *subject, now},
                                    std::move(envelope)};
    const auto applied = apply(&state, statement);
    if (!applied) {
      EXPECT_EQ(state_hash(state), before) << applied.error().text();
      message = applied.error().text();
      return applied.error().reason;
    }
    history.push_back(statement);
    last = {statement.leaf.seq, statement.leaf.envelope};
    return "accepted";
  }
  std::string say(Kind kind, const std::string& payload, const std::vector<std::string>& signers) {
    Envelope envelope{payload_type(kind), payload, {}};
    for (const std::string& name : signers) sign_envelope(&envelope, key(name));
    return log(kind, std::move(envelope));
  }
  void must(Kind kind, const std::string& payload, const std::vector<std::string>& signers) {
    const std::string answer = say(kind, payload, signers);
    ASSERT_EQ(answer, "accepted") << kind_name(kind) << ": " << message;
  }

  Proposal motion(const std::string& action, const Subject& subject, const std::string& person) {
    Proposal p;
    p.context = context();
    p.action = action;
    p.subject = subject;
    p.person = person;
    p.created = now;
    p.expires = now + base::seconds(14 * 86'400);
    return p;
  }
  std::string propose(const std::string& action, const Subject& subject,
                      const std::string& person = "p.ada") {
    const std::string payload = format_proposal(motion(action, subject, person));
    const std::string answer = say(Kind::Proposal, payload, {person});
    if (answer == "accepted") open = crypto::sha256(payload);
    return answer;
  }
  ProposalState& proposal() { return state.proposals.at(open); }

  Ballot ballot(const std::string& body, const std::string& person, Vote vote = Vote::For) {
    Ballot b;
    b.context = context();
    b.proposal = open;
    b.body = body;
    b.person = person;
    b.vote = vote;
    b.checkpoint_size = state.next;
    b.created = now;
    b.expires = now + base::seconds(100 * 86'400);
    return b;
  }
  std::string vote(const std::string& body, const std::string& person, Vote vote = Vote::For) {
    return say(Kind::Ballot, format_ballot(ballot(body, person, vote)), {person});
  }
  void all_for(const std::string& body, const std::vector<std::string>& persons) {
    for (const std::string& person : persons) EXPECT_EQ(vote(body, person), "accepted") << message;
  }
  std::string tell(std::vector<std::string> persons, bool delivery = true,
                   const std::string& by = "p.ada") {
    std::ranges::sort(persons);
    const Notice notice{context(), open, by, delivery, std::move(persons), "by hand", now};
    return say(Kind::Notice, format_notice(notice), {by});
  }
  void tell_all() {
    if (const auto missing = not_yet_told(proposal()); !missing.empty())
      EXPECT_EQ(tell(missing), "accepted") << message;
  }
  std::string tally(const std::string& person = "p.bea") {
    TallyStatement t{context(), open, person, {}, outcome_to_json(count_ballots(state, proposal())),
                     now};
    for (const BallotRecord& record : proposal().ballots) t.ballots.push_back(record.at);
    return say(Kind::Tally, format_tally(t), {person});
  }
  std::string enact(const std::vector<std::string>& signers = {"p.bea"}) {
    return say(Kind::Enactment,
               format_enactment({context(), open, proposal().tally, signers.front(), now}),
               signers);
  }
  std::string amend(const std::string& next, const std::vector<std::string>& signers) {
    CharterStatement statement{
        context(), next, format_vkey(key("example-nonprofit/lab/log").verifier()), policy, open};
    const auto parsed = parse_charter(next);
    statement.context.charter_version = parsed ? parsed->version : 0;
    statement.context.charter_sha256 = crypto::sha256(next);
    return say(Kind::Charter, format_charter_statement(statement), signers);
  }
  // The text of the next version, with an edit.
  std::string next_text(std::string_view from, std::string_view to) {
    std::string next = put(state.charter->text, from, to);
    next = put(next, "version = " + std::to_string(state.charter->version),
               "version = " + std::to_string(state.charter->version + 1));
    const std::string key = "prev_sha256 = \"";
    const size_t at = next.find(key) + key.size();
    return next.replace(at, next.find('"', at) - at, crypto::hex(state.place.charter_sha256));
  }
  Subject text_of(const std::string& next) {
    Subject subject;
    subject.text = next;
    subject.witness_policy = policy;
    return subject;
  }

  // Witnesses cosign the log as it stands, at a time of theirs.
  std::string cosign_at(base::Time time, const std::vector<size_t>& which = {0, 1, 2}) {
    const Checkpoint checkpoint{"example-nonprofit/lab/log", state.next,
                                crypto::sha256(std::to_string(state.next))};
    Note note = parse_note(signed_checkpoint(checkpoint, key("example-nonprofit/lab/log"))).value();
    for (const size_t i : which) note.signatures.push_back(cosign(note.text, witnesses[i], time));
    return say(Kind::Cosigned, format_note(note), {"example-nonprofit/lab/log"});
  }
  // Time passes for everyone: the log's clock and the witnesses'.
  void pass(base::Duration by) {
    EXPECT_EQ(cosign_at(now), "accepted") << message;
    now = now + by;
    EXPECT_EQ(cosign_at(now), "accepted") << message;
  }

  std::string text, policy, message;
  std::map<std::string, SignerKey> keys;
  std::vector<WitnessSigner> witnesses;
  State state;
  base::Time now = base::parse_rfc3339("2026-11-17T12:00:00Z").value();
  uint64_t nonces = 0;
  LeafReference last;
  crypto::Digest open{};
  std::vector<LoggedStatement> history;
};

}  // namespace govern::testing
