// The transition function: what it refuses, by which name, and that a refusal changes nothing.
#include "govern/state.h"

#include <gtest/gtest.h>

#include <functional>

#include "govern/evidence.h"

namespace govern {
namespace {

const base::Time kStart = base::parse_rfc3339("2026-11-21T12:00:00Z").value();

// A house in memory: three directors of whom two must agree, an investor, and the steps to a
// release.
class StateTest : public testing::Test {
 protected:
  StateTest() {
    for (const char* name : {"p.ada", "p.bea", "p.cai", "p.inv"})
      keys_.emplace(name, SignerKey{name, crypto::PrivateKey::generate()});
    text_ = "[charter]\nid = \"test/house\"\nversion = 1\nprev_sha256 = \"\"\n";
    for (const auto& [name, key] : keys_)
      text_ +=
          "[[person]]\nid = \"" + name + "\"\nkeys = [\"" + format_vkey(key.verifier()) + "\"]\n";
    text_ +=
        "[[body]]\nid = \"board\"\nclass = \"control\"\nseats = 3\nmembers = [\"p.ada\", "
        "\"p.bea\", \"p.cai\"]\n"
        "[[body]]\nid = \"investors\"\nclass = \"economic\"\nmembers = [\"p.inv\"]\n"
        "[rule.normal]\nthreshold = \"2/3\"\nfloor_for = 2\nnotice = \"1h\"\ntimelock = "
        "\"1h\"\nexpires = \"14d\"\n"
        "[[power]]\naction = \"model.promote\"\nbody = \"board\"\nrule = \"normal\"\nneeds = "
        "[\"gate.passed\"]\n"
        "[[gate]]\nid = \"any\"\nsuite = \"*\"\nmetric = \"accuracy\"\ndirection = "
        "\"lower\"\nlimit = \"0\"\nmin_n = 1\n";
    manifest_.files["model.safetensors"] = crypto::sha256("weights");
    log_ = SignerKey{"test/house/log", crypto::PrivateKey::generate()};
    const CharterStatement charter{context("charter"), text_, format_vkey(log_->verifier())};
    must(Kind::Charter, format_charter_statement(charter), "p.ada");
  }

  Context context(std::string_view nonce) const {
    return {"test/house", 1, crypto::sha256(text_), "test/house/log",
            crypto::hex(crypto::sha256(nonce))};
  }

  base::Status step(Kind kind, const std::string& payload, const std::string& signer,
                    base::Duration later = base::seconds(0)) {
    now_ = now_ + later;
    const Envelope envelope = make_envelope(payload_type(kind), payload, {&keys_.at(signer), 1});
    const auto subject = subject_of(kind, payload);
    if (!subject) return std::unexpected(subject.error());
    const crypto::Digest before = state_hash(state_);
    const auto applied =
        apply(&state_, {{kind, state_.next, envelope_digest(envelope), *subject, now_}, envelope});
    if (!applied) EXPECT_EQ(state_hash(state_), before) << applied.error().text();
    if (applied) last_ = {state_.next - 1, envelope_digest(envelope)};
    return applied;
  }
  void must(Kind kind, const std::string& payload, const std::string& signer,
            base::Duration later = base::seconds(0)) {
    const auto applied = step(kind, payload, signer, later);
    ASSERT_TRUE(applied) << kind_name(kind) << ": " << applied.error().text();
  }
  std::string reason(Kind kind, const std::string& payload, const std::string& signer,
                     base::Duration later = base::seconds(0)) {
    const auto applied = step(kind, payload, signer, later);
    return applied ? "accepted" : applied.error().reason;
  }

