// For tests: a house in memory with two bodies that matter and a service for each duty, and what
// its people and services say.
#pragma once

#include <gtest/gtest.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "govern/lifecycle.h"
#include "govern/state.h"

namespace govern::testing_lifecycle {

inline const base::Time kStart = base::parse_rfc3339("2026-11-21T12:00:00Z").value();
inline constexpr base::Duration kHour = base::seconds(3600), kDay = base::seconds(86'400);

inline std::string person(const std::string& name, const SignerKey& key) {
  return "[[person]]\nid = \"" + name + "\"\nkeys = [\"" + format_vkey(key.verifier()) + "\"]\n";
}

inline std::string service(const std::string& name, const std::string& role, const SignerKey& key) {
  return "[[service]]\nid = \"" + name + "\"\nrole = \"" + role + "\"\nkeys = [\"" +
         format_vkey(key.verifier()) + "\"]\n";
}

inline constexpr std::string_view kRules = R"(
[[body]]
id = "board"
class = "control"
seats = 2
members = ["p.ada", "p.bea"]
[[body]]
id = "safety"
class = "control"
seats = 2
members = ["p.sol", "p.sue"]
[[body]]
id = "investors"
class = "economic"
members = ["p.inv"]
[rule.normal]
threshold = "1/2"
floor_for = 1
notice = "0s"
timelock = "0s"
expires = "14d"
[[power]]
action = "model.promote"
body = "board"
rule = "normal"
needs = ["gate.passed"]
[[power]]
action = "stop"
rule = "any_one"
holders = ["board.*", "safety.*", "monitor.*"]
[[gate]]
id = "words"
suite = "words"
metric = "accuracy"
direction = "lower"
limit = "0.70"
min_n = 100
on_breach = "halt"
[[monitor]]
id = "harm.rate"
[rollout]
min_exposures = 1000
)";

// A house with two bodies that matter, and a service for each duty.
class Houses {
 public:
  explicit Houses(bool declared_runs = false) {
    std::string text = "[charter]\nid = \"test/house\"\nversion = 1\nprev_sha256 = \"\"\n";
    uint8_t seed = 1;
    const auto key = [&](const std::string& name) -> const SignerKey& {
      return keys
          .emplace(name,
                   SignerKey{name, crypto::PrivateKey::from_seed(base::Bytes(32, seed++)).value()})
          .first->second;
    };
    for (const char* name : {"p.ada", "p.bea", "p.sol", "p.sue", "p.inv"})
      text += person(name, key(name));
    text += service("s.trainer", "trainer", key("s.trainer"));
    text += service("s.judge", "judge", key("s.judge"));
    text += service("s.gate", "gate", key("s.gate"));
    text += service("s.monitor", "monitor", key("s.monitor"));
    text += service("s.time", "timestamp", key("s.time"));
    text += kRules;
    if (declared_runs)
      text.replace(text.find("[\"gate.passed\"]"), 15, "[\"gate.passed\", \"runs.declared\"]");
    charter_text = text;
    const SignerKey log{"test/house/log",
                        crypto::PrivateKey::from_seed(base::Bytes(32, 99)).value()};
    must(Kind::Charter, format_charter_statement({context(), text, format_vkey(log.verifier())}),
         {"p.ada"});
  }

  Context context() {
    return {"test/house", 1, crypto::sha256(charter_text), "test/house/log",
            crypto::hex(crypto::sha256("nonce" + std::to_string(nonces++)))};
  }
  Envelope sign(Kind kind, const std::string& payload, const std::vector<std::string>& signers) {
    Envelope envelope{payload_type(kind), payload, {}};
    for (const std::string& name : signers) sign_envelope(&envelope, keys.at(name));
    return envelope;
  }
  std::string log(Kind kind, const Envelope& envelope) {
    const auto subject = subject_of(kind, envelope.payload);
    if (!subject) return subject.error().reason;
    const State before = state;
    const auto applied =
        apply(&state, {{kind, state.next, envelope_digest(envelope), *subject, now}, envelope});
    if (!applied) {
      EXPECT_EQ(state_hash(state), state_hash(before)) << applied.error().text();
      message = applied.error().text();
      return applied.error().reason;
    }
    last = {state.next - 1, envelope_digest(envelope)};
    last_envelope = envelope;
    return "accepted";
  }
  std::string say(Kind kind, const std::string& payload, const std::vector<std::string>& signers) {
    return log(kind, sign(kind, payload, signers));
  }
  void must(Kind kind, const std::string& payload, const std::vector<std::string>& signers) {
    const std::string answer = say(kind, payload, signers);
    ASSERT_EQ(answer, "accepted") << kind_name(kind) << ": " << message;
  }

