// A release's life after the vote, on a house in memory: the attacks of GOVERNANCE section 6 that
// are about it, each with its code, and the invariants of 3.13 under random histories.
#include "govern/lifecycle.h"

#include <gtest/gtest.h>

#include <deque>

#include "base/random.h"
#include "govern/state.h"

namespace govern {
namespace {

const base::Time kStart = base::parse_rfc3339("2026-11-21T12:00:00Z").value();
constexpr base::Duration kHour = base::seconds(3600), kDay = base::seconds(86'400);

std::string person(const std::string& name, const SignerKey& key) {
  return "[[person]]\nid = \"" + name + "\"\nkeys = [\"" + format_vkey(key.verifier()) + "\"]\n";
}

std::string service(const std::string& name, const std::string& role, const SignerKey& key) {
  return "[[service]]\nid = \"" + name + "\"\nrole = \"" + role + "\"\nkeys = [\"" +
         format_vkey(key.verifier()) + "\"]\n";
}

constexpr std::string_view kRules = R"(
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

TEST(Lifecycle, StagesToProductionOneAfterTheOther) {
  Houses h;
  h.release("one");
  EXPECT_EQ(h.plan().reason, "LEASE_EXPIRED");
  EXPECT_EQ(h.lease(), "accepted") << h.message;
  EXPECT_EQ(h.plan().reason, "NOT_RELEASED");
  EXPECT_EQ(h.raise(5), "NOT_PROMOTABLE");  // no stage is skipped
  EXPECT_EQ(h.raise(1), "accepted") << h.message;
  EXPECT_EQ(h.percent(), 1u);
  EXPECT_TRUE(h.plan().arms[0].is_canary);
  EXPECT_EQ(h.raise(5), "NOT_PROMOTABLE");  // not before a day is over
  for (const uint64_t share : {5, 25, 50, 100}) {
    h.now = h.now + kDay;
    EXPECT_EQ(h.raise(share), "accepted") << h.message;
  }
  EXPECT_EQ(h.lease(), "accepted");
  EXPECT_EQ(h.percent(), 100u);
  EXPECT_EQ(phase_of(h.state, "chat", h.newest().manifest, h.now), Phase::Production);
  // A second one beside it: both answer, and together all.
  h.to_production("two");
  EXPECT_EQ(h.percent(), 100u);
  EXPECT_EQ(h.plan().arms.size(), 1u);
  EXPECT_EQ(h.life().arms[0].phase, Phase::Deprecated);
}

// Attack 19, and what the statement itself cannot show.
TEST(Lifecycle, NothingIsPromotedOnTooLittle) {
  Houses h;
  h.release("one");
  ASSERT_EQ(h.raise(1), "accepted");
  h.now = h.now + kDay;
  const auto with = [&](std::vector<Reading> readings) {
    StageStatement s = h.stage(5);
    s.readings = std::move(readings);
    return h.say(Kind::Stage, format_stage(s), {"p.bea", "s.monitor"});
  };
  EXPECT_EQ(with({}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 0, 0, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 999, 0, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 1147, 0, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 1500, 2, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"other", 1148, 0, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 1148, 0, h.now}, {"harm.rate", 1148, 0, h.now}}), "NOT_PROMOTABLE");
  EXPECT_EQ(with({{"harm.rate", 1148, 0, {h.now.ns - base::seconds(601).ns}}}),
            "NOT_PROMOTABLE");  // silence
  EXPECT_EQ(with({{"harm.rate", 1148, 0, h.now + kHour}}), "NOT_PROMOTABLE");
  EXPECT_EQ(h.raise(5, {"p.bea"}), "NOT_PROMOTABLE");  // no monitor signed
  EXPECT_EQ(h.raise(5, {"s.monitor"}), "SIGNER_MISSING");
  EXPECT_EQ(h.raise(5, {"p.bea", "s.monitor"}), "accepted") << h.message;
}

TEST(Lifecycle, MoreThanAQuarterNeedsTwoOfTwoBodiesWithoutTheProposer) {
  Houses h;
  h.release("one");
  for (const uint64_t share : {1, 5, 25}) {
    ASSERT_EQ(h.raise(share), "accepted") << h.message;
    h.now = h.now + kDay;
  }
  EXPECT_EQ(h.raise(50, {"p.bea", "s.monitor"}), "TWO_MAN");
  EXPECT_EQ(h.raise(50, {"p.ada", "p.sol", "s.monitor"}), "TWO_MAN");  // p.ada proposed it
  EXPECT_EQ(h.raise(50, {"p.sol", "p.sue", "s.monitor"}), "TWO_MAN");  // one body
  EXPECT_EQ(h.raise(50, {"p.bea", "p.inv", "s.monitor"}), "CLASS_FORBIDDEN");
  EXPECT_EQ(h.raise(50, {"p.bea", "p.sue", "s.monitor"}), "accepted") << h.message;
}

// Attack 14.
TEST(Lifecycle, WhatWasSignedBeforeAStopMeansNothingAfterIt) {
  Houses h;
  h.to_production("one");
  const Envelope old_release = h.certify("two");
  const StageStatement old_stage = h.stage(100);
  ASSERT_EQ(h.stop("p.sol"), "accepted") << h.message;
  const LeafReference halt = h.last;
  EXPECT_EQ(h.percent(), 0u);
  EXPECT_EQ(h.log(Kind::Release, old_release), "ROLLBACK");
  EXPECT_EQ(h.say(Kind::Stage, format_stage(old_stage), {"p.bea", "p.sol", "s.monitor"}),
            "ROLLBACK");
  ASSERT_EQ(h.incident({halt}), "accepted") << h.message;
  const Envelope resume = h.resumption(halt, h.last, {"p.bea", "p.sol"});
  ASSERT_EQ(h.log(Kind::Resume, resume), "accepted") << h.message;
  ASSERT_EQ(h.stop("p.ada"), "accepted");
  EXPECT_EQ(h.log(Kind::Resume, resume), "ROLLBACK");
  // The same stop again, and a stop that skips one.
  const Stop again{h.context(), "chat", "p.ada", h.state.life.stop_epoch, "why", h.now};
  EXPECT_EQ(h.say(Kind::Stop, format_stop(again), {"p.ada"}), "ROLLBACK");
  const Stop ahead{h.context(), "chat", "p.ada", h.state.life.stop_epoch + 2, "why", h.now};
  EXPECT_EQ(h.say(Kind::Stop, format_stop(ahead), {"p.ada"}), "ROLLBACK");
}

TEST(Lifecycle, OneKeyStopsAndTheLastGoodReleaseTakesOver) {
  Houses h;
  h.to_production("one");
  const crypto::Digest one = h.newest().manifest;
  h.to_production("two");
  ASSERT_NE(h.newest().manifest, one);
  const uint64_t epoch = h.life().epoch;
  EXPECT_EQ(h.stop("p.inv"), "CLASS_FORBIDDEN");
  EXPECT_EQ(h.stop("s.judge"), "NO_POWER");
  ASSERT_EQ(h.stop("p.sue"), "accepted") << h.message;
  EXPECT_EQ(h.life().epoch, epoch + 1);
  ASSERT_EQ(h.plan().arms.size(), 1u);
  EXPECT_EQ(h.plan().arms[0].manifest, one);
  EXPECT_EQ(h.plan().arms[0].percent, 100u);
  EXPECT_EQ(phase_of(h.state, "chat", h.newest().manifest, h.now), Phase::Halted);
  ASSERT_EQ(h.stop("s.monitor", "*"), "accepted") << h.message;
  EXPECT_EQ(h.plan().reason, "HALTED");
}

TEST(Lifecycle, TwoBodiesResumeOneStageBelow) {
  Houses h;
  h.to_production("one");
  ASSERT_EQ(h.stop("p.sol"), "accepted");
  const LeafReference halt = h.last;
  EXPECT_EQ(h.log(Kind::Resume, h.resumption(halt, halt, {"p.bea", "p.sol"})), "INCIDENT_MISSING");
  ASSERT_EQ(h.incident({halt}), "accepted");
  const LeafReference closed = h.last;
  EXPECT_EQ(h.log(Kind::Resume, h.resumption(halt, closed, {"p.sol"})), "TWO_MAN");
  EXPECT_EQ(h.log(Kind::Resume, h.resumption(halt, closed, {"p.sol", "p.sue"})), "TWO_MAN");
  EXPECT_EQ(h.log(Kind::Resume, h.resumption(closed, closed, {"p.sol", "p.bea"})),
            "SUBJECT_MISMATCH");
  ASSERT_EQ(h.log(Kind::Resume, h.resumption(halt, closed, {"p.sol", "p.bea"})), "accepted")
      << h.message;
  EXPECT_EQ(h.newest().share, 50u);
  EXPECT_EQ(h.newest().phase, Phase::Canary);
}

TEST(Lifecycle, AnAlarmHaltsAndNothingRisesWhileItIsOpen) {
  Houses h;
  h.release("one");
  ASSERT_EQ(h.raise(1), "accepted");
  ASSERT_EQ(h.lease(), "accepted");
  const auto alarm = [&](AlarmCause cause, const std::string& source) {
    return h.say(Kind::Alarm,
                 format_alarm({h.context(),
                               "chat",
                               h.newest().manifest,
                               cause,
                               source,
                               "it fired",
                               {{"harm.rate", 289, 5, h.now}},
                               h.now}),
                 {source});
  };
  EXPECT_EQ(alarm(AlarmCause::Bound, "s.judge"), "NO_POWER");
  h.now = h.now + kDay;
  ASSERT_EQ(h.lease(), "accepted");
  ASSERT_EQ(alarm(AlarmCause::Refused, "s.monitor"), "accepted") << h.message;
  EXPECT_EQ(h.percent(), 1u);
  EXPECT_EQ(h.raise(5), "ALARM_OPEN");
  ASSERT_EQ(h.incident({h.last}), "accepted");
  EXPECT_EQ(h.raise(5), "accepted") << h.message;
  ASSERT_EQ(alarm(AlarmCause::Bound, "s.monitor"), "accepted");
  EXPECT_EQ(h.percent(), 0u);
  EXPECT_EQ(h.newest().phase, Phase::Halted);
}

// Attack 15.
TEST(Lifecycle, WithoutAFreshLeaseNothingIsServed) {
  Houses h;
  h.to_production("one");
  EXPECT_EQ(h.percent(), 100u);
  EXPECT_EQ(h.plan().until, h.now + kDay);
  h.now = h.now + kDay;
  EXPECT_EQ(h.percent(), 100u);
  h.now = h.now + base::seconds(1);
  EXPECT_EQ(h.percent(), 0u);
  EXPECT_EQ(h.plan().reason, "LEASE_EXPIRED");
  EXPECT_EQ(h.lease(kDay + kHour), "LEASE_EXPIRED");  // longer than the charter's
  Lease old{h.context(), "chat", "s.time", h.life().epoch - 1, 0, h.now, h.now + kDay};
  EXPECT_EQ(h.say(Kind::Lease, format_lease(old), {"s.time"}), "ROLLBACK");
  old = {h.context(), "chat", "s.monitor", h.life().epoch, 0, h.now, h.now + kDay};
  EXPECT_EQ(h.say(Kind::Lease, format_lease(old), {"s.monitor"}), "NO_POWER");
  EXPECT_EQ(h.lease(), "accepted");
  EXPECT_EQ(h.percent(), 100u);
}

TEST(Lifecycle, ARevokedModelIsServedUnderNoName) {
  Houses h;
  h.to_production("one");
  const auto revoke = [&](const std::string& name, const std::string& holder) {
    return h.say(Kind::Revoke,
                 format_revoke({h.context(), manifest_digest(Houses::manifest(name)), holder,
                                "stolen", h.now}),
                 {holder});
  };
  EXPECT_EQ(revoke("one", "p.inv"), "CLASS_FORBIDDEN");
  ASSERT_EQ(revoke("one", "p.bea"), "accepted") << h.message;
  EXPECT_EQ(h.plan().reason, "REVOKED");
  // The same bytes again, under the same name or another file name.
  h.must(Kind::Evidence, format_evidence(h.evidence("one", 171)), {"s.judge"});
  const LeafReference judged = h.last;
  h.must(Kind::Gate, format_gate_verdict(h.verdict("one", {judged})), {"s.gate"});
  EXPECT_EQ(h.say(Kind::Proposal, format_proposal(h.propose("one", {judged}, h.last)), {"p.ada"}),
            "REVOKED");
  Manifest renamed;
  renamed.files["weights.safetensors"] = crypto::sha256("one");
  EXPECT_EQ(check_not_revoked(h.state, manifest_digest(renamed), oms_root(renamed)).error().reason,
            "REVOKED");
  h.to_production("two");
  EXPECT_EQ(h.percent(), 100u);
}

TEST(Lifecycle, ARollbackIsANewEpochOfACertifiedRelease) {
  Houses h;
  h.to_production("one");
  const crypto::Digest one = h.newest().manifest;
  h.to_production("two");
  StageStatement back = h.stage(100);
  back.rollback = true;
  back.readings.clear();
  back.manifest = crypto::sha256("never certified");
  const auto go = [&](StageStatement s, const std::vector<std::string>& signers) {
    s.context = h.context();
    return h.say(Kind::Stage, format_stage(s), signers);
  };
  EXPECT_EQ(go(back, {"p.bea", "p.sol"}), "ROLLBACK");  // not the next epoch
  back.epoch = h.life().epoch + 1;
  EXPECT_EQ(go(back, {"p.bea", "p.sol"}), "NOT_RELEASED");
  back.manifest = one;
  EXPECT_EQ(go(back, {"p.bea"}), "TWO_MAN");
  EXPECT_EQ(go(back, {"p.bea", "p.sol"}), "accepted") << h.message;
  EXPECT_EQ(h.plan().arms[0].manifest, one);
  EXPECT_EQ(h.life().epoch, back.epoch);
}

// 5.6: the same gate on more data, after the release.
TEST(Lifecycle, AFailedVerdictOnFullDataHaltsWhatServes) {
  Houses h;
  h.to_production("one");
  h.must(Kind::Evidence, format_evidence(h.evidence("one", 600, 1000)), {"s.judge"});
  const LeafReference judged = h.last;
  EXPECT_EQ(h.say(Kind::Gate, format_gate_verdict(h.verdict("one", {judged})), {"s.gate"}),
            "GATE_BOUND");
  ASSERT_EQ(h.say(Kind::Gate, format_gate_verdict(h.verdict("one", {judged}, false)), {"s.gate"}),
            "accepted")
      << h.message;
  EXPECT_EQ(h.percent(), 0u);
  EXPECT_EQ(h.newest().phase, Phase::Halted);
  EXPECT_EQ(h.newest().halt, h.last);
}

// Attack 5: 75 % pass, and the lower bound of 150 in 200 is below 70 %.
TEST(Lifecycle, TheMeanPassesAndTheBoundDoesNot) {
  Houses h;
  h.must(Kind::Evidence, format_evidence(h.evidence("one", 150)), {"s.judge"});
  EXPECT_EQ(h.say(Kind::Gate, format_gate_verdict(h.verdict("one", {h.last})), {"s.gate"}),
            "GATE_BOUND");
}

class DeclaredRuns : public testing::Test {
 protected:
  void SetUp() override {
    const auto model = [&](bool seal) {
      ModelStatement s{h.context(), "one", "s.trainer", {}, h.now};
      const Manifest m = Houses::manifest("one");
      if (seal) s.seal = ModelStatement::Seal{manifest_digest(m), oms_root(m), release_unit(m)};
      return format_model(s);
    };
    EXPECT_EQ(h.say(Kind::Model, model(true), {"s.trainer"}), "LIFECYCLE");
    h.must(Kind::Model, model(false), {"s.trainer"});
    h.must(Kind::Model, model(true), {"s.trainer"});
    EXPECT_EQ(h.say(Kind::Model, model(true), {"s.trainer"}), "LIFECYCLE");
  }
  std::string intend(const std::string& evaluator = "s.judge") {
    return h.say(Kind::RunIntent,
                 format_run_intent({h.context(),
                                    evaluator,
                                    manifest_digest(Houses::manifest("one")),
                                    standard_digest(*h.state.charter),
                                    {{"words", crypto::sha256("words")}},
                                    {"1"},
                                    h.now}),
                 {evaluator});
  }
  std::string end(const LeafReference& intent, std::vector<LeafReference> evidence,
                  const std::string& reason = "") {
    const bool complete = reason.empty() && !evidence.empty();
    return h.say(Kind::EvalRun,
                 format_eval_run({h.context(), "s.judge", intent, complete, reason,
                                  std::move(evidence), h.now}),
                 {"s.judge"});
  }
  // A whole declared run; its evidence.
  LeafReference run(uint64_t passed) {
    EXPECT_EQ(intend(), "accepted") << h.message;
    const LeafReference intent = h.last;
    h.now = h.now + base::seconds(1);
    EXPECT_EQ(h.say(Kind::Evidence, format_evidence(h.evidence("one", passed)), {"s.judge"}),
              "accepted")
        << h.message;
    const LeafReference judged = h.last;
    EXPECT_EQ(end(intent, {judged}), "accepted") << h.message;
    return judged;
  }
  std::string judge(std::vector<LeafReference> references) {
    return h.say(Kind::Gate, format_gate_verdict(h.verdict("one", std::move(references))),
                 {"s.gate"});
  }
  Houses h{true};
};

// Attack 6.
TEST_F(DeclaredRuns, ARunThatIsNotOverOrWasNotDeclaredOpensNoGate) {
  h.must(Kind::Evidence, format_evidence(h.evidence("one", 190)), {"s.judge"});
  const LeafReference undeclared = h.last;
  EXPECT_EQ(judge({undeclared}), "INTENT_OPEN");
  const LeafReference first = run(170);
  EXPECT_EQ(judge({undeclared}), "INTENT_OPEN");
  ASSERT_EQ(intend(), "accepted");
  const LeafReference open = h.last;
  EXPECT_EQ(judge({first}), "INTENT_OPEN");
  EXPECT_EQ(end(open, {}), "INTENT_OPEN");  // aborted without a reason
  EXPECT_EQ(judge({first}), "INTENT_OPEN");
  EXPECT_EQ(end(open, {}, "power cut"), "accepted") << h.message;
  EXPECT_EQ(end(open, {}, "power cut again"), "LIFECYCLE");  // one end
  EXPECT_EQ(judge({first}), "accepted") << h.message;
}

TEST_F(DeclaredRuns, EveryAttemptHasLessAlphaAndIsShown) {
  const LeafReference first = run(140);
  EXPECT_EQ(judge({first}), "GATE_BOUND");
  const LeafReference second = run(151);
  EXPECT_EQ(judge({second}), "EVIDENCE_INCOMPLETE");  // the first is hidden
  // 153 of 200 pass at 5 % and not at a quarter of it.
  EXPECT_EQ(judge({first, second}), "GATE_BOUND");
  const LeafReference third = run(153);
  EXPECT_GE(lower_bound(153, 200, 0.05), 0.70);
  EXPECT_LT(lower_bound(153, 200, 0.05 / 8), 0.70);
  EXPECT_EQ(judge({first, second, third}), "ATTEMPT_ALPHA");
  const LeafReference fourth = run(170);
  EXPECT_EQ(judge({first, second, third, fourth}), "accepted") << h.message;
}

// Attacks 3 and 4, as far as statements go; the judge compares the results themselves.
TEST_F(DeclaredRuns, AnIncompleteRunOrOneOfOtherWeightsEndsNothing) {
  ASSERT_EQ(intend(), "accepted");
  const LeafReference intent = h.last;
  Evidence e = h.evidence("one", 170);
  e.failed -= 1;
  EXPECT_EQ(h.say(Kind::Evidence, format_evidence(e), {"s.judge"}), "EVIDENCE_INCOMPLETE");
  h.must(Kind::Evidence, format_evidence(h.evidence("other", 170)), {"s.judge"});
  EXPECT_EQ(end(intent, {h.last}), "DIGEST_MISMATCH");
  e = h.evidence("one", 170);
  e.suite_root = crypto::sha256("another suite");
  h.must(Kind::Evidence, format_evidence(e), {"s.judge"});
  EXPECT_EQ(end(intent, {h.last}), "DIGEST_MISMATCH");
  h.must(Kind::Evidence, format_evidence(h.evidence("one", 171)), {"s.judge"});
  const LeafReference good = h.last;
  EXPECT_EQ(end(intent, {good}), "accepted") << h.message;
}

// Attack 24.
TEST_F(DeclaredRuns, NobodyHasTwoDuties) {
  EXPECT_EQ(intend("s.trainer"), "DUTY_CONFLICT");
  const LeafReference judged = run(170);
  EXPECT_EQ(h.say(Kind::Gate, format_gate_verdict(h.verdict("one", {judged})), {"s.judge"}),
            "DUTY_CONFLICT");
  EXPECT_EQ(h.say(Kind::Gate, format_gate_verdict(h.verdict("one", {judged})), {"s.trainer"}),
            "DUTY_CONFLICT");
  // A director who ran the gate does not vote.
  h.must(Kind::Gate, format_gate_verdict(h.verdict("one", {judged})), {"p.bea"});
  const Proposal p = h.propose("one", {judged}, h.last);
  h.must(Kind::Proposal, format_proposal(p), {"p.ada"});
  EXPECT_EQ(h.ballot(proposal_digest(p), "p.bea"), "DUTY_CONFLICT");
  EXPECT_EQ(h.ballot(proposal_digest(p), "p.ada"), "accepted") << h.message;
}

// Invariants 2, 3, 12 to 16, 20, 23, 29 and 30 along random histories of everything that can be
// said, right or wrong.
class Histories {
 public:
  explicit Histories(uint64_t seed) : random_(seed) {}

