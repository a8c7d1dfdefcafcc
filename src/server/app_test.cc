// The whole server in one process, from a data folder with a released model to a drained end.
#include "server/app.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <algorithm>

#include "base/log.h"
#include "db/database.h"
#include "gateway/testing_house.h"
#include "json/json.h"
#include "net/raw_client.h"
#include "server/backup.h"

namespace server {
namespace {

class AppTest : public ::testing::Test {
 protected:
  AppTest() : folder_(files::TemporaryDirectory::create("app-test").value()) {
    base::set_log_sink([](std::string_view) {});
    config_.data = files::join(folder_.path(), "data");
    config_.listen = "127.0.0.1:0";
    config_.ready = files::join(folder_.path(), "ready.json");
    config_.models = files::join(folder_.path(), "no-bundled-models");
    config_.engine_threads = 1;
    config_.engine_kv_mib = 8;
    config_.drain_seconds = 10;
  }
  ~AppTest() override { base::set_log_sink({}); }

  void release(const std::string& channel = "chat") {
    model_ = gateway::testing::release_tiny_model(config_.data, channel, clock_.now());
  }
  std::unique_ptr<App> start() {
    auto app = App::start(config_, clock_);
    EXPECT_TRUE(app) << app.error().text();
    return app ? *std::move(app) : nullptr;
  }
  json::Value ready_file() const {
    return json::parse(files::read_file(config_.ready).value()).value();
  }
  static uint16_t port_of(const json::Value& ready) {
    const std::string& url = ready["url"].as_string();
    return static_cast<uint16_t>(std::atoi(url.c_str() + url.rfind(':') + 1));
  }

