// init, keygen, propose, vote, release, verify and log, as a person runs them on a data folder.
#include <gtest/gtest.h>

#include <sysexits.h>

#include "base/time.h"
#include "cli/command.h"
#include "cli/exit.h"
#include "files/files.h"
#include "govern/evidence.h"
#include "journal/charter_house.h"
#include "journal/model_folder.h"

namespace cli {

extern const Command kInitCommand;
extern const Command kKeygenCommand;
extern const Command kProposeCommand;
extern const Command kVoteCommand;
extern const Command kReleaseCommand;
extern const Command kVerifyCommand;
extern const Command kLogCommand;

namespace {

class HouseCommands : public testing::Test {
 protected:
  HouseCommands() : folder_(files::TemporaryDirectory::create().value()) {
    model_ = path("tiny");
    for (const auto& [name, text] : {std::pair{"config.json", "{}"},
                                     {"model.safetensors", "weights"},
                                     {"tokenizer.json", "{}"}}) {
      EXPECT_TRUE(files::make_directories(model_));
      EXPECT_TRUE(files::write_atomic(files::join(model_, name), std::string_view(text)));
    }
    govern::Evidence evidence;
    evidence.model = "tiny";
    evidence.manifest_digest = govern::manifest_digest({journal::hash_model_files(model_).value()});
    evidence.suite = "words";
    evidence.suite_version = "1";
    evidence.size = 10;
    evidence.passed = 10;
    EXPECT_TRUE(files::make_directories(path("evidence")));
    EXPECT_TRUE(files::write_atomic(path("evidence/words.evidence.json"),
                                    govern::format_evidence(evidence)));
    EXPECT_TRUE(
        files::write_atomic(path("evidence/words.results.jsonl"), std::string_view("{}\n")));
  }

  std::string path(std::string_view name) const { return files::join(folder_.path(), name); }

  base::Status run(const Command& command, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--json"});
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    const base::Status status = command.run(arguments);
    output_ = testing::internal::GetCapturedStdout();
    said_ = testing::internal::GetCapturedStderr();
    return status;
  }
  base::Status in_house(const Command& command, std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), {"--data", path("data")});
    return run(command, std::move(arguments));
  }
  json::Value output() const {
    auto value = json::parse(output_);
    EXPECT_TRUE(value) << output_;
    return value ? *value : json::Value();
  }
  void release_all() {
    ASSERT_TRUE(in_house(kInitCommand, {}));
    ASSERT_TRUE(in_house(kProposeCommand, {"--model", model_, "--evidence", path("evidence")}));
    ASSERT_TRUE(in_house(kVoteCommand, {"--for"}));
    ASSERT_TRUE(in_house(kReleaseCommand, {}));
  }

  files::TemporaryDirectory folder_;
  std::string model_, output_, said_;
};

TEST_F(HouseCommands, CarryAModelFromAFolderToAVerifiedRelease) {
  ASSERT_TRUE(in_house(kInitCommand, {}));
  EXPECT_EQ(output()["one_person_decides"], json::Value(true));
  EXPECT_NE(said_.find("one person decides"), std::string::npos);
  ASSERT_TRUE(in_house(kProposeCommand,
                       {"--model", model_, "--evidence", path("evidence"), "--channel", "tiny"}));
  const std::string proposal = output()["proposal"].as_string();
  ASSERT_TRUE(in_house(kVoteCommand, {proposal.substr(0, 8), "--for"}));
  EXPECT_EQ(output()["would_pass"], json::Value(true));
  ASSERT_TRUE(in_house(kReleaseCommand, {proposal}));
  const std::string released = output()["directory"].as_string();
  EXPECT_EQ(released, path("data/models/tiny"));
  ASSERT_TRUE(in_house(kVerifyCommand, {released}));
  EXPECT_EQ(output()["proposal"].as_string(), proposal);
  EXPECT_EQ(output()["one_person_decides"], json::Value(true));
  ASSERT_TRUE(in_house(kLogCommand, {"verify"}));
  EXPECT_EQ(output()["size"], json::Value(7));
  ASSERT_TRUE(in_house(kReleaseCommand, {proposal})) << "done already, so done";
  ASSERT_TRUE(in_house(kLogCommand, {"verify"}));
  EXPECT_EQ(output()["size"], json::Value(7));
}

