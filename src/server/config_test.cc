#include "server/config.h"

#include <gtest/gtest.h>

#include "json/toml.h"

namespace server {
namespace {

json::Value toml(std::string_view text) {
  auto value = json::parse_toml(text, "config.toml");
  EXPECT_TRUE(value) << value.error().text();
  return value ? *value : json::Value();
}

TEST(Config, TheLaterSourceWins) {
  const json::Value file =
      toml("[server]\nlisten = \"127.0.0.1:1\"\nthreads = 3\n[engine]\nkv_mib = 64\n");
  const auto from_file = make_config(file, "config.toml", {}, {});
  ASSERT_TRUE(from_file) << from_file.error().text();
  EXPECT_EQ(from_file->listen, "127.0.0.1:1");
  EXPECT_EQ(from_file->engine_kv_mib, 64);

  const Environment environment = {
      {"CHARTER_LISTEN", "127.0.0.1:2"}, {"CHARTER_THREADS", "4"}, {"PATH", "/bin"}};
  EXPECT_EQ(make_config(file, "config.toml", environment, {})->listen, "127.0.0.1:2");
  const auto all = make_config(file, "config.toml", environment, {{"--listen", "127.0.0.1:3"}});
  EXPECT_EQ(all->listen, "127.0.0.1:3");
  EXPECT_EQ(all->threads, 4);
}

TEST(Config, RefusalsNameTheSetting) {
  const struct {
    std::string_view file;
    Environment environment;
    Flags flags;
    std::string names;
  } cases[] = {
      {"[server]\nlisen = \"x\"\n", {}, {}, "config.toml: server.lisen"},
      {"listen = \"x\"\n", {}, {}, "config.toml: listen"},
      {"[server]\nthreads = \"2\"\n", {}, {}, "server.threads"},
      {"[server]\nthreads = 0\n", {}, {}, "from 1 to 256"},
      {"[server]\npublic = 1\n", {}, {}, "true or false"},
      {"", {{"CHARTER_LISEN", "x"}}, {}, "CHARTER_LISEN"},
      {"", {{"CHARTER_THREADS", "many"}}, {}, "CHARTER_THREADS"},
      {"", {}, {{"--lisen", "x"}}, "--lisen"},
      {"", {}, {{"--listen", "nowhere"}}, "nowhere"},
      {"", {}, {{"--listen", "127.0.0.1:99999"}}, "127.0.0.1:99999"},
      {"", {}, {{"--listen", "0.0.0.0:8080"}}, "--public"},
      {"", {}, {{"--log-level", "loud"}}, "loud"},
  };
  for (const auto& c : cases) {
    const auto config = make_config(toml(c.file), "config.toml", c.environment, c.flags);
    ASSERT_FALSE(config) << c.names;
    EXPECT_EQ(config.error().code, base::Code::InvalidArgument);
    EXPECT_NE(config.error().text().find(c.names), std::string::npos) << config.error().text();
  }
}

TEST(Config, ListeningBeyondThisMachineMustBeMeant) {
  EXPECT_TRUE(make_config({}, "", {}, {{"--listen", "0.0.0.0:8080"}, {"--public", "true"}}));
  EXPECT_TRUE(parse_address("[::1]:0")->is_loopback);
  EXPECT_TRUE(parse_address("localhost:80")->is_loopback);
  EXPECT_FALSE(parse_address("192.168.0.1:80")->is_loopback);
}

TEST(Config, TheDataFolderFollowsTheDesktopsRules) {
  EXPECT_EQ(make_config({}, "", {{"HOME", "/home/a"}}, {})->data, "/home/a/.local/share/charter");
  EXPECT_EQ(make_config({}, "", {{"HOME", "/home/a"}, {"XDG_DATA_HOME", "/x"}}, {})->data,
            "/x/charter");
  EXPECT_EQ(make_config({}, "", {{"CHARTER_DATA", "/y"}}, {{"--data", "/z"}})->data, "/z");
}

TEST(Config, HelpNamesEverySetting) {
  for (const char* name : {"--listen", "CHARTER_METRICS_TOKEN", "engine.kv_mib", "--public"}) {
    EXPECT_NE(settings_help().find(name), std::string::npos) << name;
  }
}

}  // namespace
}  // namespace server