  void step() {
    const State before = h_.state;
    const uint64_t share_before = h_.percent();
    const std::string what = act();
    check(before, share_before, what);
    if (pick(4) == 0) wait();
  }

 private:
  uint64_t pick(uint64_t n) { return random_.next() % n; }
  const std::string& anyone() {
    static const std::vector<std::string> kAll = {"p.ada", "p.bea",     "p.sol",  "p.sue",
                                                  "p.inv", "s.monitor", "s.time", "s.judge"};
    return kAll[pick(kAll.size())];
  }
  std::string act() {
    const bool there = h_.state.life.channels.contains("chat");
    switch (there ? pick(10) : 0) {
      case 0: {
        const std::string name = "model" + std::to_string(pick(6));
        const Manifest m = Houses::manifest(name);
        if (!check_not_revoked(h_.state, manifest_digest(m), oms_root(m))) return "none";
        h_.now = h_.now + base::seconds(1);
        const Envelope certificate = h_.certify(name);
        old_.push_back({Kind::Release, certificate});
        return h_.log(Kind::Release, certificate) == "accepted" ? "release" : "none";
      }
      case 1:
      case 2:
      case 3: {
        const uint64_t share = pick(3) == 0 ? pick(101) : Rollout{}.next_after(h_.newest().share);
        const Envelope e =
            h_.sign(Kind::Stage, format_stage(h_.stage(share)), {"p.bea", "p.sol", "s.monitor"});
        old_.push_back({Kind::Stage, e});
        return h_.log(Kind::Stage, e) == "accepted" ? "stage" : "none";
      }
      case 4: {
        const std::string& who = anyone();
        const std::string scope = pick(3) == 0 ? "*" : "chat";
        const bool holder = may_stop(*h_.state.charter, who);
        const std::string answer = h_.stop(who, scope);
        EXPECT_EQ(answer == "accepted", holder) << "a stop is always enabled: " << h_.message;
        if (answer == "accepted") old_.push_back({Kind::Stop, h_.last_envelope});
        if (answer == "accepted" && scope == "*") EXPECT_EQ(h_.percent(), 0u);
        return answer == "accepted" ? "stop" : "none";
      }
      case 5: {
        if (h_.newest().phase != Phase::Halted) return "none";
        const LeafReference halt = h_.newest().halt;
        if (h_.incident({halt}) != "accepted") return "none";
        std::vector<std::string> signers = {anyone()};
        if (const std::string& second = anyone(); second != signers[0]) signers.push_back(second);
        const Envelope e = h_.resumption(halt, h_.last, signers);
        if (h_.log(Kind::Resume, e) != "accepted") return "none";
        old_.push_back({Kind::Resume, e});
        EXPECT_EQ(signers.size(), 2u);
        return "resume";
      }
      case 6: {
        if (pick(4) != 0) return h_.lease() == "accepted" ? "lease" : "none";
        const std::string& who = anyone();
        const std::string name = "model" + std::to_string(pick(6));
        const auto answer =
            h_.say(Kind::Revoke,
                   format_revoke(
                       {h_.context(), manifest_digest(Houses::manifest(name)), who, "why", h_.now}),
                   {who});
        return answer == "accepted" ? "revoke" : "none";
      }
      case 7: {
        StageStatement s = h_.stage(100);
        s.rollback = true;
        s.epoch = h_.life().epoch + 1;
        s.manifest = h_.life().arms[pick(h_.life().arms.size())].manifest;
        return h_.say(Kind::Stage, format_stage(s), {"p.ada", "p.sue"}) == "accepted" ? "rollback"
                                                                                      : "none";
      }
      case 8: {
        if (old_.empty()) return "none";
        const auto& [kind, envelope] = old_[pick(old_.size())];
        EXPECT_NE(h_.log(kind, envelope), "accepted") << "a replay";
        return "none";
      }
      default:
        return h_.lease() == "accepted" ? "lease" : "none";
    }
  }
  void wait() {
    const uint64_t share = h_.percent();
    h_.now = h_.now + (pick(3) == 0 ? kDay : kHour);
    EXPECT_LE(h_.percent(), share) << "time only takes away";
  }

