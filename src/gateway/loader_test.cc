#include "gateway/loader.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "base/log.h"
#include "gateway/catalog.h"
#include "gateway/release_folder.h"
#include "gateway/testing_house.h"
#include "journal/lifecycle_acts.h"
#include "journal/node_state.h"

namespace gateway {
namespace {

const base::Time kNow = base::parse_rfc3339("2026-11-21T12:00:00Z").value();

engine::Options small_engine() {
  engine::Options options;
  options.threads = 1;
  options.kv_bytes_max = 8 << 20;
  options.max_batch = 4;
  return options;
}

class LoaderTest : public ::testing::Test {
 protected:
  LoaderTest() : folder_(files::TemporaryDirectory::create("loader-test").value()) {
    base::set_log_sink([](std::string_view) {});
    data_ = files::join(folder_.path(), "data");
    model_ = testing::release_tiny_model(data_, "chat", kNow);
  }
  ~LoaderTest() override { base::set_log_sink({}); }

  LoadedModels load() const {
    ReleaseFolder folder(files::join(data_, "models"), files::join(data_, "charter/previous"),
                         small_engine());
    return folder.refresh(house(), kNow);
  }
  journal::House house() const { return journal::House::open_to_read(data_).value(); }
  base::Error refusal() const {
    const auto channel = load_channel(model_, house(), kNow, small_engine());
    EXPECT_FALSE(channel);
    return channel ? base::Error{} : channel.error();
  }
  void change_byte(const std::string& name) const {
    const std::string path = files::join(model_, name);
    std::string bytes = files::read_file(path).value();
    bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
    ASSERT_TRUE(files::write_atomic(path, bytes));
  }

