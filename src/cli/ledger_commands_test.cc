// key, usage and rebuild, as a person runs them on a data folder.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>

#include "cli/command.h"
#include "files/files.h"
#include "identity/identity.h"
#include "journal/ledger.h"
#include "json/json.h"

namespace cli {

extern const Command kKeyCommand;
extern const Command kUsageCommand;
extern const Command kRebuildCommand;

namespace {

class LedgerCommands : public testing::Test {
 protected:
  std::unique_ptr<identity::Identity> identity() {
    auto opened = identity::Identity::open(dir_ + "/identity.db", clock_);
    EXPECT_TRUE(opened);
    return std::move(*opened);
  }
  base::Status run(const Command& command, std::vector<std::string> arguments) {
    for (const char* more : {"--data", dir_.c_str(), "--json"}) arguments.emplace_back(more);
    testing::internal::CaptureStdout();
    const base::Status status = command.run(arguments);
    output_ = testing::internal::GetCapturedStdout();
    return status;
  }
  json::Value output() const {
    auto value = json::parse(output_);
    EXPECT_TRUE(value) << output_;
    return value ? *value : json::Value();
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("commands-test");
  const std::string dir_ = folder_.path();
  std::string output_;
  base::SystemClock clock_;
};

TEST_F(LedgerCommands, KeyIsMadeListedAndRevoked) {
  EXPECT_EQ(run(kKeyCommand, {"create"}).error().reason, "NO_DATA_FOLDER");
  ASSERT_TRUE(identity()->found("Lab", "Ada"));
  ASSERT_TRUE(
      run(kKeyCommand, {"create", "--name", "ci", "--scope", "model.request", "--expires", "30d"}));
  const json::Value made = output();
  const std::string secret = made["value"].as_string();
  ASSERT_TRUE(identity()->authenticate_key(secret));
  ASSERT_TRUE(run(kKeyCommand, {"list"}));
  EXPECT_EQ(output()["id"], made["id"]);
  EXPECT_EQ(output_.find(secret), std::string::npos);
  EXPECT_EQ(made["allowed_models"], json::Value(json::Array{}));
  ASSERT_TRUE(run(kKeyCommand, {"change", made["id"].as_string(), "--models", "small,large"}));
  EXPECT_EQ(output()["allowed_models"], json::Value(json::Array{"small", "large"}));
  EXPECT_EQ(output()["name"], json::Value("ci"));
  ASSERT_TRUE(run(kKeyCommand, {"create", "--models", "small"}));
  EXPECT_EQ(identity()->authenticate_key(output()["value"].as_string())->models,
            std::vector<std::string>{"small"});
  EXPECT_FALSE(run(kKeyCommand, {"revoke"}));
  ASSERT_TRUE(run(kKeyCommand, {"revoke", made["id"].as_string()}));
  EXPECT_FALSE(identity()->authenticate_key(secret));
  EXPECT_FALSE(run(kKeyCommand, {"destroy"}));
}

TEST_F(LedgerCommands, OwnerLinkSignsIn) {
  ASSERT_TRUE(identity()->found("Lab", "Ada"));
  ASSERT_TRUE(run(kKeyCommand, {"owner-link", "--url", "http://127.0.0.1:1234"}));
  const std::string link = output()["owner_link"].as_string();
  ASSERT_TRUE(link.starts_with("http://127.0.0.1:1234/signin?token="));
  EXPECT_TRUE(identity()->redeem_owner_link(link.substr(link.find('=') + 1), "test"));
}

TEST_F(LedgerCommands, RotationGivesANewSecret) {
  ASSERT_TRUE(identity()->found("Lab", "Ada"));
  ASSERT_TRUE(run(kKeyCommand, {"create"}));
  const json::Value first = output();
  ASSERT_TRUE(run(kKeyCommand, {"rotate", first["id"].as_string(), "--grace", "1h"}));
  const json::Value second = output();
  EXPECT_EQ(second["id"], first["id"]);
  EXPECT_TRUE(identity()->authenticate_key(first["value"].as_string()));
  EXPECT_TRUE(identity()->authenticate_key(second["value"].as_string()));
}

TEST_F(LedgerCommands, AFolderThatAnotherProgramHoldsIsRefused) {
  auto held = identity();
  ASSERT_TRUE(held->found("Lab", "Ada"));
  const auto refused = run(kKeyCommand, {"create"});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, base::Code::Unavailable);
  EXPECT_NE(refused.error().message.find("control socket"), std::string::npos);
}

TEST_F(LedgerCommands, UsageAddsUpWhileTheLedgerIsInUse) {
  const auto missing = run(kUsageCommand, {});
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, base::Code::NotFound);
  auto ledger = journal::Ledger::open(dir_ + "/ledger.db", clock_);
  ASSERT_TRUE(ledger);
  const std::string account = journal::customer_account("org_1");
  ASSERT_TRUE((*ledger)->deposit(account, money::Amount::usd(1), "grant", "test"));
  const money::PriceQuote price{10'000'000, 30'000'000, 1};
  for (int i = 0; i < 3; ++i) {
    const auto hold = (*ledger)->hold({.account = account,
                                       .request_id = std::to_string(i),
                                       .amount = *money::cost(price, 10, 10),
                                       .price = price});
    ASSERT_TRUE((*ledger)->settle_and_wait(*hold, {.org_id = "org_1",
                                                   .model = i == 0 ? "solver" : "chat",
                                                   .prompt_tokens = 10,
                                                   .completion_tokens = i}));
  }
  (*ledger)->flush();
  ASSERT_TRUE(run(kUsageCommand, {"--by", "model"}));
  const json::Value report = output();
  EXPECT_EQ(report["total"]["requests"].as_int(), 3);
  EXPECT_EQ(report["total"]["amount_usd"].as_string(), "0.00039");
  ASSERT_EQ(report["groups"].as_array().size(), 2u);
  EXPECT_EQ(report["groups"].as_array()[0]["group"].as_string(), "chat");
  EXPECT_EQ(report["groups"].as_array()[0]["amount_pico"].as_string(), "290000000");
  EXPECT_FALSE(run(kUsageCommand, {"--by", "moon"}));
  EXPECT_EQ(run(kRebuildCommand, {}).error().code, base::Code::Unavailable);
  ledger->reset();
  ASSERT_TRUE(run(kRebuildCommand, {"--check"}));
  EXPECT_EQ(output()["usage_rows"].as_int(), 3);
  EXPECT_TRUE(output()["differences"].as_array().empty());
}

}  // namespace
}  // namespace cli