  static Manifest manifest(const std::string& name) {
    Manifest out;
    out.files["model.safetensors"] = crypto::sha256(name);
    return out;
  }
  Evidence evidence(const std::string& name, uint64_t passed, uint64_t size = 200) const {
    Evidence e;
    e.model = name;
    e.manifest_digest = manifest_digest(manifest(name));
    e.suite = "words";
    e.suite_version = "1";
    e.suite_root = crypto::sha256("words");
    e.size = size;
    e.passed = passed;
    e.failed = size - passed;
    e.finished = now;
    return e;
  }
  GateVerdict verdict(const std::string& name, std::vector<LeafReference> references,
                      bool passed = true) {
    return {name,
            "chat",
            manifest_digest(manifest(name)),
            standard_digest(*state.charter),
            std::move(references),
            now,
            passed};
  }
  Proposal propose(const std::string& name, const std::vector<LeafReference>& references,
                   const LeafReference& gate) {
    Proposal p;
    p.context = context();
    p.channel = "chat";
    p.person = "p.ada";
    p.model = name;
    p.manifest = manifest(name);
    p.evidence = references;
    p.gate = gate;
    p.epoch = channel_epoch(state, "chat") + 1;
    p.created = now;
    p.expires = now + base::seconds(14 * 86'400);
    return p;
  }
  std::string ballot(const crypto::Digest& proposal, const std::string& name) {
    Ballot b;
    b.context = context();
    b.proposal = proposal;
    b.body = "board";
    b.person = name;
    b.vote = Vote::For;
    b.checkpoint_size = state.next;
    b.created = now;
    b.expires = now + kDay;
    return say(Kind::Ballot, format_ballot(b), {name});
  }
  // From the proposal on; the certificate is not logged.
  Envelope certificate(const std::string& name, const std::vector<LeafReference>& references,
                       const LeafReference& gate) {
    const Proposal p = propose(name, references, gate);
    must(Kind::Proposal, format_proposal(p), {"p.ada"});
    const crypto::Digest digest = proposal_digest(p);
    EXPECT_EQ(ballot(digest, "p.ada"), "accepted") << message;
    const ProposalState& open = state.proposals.at(digest);
    TallyStatement t{context(), digest, "p.ada", {}, outcome_to_json(count_ballots(state, open)),
                     now};
    for (const auto& record : open.ballots) t.ballots.push_back(record.at);
    must(Kind::Tally, format_tally(t), {"p.ada"});
    Certificate c = expected_certificate(state, state.proposals.at(digest), now);
    c.nonce = context().nonce;
    return sign(Kind::Release, format_certificate(c), {"p.ada"});
  }
  Envelope certify(const std::string& name) {
    must(Kind::Evidence, format_evidence(evidence(name, 170)), {"s.judge"});
    const LeafReference judged = last;
    must(Kind::Gate, format_gate_verdict(verdict(name, {judged})), {"s.gate"});
    return certificate(name, {judged}, last);
  }
  void release(const std::string& name) {
    ASSERT_EQ(log(Kind::Release, certify(name)), "accepted") << message;
  }

  const ChannelLife& life() const { return state.life.channels.at("chat"); }
  const Arm& newest() const { return life().arms.back(); }
  StageStatement stage(uint64_t share) {
    StageStatement s;
    s.context = context();
    s.channel = "chat";
    s.manifest = newest().manifest;
    s.epoch = life().epoch;
    s.stop_epoch = state.life.stop_epoch;
    s.share = share;
    s.readings = {{"harm.rate", 1148, 0, now}};
    s.created = now;
    return s;
  }
  std::string raise(uint64_t share,
                    std::vector<std::string> signers = {"p.bea", "p.sol", "s.monitor"}) {
    return say(Kind::Stage, format_stage(stage(share)), signers);
  }
  std::string lease(base::Duration ttl = kDay) {
    const uint64_t epoch = state.life.channels.contains("chat") ? life().epoch : 0;
    return say(
        Kind::Lease,
        format_lease({context(), "chat", "s.time", epoch, state.life.stop_epoch, now, now + ttl}),
        {"s.time"});
  }
  // To production, a day for each stage.
  void to_production(const std::string& name) {
    release(name);
    for (const uint64_t share : {1, 5, 25, 50, 100}) {
      ASSERT_EQ(raise(share), "accepted") << share << ": " << message;
      now = now + kDay;
    }
    ASSERT_EQ(lease(), "accepted") << message;
  }
  std::string stop(const std::string& holder, const std::string& channel = "chat") {
    return say(Kind::Stop,
               format_stop({context(), channel, holder, state.life.stop_epoch + 1, "why", now}),
               {holder});
  }
  std::string incident(std::vector<LeafReference> closes) {
    return say(Kind::Incident,
               format_incident({context(), "p.sol", std::move(closes), "cause", "remedy", now}),
               {"p.sol"});
  }
  Envelope resumption(const LeafReference& halt, const LeafReference& incident_at,
                      const std::vector<std::string>& signers) {
    return sign(Kind::Resume,
                format_resume({context(), "chat", newest().manifest, life().epoch + 1,
                               state.life.stop_epoch, halt, incident_at, now}),
                signers);
  }
  ServingPlan plan() const { return serving_plan(state, "chat", now); }
  uint64_t percent() const {
    uint64_t sum = 0;
    for (const ServedArm& arm : plan().arms) sum += arm.percent;
    return sum;
  }

  std::map<std::string, SignerKey> keys;
  std::string charter_text, message;
  State state;
  base::Time now = kStart;
  LeafReference last;
  Envelope last_envelope;
  int nonces = 0;
};

}  // namespace govern::testing_lifecycle