  void log_evidence() {
    Evidence e;
    e.model = "tiny";
    e.manifest_digest = manifest_digest(manifest_);
    e.suite = "words";
    e.suite_version = "1";
    e.size = e.passed = 10;
    e.finished = kStart;
    must(Kind::Evidence, format_evidence(e), "p.ada");
    evidence_ = {last_};
    must(Kind::Gate, format_gate_verdict(verdict()), "p.ada");
    gate_ = last_;
  }
  GateVerdict verdict() const {
    return {"tiny",    "chat", manifest_digest(manifest_), standard_digest(*state_.charter),
            evidence_, kStart};
  }
  Proposal proposal(std::string_view nonce = "proposal") const {
    Proposal p;
    p.context = context(nonce);
    p.channel = "chat";
    p.person = "p.ada";
    p.model = "tiny";
    p.manifest = manifest_;
    p.evidence = evidence_;
    p.gate = gate_;
    p.created = now_;
    p.expires = now_ + base::seconds(14 * 86'400);
    return p;
  }
  void propose() {
    log_evidence();
    proposal_ = proposal();
    must(Kind::Proposal, format_proposal(proposal_), "p.ada");
    proposed_ = last_.leaf;
  }
  Ballot ballot(const std::string& person, Vote vote = Vote::For) const {
    Ballot b;
    b.context = context(person + std::to_string(state_.next));
    b.proposal = proposal_digest(proposal_);
    b.body = "board";
    b.person = person;
    b.vote = vote;
    b.checkpoint_size = state_.next;
    b.created = now_;
    b.expires = proposal_.expires;
    return b;
  }
  TallyStatement tally() const {
    const ProposalState& p = state_.proposals.at(proposal_digest(proposal_));
    TallyStatement t{context("tally"),
                     proposal_digest(proposal_),
                     "p.ada",
                     {},
                     outcome_to_json(count_ballots(state_, p)),
                     now_};
    for (const auto& record : p.ballots) t.ballots.push_back(record.at);
    return t;
  }
  void pass() {
    propose();
    must(Kind::Ballot, format_ballot(ballot("p.ada")), "p.ada");
    must(Kind::Ballot, format_ballot(ballot("p.bea")), "p.bea");
    must(Kind::Tally, format_tally(tally()), "p.ada", base::seconds(3600));
  }
  Certificate certificate() const {
    Certificate c =
        expected_certificate(state_, state_.proposals.at(proposal_digest(proposal_)), now_);
    c.nonce = crypto::hex(crypto::sha256("certificate"));
    return c;
  }

  std::map<std::string, SignerKey> keys_;
  std::optional<SignerKey> log_;
  std::string text_;
  Manifest manifest_;
  State state_;
  base::Time now_ = kStart;
  LeafReference last_, gate_;
  std::vector<LeafReference> evidence_;
  Proposal proposal_;
  uint64_t proposed_ = 0;
};

constexpr base::Duration kHour = base::seconds(3600);

TEST_F(StateTest, GoesTheWholeWay) {
  pass();
  now_ = now_ + kHour;
  EXPECT_EQ(reason(Kind::Release, format_certificate(certificate()), "p.bea"), "accepted");
  EXPECT_EQ(state_.channels.at("chat").certificate.epoch, 1u);
}

TEST_F(StateTest, ALogHasOneCharterAndItComesFirst) {
  EXPECT_EQ(
      reason(Kind::Charter,
             format_charter_statement({context("again"), text_, format_vkey(log_->verifier())}),
             "p.ada"),
      "CHARTER_CHAIN");
  State empty;
  const Envelope envelope = make_envelope(payload_type(Kind::Proposal), format_proposal(proposal()),
                                          {&keys_.at("p.ada"), 1});
  EXPECT_FALSE(apply(
      &empty, {{Kind::Proposal, 0, envelope_digest(envelope), manifest_digest(manifest_), kStart},
               envelope}));
  // A charter that names another log, or that nobody in power signed.
  const SignerKey other{"other/log", crypto::PrivateKey::generate()};
  const auto first = [&](const CharterStatement& statement, const std::string& signer) {
    const Envelope e = make_envelope(payload_type(Kind::Charter),
                                     format_charter_statement(statement), {&keys_.at(signer), 1});
    const auto applied =
        apply(&empty, {{Kind::Charter, 0, envelope_digest(e), crypto::sha256(text_), kStart}, e});
    return applied ? "accepted" : applied.error().reason;
  };
  EXPECT_EQ(first({context("c"), text_, format_vkey(other.verifier())}, "p.ada"),
            "CONTEXT_MISMATCH");
  EXPECT_EQ(first({context("c"), text_, format_vkey(log_->verifier())}, "p.inv"), "CLASS_FORBIDDEN");
  EXPECT_FALSE(empty.started());
}

TEST_F(StateTest, EntriesFollowEachOther) {
  log_evidence();
  Proposal p = proposal();
  const Envelope envelope =
      make_envelope(payload_type(Kind::Proposal), format_proposal(p), {&keys_.at("p.ada"), 1});
  Leaf leaf{Kind::Proposal, state_.next, envelope_digest(envelope), manifest_digest(manifest_),
            now_};
  const auto refused = [&](const std::function<void(Leaf*)>& change) {
    Leaf changed = leaf;
    change(&changed);
    State trial = state_;
    const auto applied = apply(&trial, {changed, envelope});
    return applied ? "accepted" : applied.error().reason;
  };
  EXPECT_EQ(refused([](Leaf* l) { l->seq += 1; }), "INCONSISTENT");
  EXPECT_EQ(refused([](Leaf* l) { l->seq -= 1; }), "INCONSISTENT");
  EXPECT_EQ(refused([](Leaf* l) { l->envelope[0] ^= 1; }), "DIGEST_MISMATCH");
  EXPECT_EQ(refused([](Leaf* l) { l->subject[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Leaf* l) { l->kind = Kind::Ballot; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Leaf* l) { l->time = kStart + base::seconds(-1); }), "TIME_ORDER");
  EXPECT_EQ(refused([](Leaf*) {}), "accepted");
}

TEST_F(StateTest, AProposalNamesItsPlaceItsPersonAndItsEvidence) {
  log_evidence();
  const auto refused = [&](const std::function<void(Proposal*)>& change,
                           const std::string& signer = "p.ada") {
    Proposal p = proposal();
    change(&p);
    return reason(Kind::Proposal, format_proposal(p), signer);
  };
  EXPECT_EQ(refused([](Proposal* p) { p->context.origin = "other/log"; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Proposal* p) { p->context.charter_sha256[0] ^= 1; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Proposal* p) { p->manifest.files["extra"] = crypto::sha256(""); }),
            "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Proposal* p) { p->channel = "prod"; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Proposal* p) { p->channel = "../x"; }), "MALFORMED");
  EXPECT_EQ(refused([](Proposal* p) { p->evidence.clear(); }), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(refused([](Proposal* p) { p->gate.leaf += 1; }), "EVIDENCE_MISSING");
  EXPECT_EQ(refused([](Proposal* p) { p->epoch = 2; }), "ROLLBACK");
  EXPECT_EQ(refused([](Proposal* p) { p->epoch = 0; }), "ROLLBACK");
  EXPECT_EQ(refused([](Proposal* p) { p->action = "model.destroy"; }), "NO_POWER");
  EXPECT_EQ(refused([](Proposal* p) { p->expires = p->expires + base::seconds(1); }), "EXPIRED");
  EXPECT_EQ(refused([](Proposal*) {}, "p.bea"), "SIGNER_MISSING");
  EXPECT_EQ(refused([](Proposal* p) { p->person = "p.inv"; }, "p.inv"), "CLASS_FORBIDDEN");
  EXPECT_EQ(refused([](Proposal*) {}), "accepted");
  EXPECT_EQ(refused([](Proposal*) {}), "REPLAY");
}

TEST_F(StateTest, ABallotIsBoundToAllThatItIsAbout) {
  propose();
  const auto refused = [&](const std::function<void(Ballot*)>& change,
                           const std::string& signer = "p.ada") {
    Ballot b = ballot("p.ada");
    change(&b);
    return reason(Kind::Ballot, format_ballot(b), signer);
  };
  EXPECT_EQ(refused([](Ballot* b) { b->proposal[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Ballot* b) { b->context.charter_id = "other"; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Ballot*) {}, "p.bea"), "SIGNER_MISSING");
  EXPECT_EQ(refused([](Ballot* b) { b->person = "p.nobody"; }), "NOT_SEATED");
  EXPECT_EQ(refused([](Ballot* b) { b->body = "nowhere"; }), "NOT_SEATED");
  EXPECT_EQ(refused([](Ballot* b) { b->body = "investors"; }), "CLASS_FORBIDDEN");
  EXPECT_EQ(refused(
                [](Ballot* b) {
                  b->person = "p.inv";
                  b->body = "investors";
                },
                "p.inv"),
            "CLASS_FORBIDDEN");
  EXPECT_EQ(refused([&](Ballot* b) { b->checkpoint_size = proposed_; }), "BALLOT_CHECKPOINT");
  EXPECT_EQ(refused([](Ballot* b) { b->checkpoint_size += 1; }), "BALLOT_CHECKPOINT");
  EXPECT_EQ(refused([](Ballot* b) { b->created = b->created + base::seconds(60); }), "TIME_ORDER");
  EXPECT_EQ(refused([](Ballot*) {}), "accepted");
  EXPECT_EQ(refused([](Ballot* b) { b->vote = Vote::Against; }), "BALLOT_EXISTS");
}

TEST_F(StateTest, ATallyIsCountedNotBelieved) {
  propose();
  must(Kind::Ballot, format_ballot(ballot("p.ada")), "p.ada");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.ada"), "NOTICE_PENDING");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.ada", kHour), "THRESHOLD_UNMET");
  must(Kind::Ballot, format_ballot(ballot("p.cai", Vote::Against)), "p.cai");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.ada"), "THRESHOLD_UNMET");
  must(Kind::Ballot, format_ballot(ballot("p.bea")), "p.bea");
  TallyStatement without = tally();
  without.ballots.erase(without.ballots.begin() + 1);
  EXPECT_EQ(reason(Kind::Tally, format_tally(without), "p.ada"), "BALLOT_MISSING");
  TallyStatement wrong = tally();
  wrong.results.as_array()[0].set("against", "0");
  EXPECT_EQ(reason(Kind::Tally, format_tally(wrong), "p.ada"), "TALLY_MISMATCH");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.inv"), "CLASS_FORBIDDEN");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.ada"), "accepted");
  EXPECT_EQ(reason(Kind::Ballot, format_ballot(ballot("p.bea")), "p.bea"), "STAGE");
}

TEST_F(StateTest, AProposalExpires) {
  propose();
  must(Kind::Ballot, format_ballot(ballot("p.ada")), "p.ada");
  EXPECT_EQ(
      reason(Kind::Ballot, format_ballot(ballot("p.bea")), "p.bea", base::seconds(14 * 86'400 + 1)),
      "EXPIRED");
  EXPECT_EQ(reason(Kind::Tally, format_tally(tally()), "p.ada"), "EXPIRED");
}

TEST_F(StateTest, ACertificateSaysWhatWasDecided) {
  pass();
  EXPECT_EQ(reason(Kind::Release, format_certificate(certificate()), "p.ada"), "TIMELOCK_PENDING");
  now_ = now_ + kHour;
  const auto refused = [&](const std::function<void(Certificate*)>& change,
                           const std::string& signer = "p.ada") {
    Certificate c = certificate();
    change(&c);
    return reason(Kind::Release, format_certificate(c), signer);
  };
  EXPECT_EQ(refused([](Certificate* c) { c->oms_root[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->manifest_digest[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->release_unit[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->channel = "prod"; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->standard[0] ^= 1; }), "CONTEXT_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->tally.sha256[0] ^= 1; }), "TALLY_MISMATCH");
  EXPECT_EQ(refused([](Certificate* c) { c->evidence = json::Array{}; }), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(refused([](Certificate* c) { c->epoch = 7; }), "ROLLBACK");
  EXPECT_EQ(refused([](Certificate* c) { c->not_after = c->not_after + kHour; }), "EXPIRED");
  EXPECT_EQ(refused([](Certificate* c) {
              c->not_before = c->not_before + kHour;
              c->not_after = c->not_after + kHour;
            }),
            "TIME_ORDER");
  EXPECT_EQ(refused([](Certificate* c) { c->proposal[0] ^= 1; }), "SUBJECT_MISMATCH");
  EXPECT_EQ(refused([](Certificate*) {}, "p.inv"), "CLASS_FORBIDDEN");
  EXPECT_EQ(refused([](Certificate*) {}), "accepted");
  EXPECT_EQ(refused([](Certificate* c) { c->nonce[0] = c->nonce[0] == '0' ? '1' : '0'; }),
            "ROLLBACK")
      << "one proposal, one release";
}

}  // namespace
}  // namespace govern
