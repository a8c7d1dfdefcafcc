// Counting as a property: no order, no duplicate and no economic seat changes a result, and a vote
// for never hurts.
#include "govern/tally.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"

namespace govern {
namespace {

Charter board_of(uint64_t seats, Fraction threshold, uint64_t floor_for, bool consent = false) {
  Charter charter;
  Body board{"board", BodyClass::Control, seats, 0, {}};
  for (uint64_t i = 0; i < seats; ++i) board.members.push_back("p." + std::to_string(i));
  charter.bodies = {board,
                    {"safety", BodyClass::Consult, 2, 2, {"p.s0", "p.s1"}},
                    {"investors", BodyClass::Economic, 3, 0, {"p.i0", "p.i1", "p.0"}}};
  Rule rule;
  rule.id = "expand";
  rule.threshold = threshold;
  rule.floor_for = floor_for;
  if (consent) rule.consent = {"safety"};
  charter.rules = {rule};
  charter.powers = {{"model.promote", "board", "expand", {}, {}}};
  return charter;
}

bool passes(const Charter& charter, const std::vector<CountedVote>& votes,
            const std::set<std::string>& recused = {}) {
  return count(charter, charter.powers[0], votes, recused).passed;
}

std::vector<CountedVote> random_votes(base::Rng* rng, uint64_t seats) {
  std::vector<CountedVote> votes;
  uint64_t leaf = 10;
  const auto cast = [&](const std::string& body, const std::string& person) {
    const uint64_t choice = rng->below(4);
    if (choice < 3) votes.push_back({body, person, static_cast<Vote>(choice), leaf++});
  };
  for (uint64_t i = 0; i < seats; ++i) cast("board", "p." + std::to_string(i));
  for (const char* person : {"p.s0", "p.s1"}) cast("safety", person);
  return votes;
}

// GOVERNANCE 3.3 and 3.4.
TEST(Tally, CountsTheStory) {
  const Charter charter = board_of(6, {2, 3}, 4);
  const auto votes = [](int in_favour, int against) {
    std::vector<CountedVote> out;
    for (int i = 0; i < in_favour + against; ++i)
      out.push_back({"board", "p." + std::to_string(i), i < in_favour ? Vote::For : Vote::Against,
                     static_cast<uint64_t>(i)});
    return out;
  };
  EXPECT_TRUE(passes(charter, votes(4, 2)));
  EXPECT_FALSE(passes(charter, votes(3, 3)));
  EXPECT_TRUE(passes(charter, votes(4, 1), {"p.5"})) << "5 eligible need 4";
  EXPECT_FALSE(passes(charter, votes(3, 1), {"p.4", "p.5"})) << "3 of 4 fails on the floor";
  EXPECT_TRUE(passes(board_of(6, {2, 3}, 3), votes(3, 1), {"p.4", "p.5"}))
      << "and passes without it";
  EXPECT_FALSE(passes(charter, votes(0, 0)));
  EXPECT_FALSE(passes(board_of(6, {1, 2}, 1), votes(3, 3))) << "a tie fails";
}

TEST(Tally, NeedsEveryConsentingBody) {
  const Charter charter = board_of(3, {1, 2}, 2, true);
  std::vector<CountedVote> votes = {{"board", "p.0", Vote::For, 1}, {"board", "p.1", Vote::For, 2}};
  EXPECT_FALSE(passes(charter, votes));
  votes.push_back({"safety", "p.s0", Vote::For, 3});
  EXPECT_TRUE(passes(charter, votes));
  votes.push_back({"safety", "p.s1", Vote::Against, 4});
  EXPECT_FALSE(passes(charter, votes)) << "one for, one against: a tie";
}

TEST(Tally, TwoBodiesMeansTwoPersons) {
  Charter charter = board_of(1, {1, 1}, 1, true);
  charter.bodies[1].members = {"p.0"};
  charter.bodies[1].min_filled = 1;
  charter.powers[0].needs = {Need::TwoBodies};
  std::vector<CountedVote> votes = {{"board", "p.0", Vote::For, 1},
                                    {"safety", "p.0", Vote::For, 2}};
  EXPECT_FALSE(passes(charter, votes)) << "one person in two bodies is one person";
  charter.bodies[1].members = {"p.1"};
  votes[1].person = "p.1";
  EXPECT_TRUE(passes(charter, votes));
}

TEST(Tally, TooFewFilledSeatsNeverPass) {
  Charter charter = board_of(6, {1, 2}, 1);
  charter.bodies[0].min_filled = 4;
  charter.bodies[0].members.resize(2);
  EXPECT_FALSE(passes(charter, {{"board", "p.0", Vote::For, 1}, {"board", "p.1", Vote::For, 2}}));
}

class Sweep : public testing::Test {
 protected:
  // Random charters and profiles of up to six seats.
  template <class Check>
  void sweep(Check check) {
    base::Rng rng(20231117);
    for (int round = 0; round < 5000; ++round) {
      const uint64_t seats = 1 + rng.below(6);
      const uint64_t bottom = 1 + rng.below(6);
      const Charter charter =
          board_of(seats, {1 + rng.below(bottom), bottom}, 1 + rng.below(seats), rng.below(2) == 0);
      check(&rng, charter, random_votes(&rng, seats));
    }
  }
};

TEST_F(Sweep, DuplicatesAndLaterChangesOfMindNeverChangeAResult) {
  sweep([](base::Rng* rng, const Charter& charter, std::vector<CountedVote> votes) {
    const auto before = outcome_to_json(count(charter, charter.powers[0], votes));
    const size_t cast = votes.size();
    for (size_t i = 0; i < cast; ++i) {
      CountedVote again = votes[i];
      again.leaf += 100;
      again.vote = static_cast<Vote>(rng->below(3));
      votes.push_back(again);
      votes.push_back(votes[i]);
    }
    ASSERT_EQ(outcome_to_json(count(charter, charter.powers[0], votes)), before);
  });
}

TEST_F(Sweep, TheOrderNeverMatters) {
  sweep([](base::Rng* rng, const Charter& charter, std::vector<CountedVote> votes) {
    const auto before = outcome_to_json(count(charter, charter.powers[0], votes));
    std::shuffle(votes.begin(), votes.end(), *rng);
    ASSERT_EQ(outcome_to_json(count(charter, charter.powers[0], votes)), before);
  });
}

TEST_F(Sweep, MoreForNeverHurtsAndMoreAgainstNeverHelps) {
  sweep([](base::Rng*, const Charter& charter, const std::vector<CountedVote>& votes) {
    const bool before = passes(charter, votes);
    for (size_t i = 0; i < votes.size(); ++i) {
      std::vector<CountedVote> changed = votes;
      changed[i].vote = Vote::For;
      ASSERT_TRUE(!before || passes(charter, changed));
      changed[i].vote = Vote::Against;
      ASSERT_TRUE(before || !passes(charter, changed));
    }
  });
}

// No-show paradox: turning up to vote against never makes a motion pass.
TEST_F(Sweep, StayingAwayIsNeverBetterThanVotingAgainst) {
  sweep([](base::Rng*, const Charter& charter, const std::vector<CountedVote>& votes) {
    for (size_t i = 0; i < votes.size(); ++i) {
      if (votes[i].vote != Vote::Against) continue;
      std::vector<CountedVote> absent = votes;
      absent.erase(absent.begin() + static_cast<ptrdiff_t>(i));
      ASSERT_TRUE(!passes(charter, votes) || passes(charter, absent));
    }
  });
}

TEST_F(Sweep, EconomicSeatsAndStrangersNeverMatter) {
  sweep([](base::Rng* rng, const Charter& charter, std::vector<CountedVote> votes) {
    const auto before = outcome_to_json(count(charter, charter.powers[0], votes));
    for (const char* person : {"p.i0", "p.i1", "p.0", "p.nobody"}) {
      votes.push_back({"investors", person, static_cast<Vote>(rng->below(3)), 1});
      votes.push_back({"nowhere", person, Vote::For, 2});
    }
    votes.push_back({"board", "p.i0", Vote::For, 0});
    votes.push_back({"safety", "p.nobody", Vote::Against, 0});
    ASSERT_EQ(outcome_to_json(count(charter, charter.powers[0], votes)), before);
  });
}

// GOVERNANCE 3.3 (b): all profiles of six seats (for, against, abstain, absent), by a reference
// count of its own. A quorum above the threshold lets a vote against carry a motion; one that is
// not above it never does.
TEST(Published, QuorumParadoxes) {
  const auto pairs = [](uint64_t quorum_top, uint64_t quorum_bottom, uint64_t top,
                        uint64_t bottom) {
    const auto share = [](uint64_t up, uint64_t down) { return (up * 6 + down - 1) / down; };
    const auto carries = [&](int in_favour, int against, int abstained) {
      return static_cast<uint64_t>(in_favour + against + abstained) >=
                 share(quorum_top, quorum_bottom) &&
             in_favour > against && static_cast<uint64_t>(in_favour) >= share(top, bottom);
    };
    int found = 0;
    for (int profile = 0; profile < 4096; ++profile) {
      int counts[4] = {};
      for (int seat = 0, rest = profile; seat < 6; ++seat, rest /= 4) ++counts[rest % 4];
      for (int absentee = 0; absentee < counts[3]; ++absentee) {
        if (!carries(counts[0], counts[1], counts[2]) &&
            carries(counts[0], counts[1] + 1, counts[2]))
          ++found;
      }
    }
    return found;
  };
  EXPECT_EQ(pairs(4, 5, 2, 3), 30);
  EXPECT_EQ(pairs(2, 3, 1, 2), 60);
  for (const auto& [up, down] :
       {std::pair(1ull, 2ull), std::pair(2ull, 3ull), std::pair(5ull, 6ull)})
    EXPECT_EQ(pairs(up, down, up, down), 0);
}

// (c): every profile, every set of imposed recusals: nothing that failed passes. And the other way
// round: shrinking the base by the same sets would have flipped some, which is why only the charter
// may do that.
TEST(Published, ImposedRecusalsNeverCarryAMotion) {
  const Charter charter = board_of(6, {2, 3}, 1);
  Poll poll;
  poll.charter = &charter;
  poll.rule = charter.rules[0];
  poll.deciding = "board";
  int imposed_flips = 0, base_flips = 0, cases = 0;
  for (int profile = 0; profile < 729; ++profile) {
    std::vector<CountedVote> votes;
    for (int seat = 0, rest = profile; seat < 6; ++seat, rest /= 3) {
      if (rest % 3 < 2)
        votes.push_back({"board", "p." + std::to_string(seat), static_cast<Vote>(rest % 3), 1});
    }
    poll.against.clear();
    poll.recused.clear();
    const bool before = count(poll, votes).passed;
    for (int mask = 1; mask < 64; mask += 3) {
      std::set<std::string> named;
      for (int seat = 0; seat < 6; ++seat) {
        if ((mask >> seat) & 1) named.insert("p." + std::to_string(seat));
      }
      ++cases;
      poll.against["board"] = named;
      poll.recused.clear();
      imposed_flips += !before && count(poll, votes).passed;
      poll.against.clear();
      poll.recused = named;
      base_flips += !before && count(poll, votes).passed;
    }
  }
  EXPECT_EQ(cases, 729 * 21);
  EXPECT_EQ(imposed_flips, 0);
  EXPECT_GT(base_flips, 0);
}

}  // namespace
}  // namespace govern