  static std::map<LeafReference, Arm> arms_of(const State& state) {
    std::map<LeafReference, Arm> out;
    const auto found = state.life.channels.find("chat");
    if (found == state.life.channels.end()) return out;
    for (const Arm& arm : found->second.arms) out.emplace(arm.certificate, arm);
    return out;
  }

  void check(const State& before, uint64_t share_before, const std::string& what) {
    const State& after = h_.state;
    EXPECT_GE(channel_epoch(after, "chat"), channel_epoch(before, "chat"));
    EXPECT_EQ(after.life.stop_epoch, before.life.stop_epoch + (what == "stop"));
    const auto old = arms_of(before);
    for (const auto& [certificate, arm] : arms_of(after)) {
      if (!old.contains(certificate)) {
        EXPECT_EQ(arm.share, 0u);
        EXPECT_EQ(arm.phase, Phase::Releasable);
        continue;
      }
      const Arm& was = old.at(certificate);
      if (was.phase != arm.phase) {
        EXPECT_TRUE(may_follow(was.phase, arm.phase))
            << phase_name(was.phase) << " to " << phase_name(arm.phase) << " by " << what;
      }
      if (is_terminal(was.phase)) EXPECT_EQ(arm.phase, was.phase);
      if (arm.share > was.share) {
        EXPECT_TRUE(what == "stage" || what == "resume" || what == "rollback" ||
                    was.phase == Phase::Deprecated)
            << what;
        EXPECT_FALSE(after.life.revoked.contains(arm.manifest));
        if (what == "stage")
          EXPECT_TRUE(arm.share <= kTwoManShare || arm.share > was.share) << arm.share;
      }
    }
    const ServingPlan plan = h_.plan();
    uint64_t sum = 0;
    for (const ServedArm& arm : plan.arms) {
      sum += arm.percent;
      EXPECT_FALSE(after.life.revoked.contains(arm.manifest));
      const auto proposal = after.proposals.find(arm.proposal);
      ASSERT_NE(proposal, after.proposals.end());
      EXPECT_EQ(proposal->second.stage, Stage::Released);
      EXPECT_TRUE(after.verdicts.at(proposal->second.proposal->gate.sha256).passed);
    }
    EXPECT_LE(sum, 100u);
    if (sum > 0) EXPECT_LE(h_.now, h_.life().lease_until);
    if (what == "stop" || what == "none") EXPECT_LE(sum, std::max<uint64_t>(share_before, 100));
    if (what == "none" && !before.life.channels.empty())
      EXPECT_EQ(sum, share_before) << "a refusal changes nothing";
  }