  files::TemporaryDirectory folder_;
  std::string data_, model_;
};

TEST_F(LoaderTest, ServesWhatWasReleased) {
  const LoadedModels loaded = load();
  ASSERT_EQ(loaded.channels.size(), 1u);
  EXPECT_TRUE(loaded.refusals.empty());
  const Channel& channel = *loaded.channels[0];
  EXPECT_EQ(channel.name(), "chat");
  EXPECT_EQ(channel.release().price.in_micro_per_million, 10'000'000u);
  EXPECT_EQ(channel.release().price.out_micro_per_million, 30'000'000u);
  EXPECT_EQ(channel.release().persons, 1);
  EXPECT_TRUE(channel.release().one_person_decides);
  EXPECT_EQ(channel.release().manifest_digest.size(), 64u);
}

TEST_F(LoaderTest, OneChangedByteIsRefusedByName) {
  for (const std::string name :
       {"model.safetensors", "tokenizer.json", "config.json", "tokenizer_config.json"}) {
    const std::string path = files::join(model_, name);
    const std::string good = files::read_file(path).value();
    change_byte(name);
    EXPECT_NE(refusal().text().find(name), std::string::npos) << refusal().text();
    ASSERT_TRUE(files::write_atomic(path, good));
  }
  EXPECT_EQ(load().channels.size(), 1u);
}

TEST_F(LoaderTest, AFileMoreOrLessIsRefusedByName) {
  const std::string extra = files::join(model_, "extra.bin");
  ASSERT_TRUE(files::write_atomic(extra, std::string_view("x")));
  EXPECT_NE(refusal().text().find("extra.bin"), std::string::npos) << refusal().text();
  ASSERT_TRUE(files::remove_file(extra));
  ASSERT_TRUE(files::remove_file(files::join(model_, "generation_config.json")));
  EXPECT_NE(refusal().text().find("generation_config.json"), std::string::npos) << refusal().text();
}

TEST_F(LoaderTest, NoCertificateNoService) {
  const std::string bundle = files::join(model_, govern::kBundleFile);
  const std::string good = files::read_file(bundle).value();
  change_byte(std::string(govern::kBundleFile));
  EXPECT_NE(refusal().text().find("bundle.json"), std::string::npos) << refusal().text();
  ASSERT_TRUE(files::remove_file(bundle));
  EXPECT_EQ(refusal().reason, "NOT_RELEASED");
  EXPECT_NE(refusal().text().find("bundle.json"), std::string::npos);
}

TEST_F(LoaderTest, AnotherHousesReleaseIsRefused) {
  const std::string other = files::join(folder_.path(), "other");
  testing::release_tiny_model(other, "chat", kNow);
  const auto channel =
      load_channel(model_, journal::House::open_to_read(other).value(), kNow, small_engine());
  EXPECT_FALSE(channel);
}

TEST_F(LoaderTest, ARefusedModelDoesNotStopTheOthers) {
  testing::release_tiny_model(data_, "solver", kNow, 12);
  ASSERT_EQ(load().channels.size(), 2u);
  change_byte("model.safetensors");
  const LoadedModels loaded = load();
  ASSERT_EQ(loaded.channels.size(), 1u);
  EXPECT_EQ(loaded.channels[0]->name(), "solver");
  ASSERT_EQ(loaded.refusals.size(), 1u);
  EXPECT_NE(loaded.refusals[0].error.text().find("model.safetensors"), std::string::npos);
}

// Attack 14, as a node sees it: a valid older release is not the one that the log lets serve.
TEST_F(LoaderTest, AnOlderReleaseThatIsPutBackIsRefused) {
  testing::release_tiny_model(data_, "chat", kNow, 12);
  ASSERT_EQ(load().channels.size(), 1u);
  const std::string previous = files::join(data_, "charter/previous/chat-before-2");
  ASSERT_TRUE(files::rename(model_, files::join(folder_.path(), "newer")));
  ASSERT_TRUE(files::rename(previous, model_));
  EXPECT_EQ(refusal().reason, "ROLLBACK") << refusal().text();
  const LoadedModels loaded = load();
  EXPECT_TRUE(loaded.channels.empty());
  ASSERT_EQ(loaded.refusals.size(), 1u);
  EXPECT_EQ(loaded.refusals[0].error.reason, "ROLLBACK");
}

TEST_F(LoaderTest, AStopGivesTheTrafficBackToTheLastGoodRelease) {
  testing::release_tiny_model(data_, "chat", kNow, 12);
  ReleaseFolder folder(files::join(data_, "models"), files::join(data_, "charter/previous"),
                       small_engine());
  const auto before = folder.refresh(house(), kNow).channels;
  ASSERT_EQ(before.size(), 1u);
  EXPECT_EQ(before[0]->release().epoch, 2u);
  const auto stop = [&](const std::string& channel) {
    auto open = journal::House::open(data_).value();
    std::vector<journal::House::Draft> drafts;
    drafts.push_back(journal::draft_stop(open, {}, channel, "it lies", kNow).value());
    ASSERT_TRUE(open.append(std::move(drafts), kNow));
  };
  stop("chat");
  const auto after = folder.refresh(house(), kNow);
  ASSERT_EQ(after.channels.size(), 1u);
  EXPECT_EQ(after.channels[0]->release().epoch, 1u);
  ASSERT_NE(before[0]->halted(), nullptr);
  EXPECT_EQ(before[0]->halted()->reason, "release_halted");
  EXPECT_EQ(refusal().reason, "HALTED") << refusal().text();
  stop("*");
  EXPECT_TRUE(folder.refresh(house(), kNow).channels.empty());
  EXPECT_NE(after.channels[0]->halted(), nullptr);
}

TEST_F(LoaderTest, AMonitorThatFiresHaltsAtOnceAndItsUsersGoWhereTheyWere) {
  const LoadedModels loaded = load();
  ASSERT_EQ(loaded.channels.size(), 1u);
  const std::shared_ptr<Channel> baseline = loaded.channels[0];
  testing::release_tiny_model(data_, "solver", kNow, 12);
  const std::shared_ptr<Channel> canary = load().channels[1];
  canary->set_share({25, true});
  baseline->set_share({75, false});
  ModelRoute route;
  route.by_share = true;
  route.share_salt = "salt";
  route.targets.resize(2);
  route.targets[0].channel = canary;
  route.targets[1].channel = baseline;
  base::Rng random(1);
  const auto chosen = [&](int user) {
    const auto order = order_targets(route, random, std::to_string(user));
    return order.empty() ? nullptr : order[0]->channel.get();
  };
  int on_canary = 0;
  for (int user = 0; user < 1000; ++user) {
    on_canary += chosen(user) == canary.get();
    EXPECT_EQ(chosen(user), chosen(user)) << "sticky";
  }
  EXPECT_NEAR(on_canary, 250, 60);
  govern::Monitor errors, harm;
  errors.id = "error.rate";
  harm.id = "harm.rate";  // not seen by the server itself
  canary->watch({harm, errors}, kNow);
  ASSERT_EQ(canary->watches().size(), 1u);
  for (int i = 0; i < 200; ++i) canary->observe(false, kNow);
  for (int i = 0; i < 4; ++i) canary->observe(true, kNow);
  EXPECT_EQ(canary->halted(), nullptr);
  canary->observe(true, kNow);
  ASSERT_NE(canary->halted(), nullptr);
  for (int user = 0; user < 1000; ++user) EXPECT_EQ(chosen(user), baseline.get());
  baseline->halt({});
  EXPECT_EQ(chosen(1), nullptr);
}

TEST_F(LoaderTest, ALogThatIsBehindWhatTheNodeHasSeenIsNotBelieved) {
  const std::string log = files::join(data_, "log"), kept = files::join(folder_.path(), "kept");
  std::filesystem::copy(log, kept, std::filesystem::copy_options::recursive);
  testing::release_tiny_model(data_, "chat", kNow, 12);
  const auto advance = [&] {
    const journal::House now = house();
    const auto status = journal::advance_node_state(data_, now.state(), now.log());
    return status ? std::string("accepted") : status.error().reason;
  };
  EXPECT_EQ(advance(), "accepted");
  ASSERT_TRUE(files::rename(log, files::join(folder_.path(), "newer")));
  ASSERT_TRUE(files::rename(kept, log));
  EXPECT_EQ(advance(), "ROLLBACK");
  ASSERT_TRUE(files::rename(log, kept));
  ASSERT_TRUE(files::rename(files::join(folder_.path(), "newer"), log));
  EXPECT_EQ(advance(), "accepted");
}

TEST_F(LoaderTest, PromptsThatDoNotFitAreRefusedWithBothCounts) {
  const LoadedModels loaded = load();
  ASSERT_EQ(loaded.channels.size(), 1u);
  const json::Value shortest = json::Array{json::Object{{"role", "user"}, {"content", "Hi"}}};
  EXPECT_TRUE(loaded.channels[0]->prompt(shortest));
  for (const size_t length : {300, 3'000'000}) {
    const json::Value longest =
        json::Array{json::Object{{"role", "user"}, {"content", std::string(length, 'x')}}};
    const auto prompt = loaded.channels[0]->prompt(longest);
    ASSERT_FALSE(prompt);
    EXPECT_EQ(prompt.error().reason, "context_length_exceeded");
    EXPECT_NE(prompt.error().message.find("maximum context length is 256 tokens"),
              std::string::npos);
  }
}

}  // namespace
}  // namespace gateway
