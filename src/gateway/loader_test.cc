#include "gateway/loader.h"

#include <gtest/gtest.h>

#include "base/log.h"
#include "gateway/testing_house.h"

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
    pin_ = journal::House::read_pin(data_).value();
  }
  ~LoaderTest() override { base::set_log_sink({}); }

  LoadedModels load() const {
    return load_channels(files::join(data_, "models"), pin_, kNow, small_engine());
  }
  base::Error refusal() const {
    const auto channel = load_channel(model_, pin_, kNow, small_engine());
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
  govern::CharterPin pin_;
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
      load_channel(model_, journal::House::read_pin(other).value(), kNow, small_engine());
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
