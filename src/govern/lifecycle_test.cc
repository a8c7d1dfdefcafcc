// A release's life after the vote: the attacks of GOVERNANCE section 6 that are about it, each with
// its code.
#include "govern/testing_lifecycle.h"

namespace govern {
namespace {

using namespace testing_lifecycle;

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