  Houses h_;
  base::Rng random_;
  std::deque<std::pair<Kind, Envelope>> old_;
};

TEST(Lifecycle, KeepsItsInvariantsAlongRandomHistories) {
  for (uint64_t seed = 1; seed <= 6; ++seed) {
    Histories history(seed);
    for (int i = 0; i < 60; ++i) {
      history.step();
      if (testing::Test::HasFailure()) FAIL() << "seed " << seed << ", step " << i;
    }
  }
}

TEST(Lifecycle, TerminalPhasesAreTerminalAndTheTableIsThatOfTheSpecification) {
  for (int from = 0; from <= static_cast<int>(Phase::Revoked); ++from) {
    const auto phase = static_cast<Phase>(from);
    EXPECT_EQ(may_follow(phase, Phase::Revoked), !is_terminal(phase)) << phase_name(phase);
    // No way from before the vote to a share.
    if (phase < Phase::Releasable) {
      EXPECT_FALSE(may_follow(phase, Phase::Canary));
      EXPECT_FALSE(may_follow(phase, Phase::Production));
    }
  }
  EXPECT_FALSE(may_follow(Phase::Sealed, Phase::Passed));
  EXPECT_FALSE(may_follow(Phase::Passed, Phase::Approved));
  EXPECT_TRUE(may_follow(Phase::Halted, Phase::RolledBack));
  EXPECT_FALSE(may_follow(Phase::RolledBack, Phase::Production));
}

}  // namespace
}  // namespace govern
