// The invariants of GOVERNANCE 3.13 that are about a release's life, along random histories.
#include <deque>

#include "base/random.h"
#include "govern/testing_lifecycle.h"

namespace govern {
namespace {

using namespace testing_lifecycle;

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

}  // namespace
}  // namespace govern
