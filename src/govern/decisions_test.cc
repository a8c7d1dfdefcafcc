// Decisions under charters/nonprofit.toml: the attacks of GOVERNANCE section 6 that are about them,
// each with its code, and the story of 3.4.
#include "govern/decisions.h"

#include <gtest/gtest.h>

#include "govern/testing_council.h"

namespace govern {
namespace {

using testing::Council;
using testing::put;

constexpr base::Duration kHour = base::seconds(3600);
const std::vector<std::string> kSafety = {"p.hui", "p.ike"};

Subject seat(const std::string& person, const std::string& body) {
  Subject subject;
  subject.person = person;
  subject.body = body;
  return subject;
}
Subject words(const std::string& text) {
  Subject subject;
  subject.text = text;
  return subject;
}

// 3.4: six seats, the chief executive recused, four for.
TEST(Decisions, TheStoryClosesOnlyWhenEverybodyWasToldSeventyTwoHoursAgo) {
  Council c;
  ASSERT_EQ(c.propose("person.remove_executive", seat("p.fay", "board"), "p.bea"), "accepted")
      << c.message;
  EXPECT_EQ(c.vote("board", "p.fay", Vote::Against), "RECUSED");
  c.all_for("board", {"p.bea", "p.cai", "p.dan", "p.eve"});
  c.all_for("safety", kSafety);
  EXPECT_EQ(c.tally(), "NOTICE_INCOMPLETE");
  // Everybody but the chair and the investor.
  EXPECT_EQ(c.tell({"p.bea", "p.cai", "p.dan", "p.eve", "p.fay", "p.gil", "p.nia", "p.oli"}, true,
                   "p.bea"),
            "accepted");
  c.pass(base::seconds(73 * 3600));
  EXPECT_EQ(c.tally(), "NOTICE_INCOMPLETE") << "the chair was not told";
  EXPECT_EQ(c.tell({"p.ada"}, false, "p.ada"), "accepted") << "a receipt of one's own";
  EXPECT_EQ(c.tell({"p.pia"}, false, "p.pia"), "CLASS_FORBIDDEN");
  EXPECT_EQ(c.tally(), "NOTICE_INCOMPLETE") << "the partner was not told";
  EXPECT_EQ(c.tell({"p.pia"}, true, "p.bea"), "accepted");
  EXPECT_EQ(c.tally(), "NOTICE_PENDING") << "told, but a minute before";
  c.pass(base::seconds(72 * 3600 - 60));
  EXPECT_EQ(c.tally(), "NOTICE_PENDING");
  c.pass(base::seconds(60));
  EXPECT_EQ(c.tally(), "accepted") << c.message;
  EXPECT_EQ(c.enact(), "TIMELOCK_PENDING");
  c.pass(base::seconds(48 * 3600));
  EXPECT_EQ(c.enact(), "accepted") << c.message;
  EXPECT_FALSE(c.state.charter->find_body("board")->members.size() == 6);
}

// Attack 7: our own clock has no say; one witness that lies has none either.
TEST(Decisions, AClockSetAheadEndsNoNotice) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  c.all_for("board", {"p.ada", "p.bea", "p.cai", "p.dan"});
  c.all_for("safety", kSafety);
  const base::Time start = c.now;
  ASSERT_EQ(c.cosign_at(start), "accepted");
  c.now = c.now + base::seconds(5 * 86'400);
  EXPECT_EQ(c.tally(), "NOTICE_PENDING");
  EXPECT_EQ(c.cosign_at(start + base::seconds(72 * 3600 - 60)), "accepted");
  EXPECT_EQ(c.tally(), "NOTICE_PENDING") << "71:59 by the witnesses";
  EXPECT_EQ(c.cosign_at(start + base::seconds(80 * 3600), {0}), "accepted");
  EXPECT_EQ(c.tally(), "NOTICE_PENDING") << "one of two that are needed";
  EXPECT_EQ(c.cosign_at(c.now + kHour, {1}), "TIME_ORDER") << "dated in the future";
  EXPECT_EQ(c.cosign_at(start + base::seconds(72 * 3600), {1}), "accepted");
  EXPECT_EQ(c.tally(), "accepted") << c.message;
}

// Attack 1: two keys are not two persons.
TEST(Decisions, TwoKeysOfOnePersonAreOnePerson) {
  Council c;
  const SignerKey& second = c.key("p.ada.second");
  Keyring change;
  change.context = c.context();
  change.person = "p.ada";
  change.vkey = format_vkey(second.verifier());
  change.created = c.now;
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.ada"}), "SIGNER_MISSING")
      << "the new key has not signed";
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.ada", "p.ada.second"}), "accepted");
  ASSERT_EQ(c.propose("weights.export", {}, "p.eve"), "accepted") << c.message;
  EXPECT_EQ(c.say(Kind::Ballot, format_ballot(c.ballot("board", "p.ada")), {"p.ada.second"}),
            "accepted");
  EXPECT_EQ(c.say(Kind::Ballot, format_ballot(c.ballot("board", "p.ada")), {"p.ada"}),
            "BALLOT_EXISTS");
  EXPECT_EQ(c.say(Kind::Ballot, format_ballot(c.ballot("board", "p.bea")), {"p.ada"}),
            "SIGNER_MISSING");
  c.all_for("board", {"p.bea", "p.cai"});
  c.all_for("safety", kSafety);
  c.pass(base::seconds(4 * 86'400));
  EXPECT_EQ(c.tally(), "THRESHOLD_UNMET") << "three persons, four keys";
  // One key under two names.
  change = {};
  change.context = c.context();
  change.person = "p.bea";
  change.vkey = format_vkey({"p.bea", second.key.public_key()});
  change.created = c.now;
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.bea", "p.ada.second"}), "BAD_KEY");
}

// Attack 2.
TEST(Decisions, ABallotCountsForNothingElse) {
  Council c;
  ASSERT_EQ(c.propose("motion", words("one")), "accepted") << c.message;
  const Ballot first = c.ballot("board", "p.ada");
  ASSERT_EQ(c.propose("motion", words("two")), "accepted") << c.message;
  Ballot copied = first;
  copied.proposal = c.open;
  Envelope envelope{payload_type(Kind::Ballot), format_ballot(first), {}};
  sign_envelope(&envelope, c.key("p.ada"));
  envelope.payload = format_ballot(copied);
  EXPECT_EQ(c.log(Kind::Ballot, envelope), "BAD_SIG");
  const auto elsewhere = [&](const std::function<void(Ballot*)>& change) {
    Ballot b = c.ballot("board", "p.ada");
    change(&b);
    return c.say(Kind::Ballot, format_ballot(b), {"p.ada"});
  };
  EXPECT_EQ(elsewhere([](Ballot* b) { b->context.origin = "another/log"; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(elsewhere([](Ballot* b) { b->context.charter_version = 2; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(elsewhere([](Ballot* b) { b->proposal[0] ^= 1; }), "SUBJECT_MISMATCH");
}

// Attack 9: who votes on oneself, and opponents declared to have a conflict.
TEST(Decisions, ConflictsThatOthersFindLeaveTheBaseAsItIs) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  const auto declare = [&](const std::string& who, const std::string& of) {
    const Recusal r{c.context(), c.open, "board", who, of, "reasons", c.now};
    return c.say(Kind::Recusal, format_recusal(r), {who});
  };
  c.all_for("board", {"p.ada", "p.bea", "p.cai"});
  c.all_for("safety", kSafety);
  for (const char* opponent : {"p.dan", "p.eve", "p.fay"}) {
    for (const char* who : {"p.ada", "p.bea", "p.cai"})
      EXPECT_EQ(declare(who, opponent), "accepted");
  }
  EXPECT_EQ(declare("p.ada", "p.dan"), "REPLAY");
  EXPECT_EQ(c.vote("board", "p.dan", Vote::Against), "accepted")
      << "three of five others are no two thirds";
  EXPECT_EQ(declare("p.dan", "p.fay"), "accepted") << "four of five are";
  EXPECT_EQ(c.vote("board", "p.fay"), "RECUSED");
  c.pass(base::seconds(4 * 86'400));
  EXPECT_EQ(c.tally(), "THRESHOLD_UNMET");
  const Outcome outcome = count_ballots(c.state, c.proposal());
  EXPECT_EQ(outcome.bodies[0].eligible, 6u) << "the base is as it was";
  EXPECT_EQ(outcome.bodies[0].votes_against, 2u) << "the one who voted, and the one in conflict";
}

// Attack 13.
TEST(Decisions, AnEconomicKeyChangesNothing) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  EXPECT_EQ(c.propose("motion", words("x"), "p.pia"), "CLASS_FORBIDDEN");
  EXPECT_EQ(c.vote("investors", "p.pia"), "CLASS_FORBIDDEN");
  EXPECT_EQ(c.say(Kind::Ballot, format_ballot(c.ballot("board", "p.ada")), {"p.ada", "p.pia"}),
            "CLASS_FORBIDDEN");
  const Veto veto{c.context(), c.open, "investors", "p.pia", "no", c.now};
  EXPECT_EQ(c.say(Kind::Veto, format_veto(veto), {"p.pia"}), "CLASS_FORBIDDEN");
  for (const auto& [from, to] : std::vector<std::pair<std::string, std::string>>{
           {"consent = [\"safety\"]\nveto", "consent = [\"investors\"]\nveto"},
           {"veto = { body = \"trust\"", "veto = { body = \"investors\""},
           {"body = \"board\"\nrule = \"expand\"", "body = \"investors\"\nrule = \"expand\""},
           {"\"safety.*\", \"board.*\"", "\"safety.*\", \"investors.*\""}}) {
    const auto charter = parse_charter(put(c.text, from, to));
    ASSERT_FALSE(charter) << to;
    EXPECT_EQ(charter.error().reason, "CHARTER_LINT") << to;
  }
}

TEST(Decisions, TheTrustVetoesInItsWindow) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  c.all_for("board", {"p.bea", "p.cai", "p.dan", "p.eve"});
  c.all_for("safety", kSafety);
  c.pass(base::seconds(3 * 86'400));
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  const auto veto = [&](const std::string& person) {
    const Veto v{c.context(), c.open, "trust", person, "not yet", c.now};
    return c.say(Kind::Veto, format_veto(v), {person});
  };
  EXPECT_EQ(veto("p.ada"), "NOT_SEATED");
  EXPECT_EQ(veto("p.kim"), "accepted");
  EXPECT_EQ(veto("p.kim"), "REPLAY") << "one person is one";
  EXPECT_EQ(c.enact(), "TIMELOCK_PENDING");
  Council late = c;
  EXPECT_EQ(veto("p.lou"), "accepted");
  EXPECT_EQ(c.proposal().stage, Stage::Vetoed);
  c.pass(base::seconds(3 * 86'400));
  EXPECT_EQ(c.enact(), "STAGE");
  late.pass(base::seconds(2 * 86'400));
  const Veto v{late.context(), late.open, "trust", "p.lou", "too late", late.now};
  EXPECT_EQ(late.say(Kind::Veto, format_veto(v), {"p.lou"}), "EXPIRED");
  EXPECT_EQ(late.enact(), "accepted") << late.message;
}

TEST(Decisions, ABallotThatCarriesItLateLeavesTimeToAnswer) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  c.all_for("board", {"p.bea", "p.cai", "p.dan"});
  c.all_for("safety", kSafety);
  c.pass(base::seconds(3 * 86'400));
  ASSERT_EQ(c.vote("board", "p.eve"), "accepted");
  EXPECT_EQ(c.tally(), "NOTICE_PENDING") << "12 hours more";
  c.pass(base::seconds(12 * 3600));
  EXPECT_EQ(c.tally(), "accepted") << c.message;
}

TEST(Decisions, TooFewEligibleGoesToTheTrust) {
  Council c([](std::string text) { return put(text, "min_filled = 4", "min_filled = 6"); });
  ASSERT_EQ(c.propose("person.remove_executive", seat("p.fay", "board"), "p.bea"), "accepted");
  EXPECT_EQ(c.proposal().deciding, "board") << "five of six: one may be missing";
  Council two([](std::string text) {
    text = put(text, "min_filled = 4", "min_filled = 6");
    return put(text, "keys = [\"", "interests = [\"family:p.fay\"]\nkeys = [\"");
  });
  ASSERT_EQ(two.propose("person.remove_executive", seat("p.fay", "board"), "p.bea"), "accepted");
  EXPECT_EQ(two.proposal().recused, (std::set<std::string>{"p.ada", "p.fay"}));
  EXPECT_EQ(two.proposal().deciding, "trust");
  EXPECT_EQ(two.vote("board", "p.bea"), "NOT_SEATED");
  EXPECT_EQ(two.vote("trust", "p.kim"), "accepted") << two.message;
}

// 3.4, the urgent case; invariant 31.
TEST(Decisions, ASuspensionEndsByItself) {
  Council c;
  ASSERT_EQ(c.propose("person.suspend_executive", seat("p.fay", "board")), "accepted") << c.message;
  c.all_for("board", {"p.ada", "p.bea", "p.cai"});
  EXPECT_EQ(c.tally(), "THRESHOLD_UNMET") << "the floor is four";
  c.all_for("board", {"p.dan"});
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  ASSERT_EQ(c.enact(), "accepted") << c.message;
  EXPECT_TRUE(is_suspended(c.state, "board", "p.fay", c.now));
  ASSERT_EQ(c.propose("motion", words("x")), "accepted");
  EXPECT_EQ(c.vote("board", "p.fay"), "SUSPENDED");
  EXPECT_EQ(count_ballots(c.state, c.proposal()).bodies[0].eligible, 6u) << "the seat stays";
  Council lapses = c;
  const crypto::Digest same = state_hash(lapses.state);
  EXPECT_FALSE(is_suspended(lapses.state, "board", "p.fay", lapses.now + base::seconds(86'401)));
  EXPECT_EQ(state_hash(lapses.state), same) << "by itself";
  c.now = c.now + base::seconds(20 * 3600);
  ASSERT_EQ(c.propose("person.remove_executive", seat("p.fay", "board")), "accepted");
  EXPECT_TRUE(is_suspended(c.state, "board", "p.fay", c.now + base::seconds(86'400)));
  EXPECT_FALSE(is_suspended(c.state, "board", "p.fay", c.now + base::seconds(10 * 86'400)));
}

TEST(Decisions, AThirdOfTheStaffForcesAVote) {
  Council c;
  const auto sign = [&](const std::string& person) {
    const Petition p{c.context(),
                     "staff",
                     person,
                     "motion",
                     words("publish the report"),
                     c.now,
                     c.now + base::seconds(864'000)};
    return std::pair(c.say(Kind::Petition, format_petition(p), {person}), petition_digest(p));
  };
  EXPECT_EQ(sign("p.ada").first, "NOT_SEATED");
  const auto [answer, digest] = sign("p.nia");
  ASSERT_EQ(answer, "accepted") << c.message;
  EXPECT_EQ(sign("p.nia").first, "REPLAY");
  EXPECT_TRUE(c.state.petitions.at(digest).forced) << "one of three is a third";
  Proposal forced = c.motion("motion", words("publish the report"), "p.nia");
  EXPECT_EQ(c.say(Kind::Proposal, format_proposal(forced), {"p.nia"}), "NOT_SEATED");
  forced.petition = digest;
  EXPECT_EQ(c.say(Kind::Proposal, format_proposal(forced), {"p.nia"}), "accepted") << c.message;
  forced.context = c.context();
  forced.subject.text = "something else";
  EXPECT_EQ(c.say(Kind::Proposal, format_proposal(forced), {"p.nia"}), "SUBJECT_MISMATCH");
}

TEST(Decisions, AStolenKeyTakesItsBallotsBack) {
  Council c;
  ASSERT_EQ(c.propose("weights.export", {}), "accepted") << c.message;
  c.all_for("board", {"p.bea", "p.cai", "p.dan", "p.eve"});
  const uint64_t from = c.last.leaf;
  c.all_for("safety", kSafety);
  c.pass(base::seconds(3 * 86'400));
  ASSERT_EQ(c.tally(), "accepted") << c.message;
  Keyring change;
  change.context = c.context();
  change.person = "p.eve";
  change.change = KeyChange::Compromise;
  change.vkey = format_vkey(c.key("p.eve").verifier());
  change.from_leaf = from;
  change.created = c.now;
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.ada"}), "SIGNER_MISSING");
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.ada", "p.bea"}), "accepted");
  EXPECT_EQ(c.proposal().stage, Stage::Voting);
  EXPECT_EQ(c.tally(), "THRESHOLD_UNMET");
  EXPECT_EQ(c.vote("board", "p.eve"), "BAD_SIG");
  change.context = c.context();
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(change), {"p.ada", "p.bea"}), "ROLLBACK");
  // New keys, with 72 hours in which the person may object.
  Keyring lost = change;
  lost.context = c.context();
  lost.version = 3;
  lost.change = KeyChange::Lose;
  lost.from_leaf = 0;
  lost.vkey = format_vkey(c.key("p.eve.new").verifier());
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(lost), {"p.ada", "p.bea", "p.eve.new"}), "accepted")
      << c.message;
  lost.context = c.context();
  lost.version = 4;
  lost.change = KeyChange::Confirm;
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(lost), {"p.eve.new"}), "NOTICE_PENDING");
  c.pass(base::seconds(3 * 86'400));
  EXPECT_EQ(c.say(Kind::Keyring, format_keyring(lost), {"p.eve.new"}), "accepted") << c.message;
  EXPECT_EQ(c.say(Kind::Ballot, format_ballot(c.ballot("board", "p.eve")), {"p.eve.new"}),
            "accepted");
}

TEST(Decisions, AnEmptySeatIsFilledFromTheList) {
  Council c;
  EXPECT_EQ(c.propose("fill_seat", seat("p.kim", "board"), "p.kim"), "SUCCESSION") << "it is full";
  c.state.charter = [&] {
    Charter short_of = *c.state.charter;
    short_of.bodies[0].members.resize(3);
    return std::make_shared<const Charter>(std::move(short_of));
  }();
  EXPECT_EQ(c.propose("weights.export", {}), "SEATS_UNFILLED");
  EXPECT_EQ(c.propose("fill_seat", seat("p.lou", "board"), "p.kim"), "SUCCESSION")
      << "not the next";
  ASSERT_EQ(c.propose("fill_seat", seat("p.kim", "board"), "p.kim"), "accepted") << c.message;
  c.all_for("trust", {"p.lou", "p.max"});
  c.pass(base::seconds(86'400));
  ASSERT_EQ(c.tally("p.kim"), "accepted") << c.message;
  ASSERT_EQ(c.enact({"p.kim"}), "accepted") << c.message;
  EXPECT_EQ(c.state.charter->find_body("board")->members.size(), 4u);
  ASSERT_EQ(c.propose("weights.export", {}), "accepted");
  c.pass(base::seconds(61 * 86'400));
  EXPECT_EQ(c.propose("weights.export", {}), "SEATS_UNFILLED") << "the interim is over";
}

TEST(Decisions, ARecoveredKeyNeedsTwoBodiesAndTheOfflineKeys) {
  Council c;
  Subject subject;
  subject.person = "p.eve";
  subject.vkey = format_vkey(c.key("p.eve.new").verifier());
  ASSERT_EQ(c.propose("key.recover", subject, "p.kim"), "accepted") << c.message;
  c.all_for("trust", {"p.kim", "p.lou"});
  c.all_for("board", {"p.ada", "p.bea", "p.cai", "p.dan"});
  c.pass(base::seconds(86'400));
  ASSERT_EQ(c.tally("p.kim"), "accepted") << c.message;
  c.pass(base::seconds(7 * 86'400));
  EXPECT_EQ(c.enact({"p.lou", "recovery.1"}), "SIGNER_MISSING");
  EXPECT_EQ(c.enact({"p.lou", "recovery.1", "recovery.3"}), "accepted") << c.message;
  EXPECT_EQ(c.state.charter->find_person("p.eve")->keys.front().name, "p.eve.new");
}

}  // namespace
}  // namespace govern
