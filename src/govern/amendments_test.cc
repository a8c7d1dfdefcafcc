// Amendments: the chain, what they touch, what they loosen, and what was pending when they came.
#include <gtest/gtest.h>

#include "govern/charter_diff.h"
#include "govern/decisions.h"
#include "govern/testing_council.h"

namespace govern {
namespace {

using testing::Council;
using testing::put;

const std::vector<std::string> kFour = {"p.ada", "p.bea", "p.cai", "p.dan"};
const std::vector<std::string> kSafety = {"p.hui", "p.ike"};

void carry(Council* c, const std::vector<std::string>& board = kFour) {
  c->all_for("board", board);
  c->all_for("safety", kSafety);
  c->tell_all();
  c->pass(base::seconds(3 * 86'400));
}

TEST(Amendments, TheNextVersionTakesEffectWhenItsSeatsHaveSigned) {
  Council c;
  const std::string next = c.next_text("late_extension = \"12h\"", "late_extension = \"6h\"");
  ASSERT_EQ(c.propose("charter.amend", c.text_of(next)), "accepted") << c.message;
  carry(&c);
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  EXPECT_EQ(c.amend(next, kFour), "TIMELOCK_PENDING");
  c.pass(base::seconds(2 * 86'400));
  EXPECT_EQ(c.amend(next, {"p.ada", "p.bea"}), "CHARTER_CHAIN") << "not by its seats";
  EXPECT_EQ(c.amend(c.next_text("lease_ttl = \"24h\"", "lease_ttl = \"48h\""), kFour),
            "SUBJECT_MISMATCH");
  ASSERT_EQ(c.amend(next, kFour), "accepted") << c.message;
  EXPECT_EQ(c.state.place.charter_version, 2u);
  EXPECT_EQ(c.state.charter->find_rule("expand")->late_extension, base::seconds(6 * 3600));
  EXPECT_EQ(c.propose("weights.export", {}), "accepted") << "the next statement names version 2";
}

// Attack 11.
TEST(Amendments, AreTheNextVersionOfThisCharter) {
  Council c;
  const std::string good = c.next_text("lease_ttl = \"24h\"", "lease_ttl = \"12h\"");
  const auto proposed = [&](const std::string& text) {
    return c.propose("charter.amend", c.text_of(text));
  };
  EXPECT_EQ(proposed(put(good, "version = 2", "version = 3")), "CHARTER_CHAIN");
  EXPECT_EQ(proposed(put(good, "prev_sha256 = \"", "prev_sha256 = \"" + std::string(64, '0'))
                         .replace(0, 0, "")),
            "CHARTER_FIELD");
  std::string wrong = good;
  const size_t at = wrong.find("prev_sha256 = \"") + 15;
  wrong[at] = wrong[at] == '0' ? '1' : '0';
  EXPECT_EQ(proposed(wrong), "CHARTER_CHAIN");
  EXPECT_EQ(proposed(put(good, "example-nonprofit/lab", "another/lab")), "CHARTER_CHAIN");
  EXPECT_EQ(proposed(put(good, "floor_for = 5", "floor_for = 7")), "CHARTER_LINT");
  EXPECT_EQ(proposed(put(good, "elapsed_witnesses = 2", "elapsed_witnesses = 4")), "CHARTER_LINT");
  EXPECT_EQ(proposed(good), "accepted") << c.message;
}

// Attack 12: at two thirds with every consent.
TEST(Amendments, EntrenchedPathsAskForTheirOwnRule) {
  const std::pair<std::string, std::string> edits[] = {
      {"class = \"economic\"", "class = \"consult\"\nseats = 3"},
      {"threshold = \"5/6\"", "threshold = \"2/3\""},
      {"\"body.investors.class\", ", ""},
      {"id = \"investors\"\nclass", "id = \"partners\"\nclass"},
      {"cap = { M = 100, A = 100 }", "cap = { M = 1000, A = 100 }"},
      {"\"power.stop\", ", "\"power.stop2\", "},
      {"holders = [\"safety.*\", \"board.*\"", "holders = [\"safety.*\", \"trust.*\", \"board.*\""},
  };
  for (const auto& [from, to] : edits) {
    Council c;
    std::string next = c.next_text(from, to);
    if (to.find("partners") != to.npos)
      for (size_t at = next.find("\"investors\""); at != next.npos; at = next.find("\"investors\""))
        next.replace(at, 11, "\"partners\"");
    ASSERT_EQ(c.propose("charter.amend", c.text_of(next)), "accepted") << to << c.message;
    EXPECT_TRUE(c.proposal().entrenched) << to;
    c.all_for("board", kFour);
    c.all_for("safety", kSafety);
    c.all_for("trust", {"p.kim", "p.lou"});
    c.tell_all();
    c.pass(base::seconds(3 * 86'400));
    EXPECT_EQ(c.tally(), "NOTICE_PENDING") << to;
    c.pass(base::seconds(9 * 86'400));
    EXPECT_EQ(c.tally(), "NOTICE_PENDING") << to;
  }
  Council c([](std::string text) { return put(text, "notice = \"30d\"", "notice = \"3d\""); });
  ASSERT_EQ(c.propose("charter.amend", c.text_of(c.next_text("class = \"economic\"",
                                                             "class = \"consult\"\nseats = 3"))),
            "accepted");
  c.all_for("trust", {"p.kim", "p.lou", "p.max"});
  c.all_for("safety", {"p.jun"});
  carry(&c);
  EXPECT_EQ(c.tally(), "ENTRENCHED") << "four of six are two thirds, not five sixths";
  c.all_for("board", {"p.eve"});
  EXPECT_EQ(c.tally(), "accepted") << c.message;
}

// Attack 10.
TEST(Amendments, ShortenNoWaitThatHasBegun) {
  Council c;
  const std::string next = c.next_text("timelock = \"48h\"", "timelock = \"1h\"");
  ASSERT_EQ(c.propose("charter.amend", c.text_of(put(next, "window = \"48h\"", "window = \"1h\""))),
            "accepted");
  const std::string text = c.proposal().proposal->subject.text;
  const crypto::Digest amendment = c.open;
  carry(&c);
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted");
  const crypto::Digest second = c.open;
  c.all_for("board", kFour);
  c.all_for("safety", kSafety);
  c.pass(base::seconds(3 * 86'400));
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  c.open = amendment;
  ASSERT_EQ(c.amend(text, kFour), "accepted") << c.message;
  c.open = second;
  c.pass(base::seconds(2 * 3600));
  EXPECT_EQ(c.enact(), "CHARTER_INTERSECTION") << "two hours are enough under the new one only";
  c.pass(base::seconds(2 * 86'400));
  EXPECT_EQ(c.enact(), "accepted") << c.message;
}

TEST(Amendments, WhatTheNewCharterForbidsDoesNotHappen) {
  Council c;
  const std::string next =
      c.next_text("floor_for = 4\nnotice = \"72h\"", "floor_for = 5\nnotice = \"72h\"");
  ASSERT_EQ(c.propose("charter.restrict", c.text_of(next)), "accepted") << c.message;
  const crypto::Digest amendment = c.open;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted");
  const crypto::Digest second = c.open;
  c.all_for("board", kFour);
  c.all_for("safety", kSafety);
  c.open = amendment;
  c.all_for("board", kFour);
  c.pass(base::seconds(3 * 86'400));
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  ASSERT_EQ(c.amend(next, {"p.ada", "p.bea", "p.cai", "p.dan", "p.eve"}), "accepted") << c.message;
  c.open = second;
  EXPECT_EQ(c.tally(), "CHARTER_INTERSECTION") << "four are no longer enough";
  c.all_for("board", {"p.eve"});
  c.pass(base::seconds(86'400));
  EXPECT_EQ(c.tally(), "accepted") << c.message;
}

// 3.6: one field at a time, and back again.
TEST(Amendments, ADiffSaysWhatOnlyRestricts) {
  const std::string text = Council().text;
  const std::pair<std::string, std::string> stricter[] = {
      {"notice = \"72h\"", "notice = \"96h\""},
      {"timelock = \"48h\"", "timelock = \"72h\""},
      {"expires = \"21d\"", "expires = \"14d\""},
      {"threshold = \"2/3\"\nfloor_for = 4", "threshold = \"5/6\"\nfloor_for = 4"},
      {"floor_for = 4\nnotice = \"72h\"", "floor_for = 5\nnotice = \"72h\""},
      {"consent = [\"safety\"]\nveto", "consent = [\"safety\", \"trust\"]\nveto"},
      {"needs = 2, window = \"48h\"", "needs = 1, window = \"48h\""},
      {"needs = 2, window = \"48h\"", "needs = 2, window = \"72h\""},
      {"late_extension = \"12h\"", "late_extension = \"24h\""},
      {"\"manifest.sealed\", \"gate.passed\", \"evidence.fresh<=90d\"",
       "\"manifest.sealed\", \"gate.passed\", \"evidence.fresh<=30d\""},
      {"notify = [\"subject\", \"board\", \"investors\", \"staff\"]",
       "notify = [\"subject\", \"board\", \"investors\", \"staff\", \"trust\"]"},
      {"max_duration = \"10d\"", "max_duration = \"8d\""},
      {"lease_ttl = \"24h\"", "lease_ttl = \"12h\""},
      {"limit = \"0.60\"", "limit = \"0.70\""},
      {"min_n = 200", "min_n = 400"},
      {"\"oncall\", \"monitor.*\"", "\"oncall\", \"trust.*\", \"monitor.*\""},
  };
  for (const auto& [loose, tight] : stricter) {
    const auto tightened = diff_charters(text, put(text, loose, tight));
    ASSERT_TRUE(tightened && tightened->changes.size() == 1) << tight;
    EXPECT_TRUE(tightened->restricts()) << tightened->changes[0].path << " " << tight;
    EXPECT_FALSE(diff_charters(put(text, loose, tight), text)->restricts()) << loose;
  }
  const auto mixed = diff_charters(
      text, put(put(text, "notice = \"72h\"", "notice = \"96h\""), "min_n = 200", "min_n = 100"));
  EXPECT_FALSE(mixed->restricts()) << "mixed is expanding";
  EXPECT_FALSE(diff_charters(text, put(text, "seats = 6", "seats = 7"))->restricts());
  EXPECT_TRUE(diff_charters(text, text)->restricts());
  Council c;
  EXPECT_EQ(c.propose("charter.restrict",
                      c.text_of(c.next_text("timelock = \"48h\"", "timelock = \"1h\""))),
            "NOT_RESTRICT");
}

TEST(Amendments, ALooserStandardTakesTwoPersonsBesideTheProposer) {
  Council c;
  ASSERT_EQ(
      c.propose("charter.amend", c.text_of(c.next_text("min_n = 200", "min_n = 100")), "p.ada"),
      "accepted");
  EXPECT_TRUE(c.proposal().two_man);
  ASSERT_EQ(
      c.propose("charter.amend", c.text_of(c.next_text("min_n = 200", "min_n = 300")), "p.ada"),
      "accepted");
  EXPECT_FALSE(c.proposal().two_man);
}

// Invariant 4 and 27: the history without what was refused gives the same state.
TEST(Amendments, AHistoryReplaysToTheSameState) {
  Council c;
  ASSERT_EQ(c.propose("charter.amend",
                      c.text_of(c.next_text("lease_ttl = \"24h\"", "lease_ttl = \"48h\""))),
            "accepted");
  carry(&c);
  ASSERT_EQ(c.tally(), "accepted");
  c.pass(base::seconds(2 * 86'400));
  ASSERT_EQ(c.amend(c.proposal().proposal->subject.text, kFour), "accepted") << c.message;
  EXPECT_EQ(c.propose("motion", {}, "p.pia"), "CLASS_FORBIDDEN");
  State again;
  for (const LoggedStatement& statement : c.history) ASSERT_TRUE(apply(&again, statement));
  EXPECT_EQ(state_hash(again), state_hash(c.state));
}

}  // namespace
}  // namespace govern
