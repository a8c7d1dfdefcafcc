// A model's way from a folder to a verified release, and every way in which a release must be
// refused.
#include "journal/charter_house.h"

#include <gtest/gtest.h>

#include <functional>

#include "govern/refusal.h"
#include "journal/model_folder.h"

namespace journal {
namespace {

using govern::Vote;

base::Time at(std::string_view text) { return base::parse_rfc3339(text).value(); }
const base::Time kNow = at("2026-11-21T12:00:00Z");
constexpr base::Duration kHour{int64_t{3600} * 1'000'000'000};

void write(const std::string& path, std::string_view text) {
  ASSERT_TRUE(files::make_directories(files::parent(path)));
  ASSERT_TRUE(files::write_atomic(path, text));
}

govern::Evidence evidence_for(const std::string& model, uint64_t passed = 80) {
  govern::Evidence e;
  e.model = "tiny";
  e.manifest_digest = govern::manifest_digest({hash_model_files(model).value()});
  e.suite = "arith-en";
  e.suite_version = "1";
  e.suite_root = crypto::sha256("suite");
  e.result_root = crypto::sha256("results");
  e.size = 100;
  e.passed = passed;
  e.failed = 100 - passed;
  e.finished = kNow;
  return e;
}

class HouseTest : public testing::Test {
 protected:
  HouseTest() : folder_(files::TemporaryDirectory::create().value()) {
    data_ = files::join(folder_.path(), "data");
    model_ = files::join(folder_.path(), "tiny");
    evidence_ = files::join(folder_.path(), "evidence.json");
    write(files::join(model_, "config.json"), "{}");
    write(files::join(model_, "model.safetensors"), std::string(1000, 'w'));
    write(files::join(model_, "tokenizer.json"), "{\"tokens\":[]}");
    write(evidence_, govern::format_evidence(evidence_for(model_)));
  }

  ProposeOptions proposal_of(std::string person = "") const {
    ProposeOptions options;
    options.model_directory = model_;
    options.evidence = {evidence_};
    options.person = std::move(person);
    return options;
  }

  // The whole way under the one-person charter.
  Released release_as_owner(House* house) {
    const auto proposed = propose(house, proposal_of(), kNow);
    EXPECT_TRUE(proposed) << proposed.error().text();
    const auto voted = vote(house, {proposed->proposal, "", "", "", Vote::For}, kNow);
    EXPECT_TRUE(voted) << voted.error().text();
    EXPECT_TRUE(voted->outcome.passed);
    const auto released = release(house, {proposed->proposal, "", ""}, kNow);
    EXPECT_TRUE(released) << released.error().text();
    return *released;
  }

  std::string bundle_text(const std::string& directory) const {
    return files::read_file(files::join(directory, govern::kBundleFile)).value();
  }

  files::TemporaryDirectory folder_;
  std::string data_, model_, evidence_;
};

std::string reason_of(const auto& result) { return result ? "accepted" : result.error().reason; }

base::Result<govern::VerifiedRelease> verify(std::string_view bundle, const govern::CharterPin& pin,
                                             base::Time now = kNow) {
  TRY(const auto parsed, govern::parse_bundle_file(bundle));
  return govern::verify_release(parsed, pin, now);
}

TEST_F(HouseTest, OnePersonProposesVotesAndReleases) {
  auto house = init_house(data_, {}, kNow);
  ASSERT_TRUE(house) << house.error().text();
  EXPECT_TRUE(house->charter().one_person_decides());
  const Released released = release_as_owner(&*house);
  EXPECT_EQ(released.channel, "chat");
  EXPECT_EQ(released.epoch, 1u);
  EXPECT_EQ(released.directory, files::join(data_, "models/chat"));

  const auto verified = verify(bundle_text(released.directory), house->pin());
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_EQ(verified->persons_for, std::vector<std::string>{"p.owner"});
  EXPECT_TRUE(verified->one_person_decides);
  EXPECT_EQ(verified->price.input_micro_per_million, 10'000'000u);
  EXPECT_EQ(verified->price.output_micro_per_million, 30'000'000u);
  EXPECT_EQ(verified->evidence.size(), 1u);
  EXPECT_TRUE(
      govern::check_files(verified->manifest, hash_model_files(released.directory).value()));
}

TEST_F(HouseTest, TheLogReplaysToTheSameState) {
  crypto::Digest before;
  {
    auto house = init_house(data_, {}, kNow).value();
    release_as_owner(&house);
    before = govern::state_hash(house.state());
    EXPECT_TRUE(house.log().verify_files());
  }
  const auto again = House::open_to_read(data_);
  ASSERT_TRUE(again) << again.error().text();
  EXPECT_EQ(govern::state_hash(again->state()), before);
  EXPECT_EQ(again->state().channels.at("chat").certificate.epoch, 1u);
}

TEST_F(HouseTest, ASecondReleaseIsTheNextEpochAndReplacesTheFirst) {
  auto house = init_house(data_, {}, kNow).value();
  release_as_owner(&house);
  write(files::join(model_, "config.json"), "{\"v\":2}");
  write(evidence_, govern::format_evidence(evidence_for(model_)));
  const Released second = release_as_owner(&house);
  EXPECT_EQ(second.epoch, 2u);
  EXPECT_EQ(files::read_file(files::join(second.directory, "config.json")).value(), "{\"v\":2}");
  EXPECT_EQ(files::list_directories(house.models_folder()).value(),
            std::vector<std::string>{"chat"});
  const auto verified = verify(bundle_text(second.directory), house.pin());
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_EQ(verified->epoch, 2u);
}

TEST_F(HouseTest, AnyChangedByteOfTheBundleIsRefused) {
  auto house = init_house(data_, {}, kNow).value();
  const std::string good = bundle_text(release_as_owner(&house).directory);
  ASSERT_TRUE(verify(good, house.pin()));
  for (size_t i = 0; i < good.size(); i += 5) {  // often enough to meet every field
    std::string bad = good;
    bad[i] = static_cast<char>(bad[i] ^ (1 << i % 7));
    ASSERT_FALSE(verify(bad, house.pin()))
        << "byte " << i << ": " << good.substr(i > 20 ? i - 20 : 0, 40);
  }
  EXPECT_FALSE(verify(good + " ", house.pin()));
  EXPECT_FALSE(verify(std::string_view(good).substr(0, good.size() - 1), house.pin()));
}

TEST_F(HouseTest, ARemovedBallotIsNamed) {
  auto house = init_house(data_, {}, kNow).value();
  auto bundle = govern::parse_bundle_file(bundle_text(release_as_owner(&house).directory)).value();
  ASSERT_EQ(bundle.ballots.size(), 1u);
  bundle.ballots.clear();
  EXPECT_EQ(reason_of(govern::verify_release(bundle, house.pin(), kNow)), "BALLOT_MISSING");
  std::erase_if(bundle.leaves, [](const auto& p) { return p.leaf.kind == govern::Kind::Ballot; });
  EXPECT_EQ(reason_of(govern::verify_release(bundle, house.pin(), kNow)), "BALLOT_MISSING");
}

TEST_F(HouseTest, EveryStatementIsNeeded) {
  auto house = init_house(data_, {}, kNow).value();
  const auto good =
      govern::parse_bundle_file(bundle_text(release_as_owner(&house).directory)).value();
  for (size_t i = 0; i < good.statements.size(); ++i) {
    auto bundle = good;
    bundle.statements.erase(bundle.statements.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(govern::verify_release(bundle, house.pin(), kNow)) << i;
  }
  for (size_t i = 0; i < good.leaves.size(); ++i) {
    auto bundle = good;
    bundle.leaves.erase(bundle.leaves.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(govern::verify_release(bundle, house.pin(), kNow)) << i;
  }
}

TEST_F(HouseTest, AnotherHouseDoesNotBelieveIt) {
  auto house = init_house(data_, {}, kNow).value();
  const std::string bundle = bundle_text(release_as_owner(&house).directory);
  const auto other = init_house(files::join(folder_.path(), "other"), {}, kNow).value();
  EXPECT_FALSE(verify(bundle, other.pin()));
  govern::CharterPin mixed = house.pin();
  mixed.charter_sha256 = other.pin().charter_sha256;
  EXPECT_EQ(reason_of(verify(bundle, mixed)), "CONTEXT_MISMATCH");
  EXPECT_EQ(reason_of(verify(bundle, house.pin(), at("2099-01-01T00:00:00Z"))), "EXPIRED");
  EXPECT_EQ(reason_of(verify(bundle, house.pin(), at("2020-01-01T00:00:00Z"))), "EXPIRED");
}

TEST_F(HouseTest, EvidenceOfAnotherModelOrHalfARunIsRefused) {
  auto house = init_house(data_, {}, kNow).value();
  const uint64_t size = house.log().size();
  const auto try_evidence = [&](const std::function<void(govern::Evidence*)>& change) {
    govern::Evidence e = evidence_for(model_);
    change(&e);
    write(evidence_, govern::format_evidence(e));
    return reason_of(propose(&house, proposal_of(), kNow));
  };
  EXPECT_EQ(try_evidence([](auto* e) { e->manifest_digest = crypto::sha256("another model"); }),
            "SUBJECT_MISMATCH");
  EXPECT_EQ(try_evidence([](auto* e) { e->passed -= 1; }), "EVIDENCE_INCOMPLETE");
  EXPECT_EQ(try_evidence([](auto* e) { e->finished = kNow + kHour; }), "TIME_ORDER");
  ProposeOptions none = proposal_of();
  none.evidence.clear();
  EXPECT_EQ(reason_of(propose(&house, none, kNow)), "EVIDENCE_MISSING");
  EXPECT_EQ(house.log().size(), size) << "a refusal logs nothing";
}

TEST_F(HouseTest, WithoutAVoteThereIsNoRelease) {
  auto house = init_house(data_, {}, kNow).value();
  const auto proposed = propose(&house, proposal_of(), kNow).value();
  EXPECT_EQ(reason_of(release(&house, {proposed.proposal, "", ""}, kNow)), "THRESHOLD_UNMET");
  ASSERT_TRUE(vote(&house, {proposed.proposal, "", "", "", Vote::Against}, kNow));
  EXPECT_EQ(reason_of(vote(&house, {proposed.proposal, "", "", "", Vote::For}, kNow)),
            "BALLOT_EXISTS");
  EXPECT_EQ(reason_of(release(&house, {proposed.proposal, "", ""}, kNow)), "THRESHOLD_UNMET");
  EXPECT_FALSE(files::exists(files::join(data_, "models/chat")));
}

TEST_F(HouseTest, ACrashBeforeTheModelIsInPlaceIsMadeGood) {
  crypto::Digest proposal;
  {
    auto house = init_house(data_, {}, kNow).value();
    const Released released = release_as_owner(&house);
    proposal = house.state().channels.at("chat").certificate.proposal;
    // As if the process had died between the log and the rename.
    ASSERT_TRUE(files::make_directories(files::join(data_, "charter/staged")));
    ASSERT_TRUE(files::rename(released.directory, house.staged_folder(proposal)));
    ASSERT_TRUE(files::remove_directory(files::join(house.staged_folder(proposal), "release")));
  }
  const auto house = House::open(data_);
  ASSERT_TRUE(house) << house.error().text();
  EXPECT_TRUE(verify(bundle_text(files::join(data_, "models/chat")), house->pin()));
}

TEST_F(HouseTest, AdoptsWhatAnotherHouseReleasedAndNothingElse) {
  const auto makers = [&] {
    auto house = init_house(data_, {}, kNow).value();
    release_as_owner(&house);
    return house.pin();
  }();
  const std::string folder = files::join(data_, "models/chat");
  write(files::join(folder, "evidence/words.json"), files::read_file(evidence_).value());
  auto owner = init_house(files::join(folder_.path(), "owner"), {}, kNow).value();
  const auto adopt = [&] { return adopt_model(&owner, folder, "chat", makers, kNow); };
  EXPECT_FALSE(adopt_model(&owner, folder, "chat", owner.pin(), kNow)) << "another pin";
  const std::string weights = files::join(folder, "model.safetensors"),
                    before = files::read_file(weights).value();
  write(weights, "w" + before);
  EXPECT_EQ(reason_of(adopt()), "MANIFEST_DIGEST");
  write(weights, before);
  const auto adopted = adopt();
  ASSERT_TRUE(adopted) << adopted.error().text();
  EXPECT_EQ(adopted->model, "tiny");
  EXPECT_TRUE(verify(bundle_text(adopted->directory), owner.pin()));
  EXPECT_FALSE(verify(bundle_text(adopted->directory), makers));
}

TEST_F(HouseTest, ModelsOfDeadProposalsDoNotPileUp) {
  auto house = init_house(data_, {}, kNow).value();
  const auto first = propose(&house, proposal_of(), kNow).value();
  write(files::join(data_, "charter/staged/half-made/config.json"), "{}");
  const auto second = propose(&house, proposal_of(), kNow).value();
  EXPECT_EQ(files::list_directories(files::join(data_, "charter/staged")).value().size(), 2u);
  const auto third = propose(&house, proposal_of(), kNow + base::seconds(15 * 86'400)).value();
  EXPECT_EQ(files::list_directories(files::join(data_, "charter/staged")).value(),
            std::vector<std::string>{crypto::hex(third.proposal)});
  EXPECT_NE(first.proposal, second.proposal);
}

TEST_F(HouseTest, AnEditedCharterIsNoticed) {
  ASSERT_TRUE(init_house(data_, {}, kNow));
  const std::string path = files::join(data_, "charter/charter.toml");
  write(path, files::read_file(path).value() + "# harmless?\n");
  const auto house = House::open(data_);
  ASSERT_FALSE(house);
  EXPECT_EQ(house.error().reason, "DIGEST_MISMATCH");
}

TEST_F(HouseTest, OnlyOneProcessChangesAHouse) {
  const auto house = init_house(data_, {}, kNow).value();
  EXPECT_EQ(reason_of(House::open(data_, nullptr, {})), "LOCKED");
  EXPECT_TRUE(House::open_to_read(data_));
  EXPECT_EQ(reason_of(init_house(data_, {}, kNow)), "");
  EXPECT_FALSE(init_house(data_, {}, kNow));
}

// models/ as it is in this tree, under the pin that is built into the program.
TEST(BundledModel, IsWhatItsMakersReleased) {
  const std::string models = CHARTER_SOURCE_DIR "/models";
  const auto pin = makers_pin();
  ASSERT_TRUE(pin) << pin.error().text();
  int released = 0;
  for (const std::string& name : files::list_directories(models).value()) {
    const std::string folder = files::join(models, name);
    // A moderation model is bound by the digest in a charter (docs/API.md), not by a release.
    const auto config = files::read_file(files::join(folder, "config.json"));
    if (config && config->find("charter-moderation") != std::string::npos) continue;
    const auto text = files::read_file(files::join(folder, govern::kBundleFile));
    ASSERT_TRUE(text) << "a bundled model is released by models/release.sh: "
                      << text.error().text();
    const auto release = verify(*text, *pin, kNow + base::seconds(365 * 86'400));
    ASSERT_TRUE(release) << release.error().text();
    const auto same = govern::check_files(release->manifest, hash_model_files(folder).value());
    EXPECT_TRUE(same) << same.error().text();
    EXPECT_FALSE(release->evidence.empty());
    ++released;
  }
  EXPECT_GT(released, 0);
}

// The small company of charters/: five directors, two safety engineers, an investor, a judge.
class CompanyTest : public HouseTest {
 protected:
  CompanyTest() {
    std::string text = files::read_file(CHARTER_SOURCE_DIR "/charters/small-company.toml").value();
    for (const std::string name :
         {"p.ada", "p.bea", "p.cai", "p.dan", "p.eve", "p.fei", "p.gus", "p.hal", "s.judge"}) {
      keys_.emplace(name, govern::SignerKey{name, crypto::PrivateKey::generate()});
      const std::string blank = "<VKEY " + name + ">";
      text.replace(text.find(blank), blank.size(), govern::format_vkey(keys_.at(name).verifier()));
      const base::Secret secret = govern::format_signer_key(keys_.at(name));
      write(key_path(name), secret.reveal());
    }
    InitOptions options;
    options.person = "p.ada";
    options.charter_text = text;
    options.key = keys_.at("p.ada");
    house_.emplace(init_house(data_, options, kNow).value());
  }

  std::string key_path(const std::string& name) const {
    return files::join(folder_.path(), name + ".key");
  }

  base::Result<Proposed> propose_as(const std::string& name,
                                    const std::string& attester = "s.judge") {
    ProposeOptions options = proposal_of(name);
    options.key_path = key_path(name);
    options.attester = attester;
    options.attester_key_path = key_path(attester);
    return propose(&*house_, options, kNow);
  }
  std::string vote_as(const std::string& name, const crypto::Digest& proposal,
                      Vote ballot = Vote::For, const std::string& body = "") {
    return reason_of(vote(&*house_, {proposal, name, key_path(name), body, ballot}, kNow + kHour));
  }
  std::string release_as(const std::string& name, const crypto::Digest& proposal, base::Time now) {
    return reason_of(release(&*house_, {proposal, name, key_path(name)}, now));
  }

  std::map<std::string, govern::SignerKey> keys_;
  std::optional<House> house_;
};

TEST_F(CompanyTest, ReleasesAfterNoticeConsentAndTimelock) {
  govern::Evidence e = evidence_for(model_);
  e.size = 300;
  e.passed = 250;
  e.failed = 50;
  write(evidence_, govern::format_evidence(e));
  const auto proposed = propose_as("p.ada");
  ASSERT_TRUE(proposed) << proposed.error().text();
  const crypto::Digest proposal = proposed->proposal;
  for (const char* name : {"p.ada", "p.bea", "p.cai", "p.dan"})
    EXPECT_EQ(vote_as(name, proposal), "accepted");
  EXPECT_EQ(release_as("p.ada", proposal, kNow + kHour), "NOTICE_PENDING");
  const base::Time after_notice{kNow.ns + 73 * kHour.ns};
  EXPECT_EQ(release_as("p.ada", proposal, after_notice), "THRESHOLD_UNMET")
      << "safety has not consented";
  EXPECT_EQ(vote_as("p.fei", proposal), "accepted");
  EXPECT_EQ(vote_as("p.gus", proposal), "accepted");
  EXPECT_EQ(release_as("p.ada", proposal, after_notice), "TIMELOCK_PENDING");
  EXPECT_EQ(release_as("p.ada", proposal, {after_notice.ns + 25 * kHour.ns}), "accepted");
  const auto verified = verify(bundle_text(files::join(data_, "models/chat")), house_->pin(),
                               {after_notice.ns + 26 * kHour.ns});
  ASSERT_TRUE(verified) << verified.error().text();
  EXPECT_EQ(verified->persons_for.size(), 6u);
  EXPECT_FALSE(verified->one_person_decides);
  EXPECT_EQ(verified->not_after, (base::Time{kNow.ns + 90 * 24 * kHour.ns}))
      << "evidence is fresh for 90 days";

  // A ballot that was not needed is still needed: without it the count is not the one that was
  // certified.
  auto bundle = govern::parse_bundle_file(bundle_text(files::join(data_, "models/chat"))).value();
  for (size_t i = 0; i < bundle.ballots.size(); ++i) {
    auto fewer = bundle;
    fewer.ballots.erase(fewer.ballots.begin() + static_cast<ptrdiff_t>(i));
    EXPECT_FALSE(govern::verify_release(fewer, house_->pin(), {after_notice.ns + 26 * kHour.ns}));
  }
}

TEST_F(CompanyTest, TheGateLooksAtTheBound) {
  govern::Evidence e = evidence_for(model_);
  e.size = 300;
  e.passed = 187;  // 62.3 %: above the limit of 60 %, its lower bound of 57.5 % is not
  e.failed = 113;
  write(evidence_, govern::format_evidence(e));
  const auto proposed = propose_as("p.ada");
  ASSERT_FALSE(proposed);
  EXPECT_EQ(proposed.error().reason, "GATE_BOUND");
}

TEST_F(CompanyTest, WhoMayNotDecideIsToldSo) {
  govern::Evidence e = evidence_for(model_);
  e.size = 300;
  e.passed = 300;
  e.failed = 0;
  write(evidence_, govern::format_evidence(e));
  EXPECT_EQ(reason_of(propose_as("p.ada", "p.bea")), "DUTY_CONFLICT")
      << "a director does not attest evidence";
  EXPECT_EQ(reason_of(propose_as("p.hal")), "CLASS_FORBIDDEN");
  const auto proposal = propose_as("p.ada").value().proposal;
  const crypto::Digest before = govern::state_hash(house_->state());
  EXPECT_EQ(vote_as("p.hal", proposal), "CLASS_FORBIDDEN");
  EXPECT_EQ(vote_as("p.hal", proposal, Vote::For, "investors"), "CLASS_FORBIDDEN");
  EXPECT_EQ(vote_as("p.ada", proposal, Vote::For, "safety"), "NOT_SEATED");
  EXPECT_EQ(vote_as("p.ada", crypto::sha256("no such proposal")), "SUBJECT_MISMATCH");
  EXPECT_EQ(govern::state_hash(house_->state()), before) << "what is refused changes nothing";
}

}  // namespace
}  // namespace journal