  files::TemporaryDirectory folder_;
  base::SystemClock clock_;
  Config config_;
  std::string model_;
};

// Whoever asks gets the log, and every tile has one name.
TEST_F(AppTest, TheLogIsPublic) {
  release();
  const auto app = start();
  ASSERT_TRUE(app);
  net::RawClient client(port_of(ready_file()));
  const auto get = [&](const std::string& path) {
    client.send("GET /log/" + path + " HTTP/1.1\r\nHost: a\r\n\r\n");
    return client.read_response();
  };
  const std::string checkpoint = get("checkpoint");
  EXPECT_NE(checkpoint.find("text/plain; charset=utf-8"), std::string::npos);
  EXPECT_NE(checkpoint.find("no-cache"), std::string::npos);
  const std::string note = files::read_file(files::join(config_.data, "log/checkpoint")).value();
  EXPECT_TRUE(checkpoint.ends_with(note));
  const size_t size_line = note.find('\n') + 1;
  const std::string size = note.substr(size_line, note.find('\n', size_line) - size_line);
  for (const std::string& tile : {"tile/0/000.p/" + size, "tile/entries/000.p/" + size}) {
    const std::string answer = get(tile);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 200 ")) << tile;
    EXPECT_NE(answer.find("application/octet-stream"), std::string::npos);
    EXPECT_NE(answer.find("immutable"), std::string::npos);
    EXPECT_TRUE(
        answer.ends_with(files::read_file(files::join(config_.data, "log/" + tile)).value()));
  }
  EXPECT_TRUE(get("tile/0/000").starts_with("HTTP/1.1 404 "));
  for (const char* bad : {"tile/0/000.p/256", "tile/0/x001/0002", "tile/64/000",
                          "tile/0/..%2f..%2fpin", "tile/00/000", "tile/0/000.p/007"}) {
    const std::string answer = get(bad);
    EXPECT_TRUE(answer.starts_with("HTTP/1.1 400 ")) << bad << answer;
  }
}

TEST_F(AppTest, TheFirstRunGivesAKeyAndEveryRunALink) {
  release();
  std::string key, link;
  {
    const auto app = start();
    ASSERT_TRUE(app);
    const json::Value ready = ready_file();
    key = ready["api_key"].as_string();
    link = ready["owner_link"].as_string();
    EXPECT_TRUE(key.starts_with("sk-charter-"));
    EXPECT_TRUE(link.starts_with(ready["url"].as_string() + "/signin?token="));
    EXPECT_EQ(ready["models"], json::Value(json::Array{"chat"}));
    struct stat status{};
    ASSERT_EQ(stat(config_.ready.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 0777, 0600u);

    net::RawClient client(port_of(ready));
    client.send("GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + key + "\r\n\r\n");
    EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
    EXPECT_TRUE(app->drain());
  }
  const auto again = start();
  ASSERT_TRUE(again);
  EXPECT_EQ(ready_file().find("api_key"), nullptr);
  EXPECT_NE(ready_file()["owner_link"], json::Value(link));
  net::RawClient client(port_of(ready_file()));
  client.send("GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + key + "\r\n\r\n");
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 200 "));
}

TEST_F(AppTest, ATamperedModelIsRefusedByName) {
  release();
  const std::string path = files::join(model_, "model.safetensors");
  std::string bytes = files::read_file(path).value();
  bytes[bytes.size() / 2] = static_cast<char>(bytes[bytes.size() / 2] ^ 1);
  ASSERT_TRUE(files::write_atomic(path, bytes));
  const auto app = App::start(config_, clock_);
  ASSERT_FALSE(app);
  EXPECT_NE(app.error().text().find("model.safetensors"), std::string::npos) << app.error().text();
  EXPECT_FALSE(files::exists(config_.ready));

  release("solver");  // another model is served all the same, and the refusal is told
  const auto other = start();
  ASSERT_TRUE(other);
  EXPECT_EQ(other->ready().models, std::vector<std::string>{"solver"});
  ASSERT_EQ(other->ready().refused.size(), 1u);
}

TEST_F(AppTest, NothingToServeIsAnErrorUnlessAllowed) {
  const auto app = App::start(config_, clock_);
  ASSERT_FALSE(app);
  EXPECT_EQ(app.error().reason, "NOT_RELEASED");
  config_.allow_no_model = true;
  EXPECT_TRUE(start());
}

TEST_F(AppTest, APortInUseAndADataFolderInUseAreNamed) {
  release();
  const auto app = start();
  ASSERT_TRUE(app);
  Config second = config_;
  second.data = files::join(folder_.path(), "other");
  second.listen = "127.0.0.1:" + std::to_string(port_of(ready_file()));
  const auto same_port = App::start(second, clock_);
  ASSERT_FALSE(same_port);
  EXPECT_EQ(same_port.error().code, base::Code::Unavailable);
  EXPECT_NE(same_port.error().text().find(second.listen), std::string::npos);
  EXPECT_FALSE(files::exists(second.data)) << "nothing is left behind";

  Config third = config_;
  const auto same_data = App::start(third, clock_);
  ASSERT_FALSE(same_data);
  EXPECT_NE(same_data.error().text().find(config_.data), std::string::npos)
      << same_data.error().text();
}

TEST_F(AppTest, AnOlderSchemaIsBackedUpBeforeItChanges) {
  release();
  start().reset();
  const auto versions = schema_versions(config_.data).value();
  EXPECT_TRUE(std::ranges::equal(versions, known_versions())) << "known_versions() is out of date";
  const std::string backups = backups_of(config_.data);
  EXPECT_FALSE(files::exists(backups));
  {
    auto identity = db::Database::open(files::join(config_.data, "identity.db"), {}).value();
    ASSERT_TRUE(identity.execute("ALTER TABLE keys DROP COLUMN models; PRAGMA user_version = 2"));
  }
  start().reset();
  EXPECT_EQ(schema_versions(config_.data).value(), versions);
  const auto made = files::list_directories(backups).value();
  ASSERT_EQ(made.size(), 1u);
  EXPECT_TRUE(made[0].starts_with(kUpgradePrefix));
  const std::string backup = files::join(backups, made[0]);
  EXPECT_TRUE(verify_backup(backup));
  const auto kept = schema_versions(backup).value();
  EXPECT_EQ(std::ranges::find(kept, "identity.db", &SchemaVersion::database)->version, 2);
  start().reset();
  EXPECT_EQ(files::list_directories(backups).value().size(), 1u) << "nothing changed any more";
}

TEST_F(AppTest, DrainingLetsTheRunningAnswerEnd) {
  release();
  const auto app = start();
  ASSERT_TRUE(app);
  const json::Value ready = ready_file();
  net::RawClient client(port_of(ready));
  const std::string body =
      R"({"model":"chat","stream":true,"logit_bias":{"1":-100},"messages":[{"role":"user","content":"Hi"}]})";
  client.send("POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " +
              ready["api_key"].as_string() + "\r\nContent-Length: " + std::to_string(body.size()) +
              "\r\n\r\n" + body);
  client.read_until("\"role\":\"assistant\"");
  EXPECT_TRUE(app->drain());
  EXPECT_NE(client.read_all().find("data: [DONE]"), std::string::npos);
}

}  // namespace
}  // namespace server