TEST_F(HouseCommands, AStrangerVerifiesWithBundleAndPinOnly) {
  release_all();
  const std::string bundle = path("data/models/chat/release/bundle.json");
  ASSERT_TRUE(run(kVerifyCommand, {bundle, "--pin", path("data/charter/pin.json")}));
  const std::string other = path("other");
  ASSERT_TRUE(run(kInitCommand, {"--data", other}));
  const auto refused = run(kVerifyCommand, {bundle, "--data", other});
  ASSERT_FALSE(refused);
  EXPECT_EQ(exit_code(refused.error().code), EX_DATAERR);
  EXPECT_EQ(output()["verified"], json::Value(false));
}

TEST_F(HouseCommands, VerifyNamesTheFileThatWasChanged) {
  release_all();
  const std::string released = path("data/models/chat");
  ASSERT_TRUE(
      files::write_atomic(files::join(released, "model.safetensors"), std::string_view("weightz")));
  const auto refused = in_house(kVerifyCommand, {released});
  ASSERT_FALSE(refused);
  EXPECT_EQ(exit_code(refused.error().code), EX_DATAERR);
  EXPECT_EQ(refused.error().reason, "MANIFEST_DIGEST");
  EXPECT_EQ(refused.error().where, "model.safetensors");
}

TEST_F(HouseCommands, VerifyNamesTheBallotThatIsGone) {
  release_all();
  const std::string file = path("data/models/chat/release/bundle.json");
  json::Value bundle = json::parse(files::read_file(file).value()).value();
  ASSERT_EQ(bundle["ballots"].as_array().size(), 1u);
  bundle.find("ballots")->as_array().clear();
  ASSERT_TRUE(files::write_atomic(file, json::dump_pretty(bundle)));
  const auto refused = in_house(kVerifyCommand, {file});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().reason, "BALLOT_MISSING");
  EXPECT_EQ(exit_code(refused.error().code), EX_DATAERR);
}

TEST_F(HouseCommands, SayWhatIsMissing) {
  EXPECT_EQ(in_house(kProposeCommand, {"--model", model_}).error().reason, "NO_HOUSE");
  ASSERT_TRUE(in_house(kInitCommand, {}));
  EXPECT_EQ(exit_code(in_house(kInitCommand, {}).error().code), EX_CANTCREAT);
  EXPECT_EQ(in_house(kProposeCommand, {"--model", model_}).error().reason, "EVIDENCE_MISSING");
  EXPECT_EQ(in_house(kVoteCommand, {"--for"}).error().code, base::Code::NotFound);
  EXPECT_EQ(in_house(kVoteCommand, {"--for", "--against"}).error().code,
            base::Code::InvalidArgument);
  EXPECT_EQ(in_house(kLogCommand, {"show", "99"}).error().code, base::Code::NotFound);
  EXPECT_EQ(in_house(kVerifyCommand, {path("nothing")}).error().code, base::Code::NotFound);
}

TEST_F(HouseCommands, AKeyIsMadeOnceAndStartsAHouse) {
  ASSERT_TRUE(run(kKeygenCommand, {"p.ada", "--out", path("ada.key")}));
  const std::string vkey = output()["vkey"].as_string();
  EXPECT_FALSE(run(kKeygenCommand, {"p.ada", "--out", path("ada.key")}));
  const base::Result<std::string> own = files::read_file(path("ada.key"));
  EXPECT_TRUE(own->starts_with("PRIVATE+KEY+p.ada+"));
  std::string charter = files::read_file(CHARTER_SOURCE_DIR "/charters/one-person.toml").value();
  for (const auto& [blank, value] : {std::pair<std::string, std::string>{"<HOUSE>", "ada/house"},
                                     {"<PERSON>", "p.ada"},
                                     {"<VKEY>", vkey}}) {
    for (size_t at = charter.find(blank); at != charter.npos; at = charter.find(blank))
      charter.replace(at, blank.size(), value);
  }
  ASSERT_TRUE(files::write_atomic(path("charter.toml"), charter));
  ASSERT_TRUE(in_house(kInitCommand, {"--charter", path("charter.toml"), "--as", "p.ada", "--key",
                                      path("ada.key")}));
  EXPECT_EQ(output()["charter"].as_string(), "ada/house");
  EXPECT_FALSE(files::exists(path("data/charter/keys/p.ada.key")))
      << "a person's key stays where the person has it";
}

}  // namespace
}  // namespace cli
