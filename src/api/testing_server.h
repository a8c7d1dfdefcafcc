// For tests: the whole API in this process, on a free port, over a small random model; and a client
// for it.
#pragma once

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <thread>

#include "api/background.h"
#include "api/generations.h"
#include "api/service.h"
#include "api/workers.h"
#include "base/log.h"
#include "chat/conversations.h"
#include "files/files.h"
#include "gateway/gateway.h"
#include "gateway/testing_house.h"
#include "journal/ledger.h"
#include "journal/shared_house.h"
#include "net/http_chunked.h"
#include "net/http_client.h"
#include "net/raw_client.h"
#include "objects/blobs.h"
#include "objects/store.h"
#include "telemetry/metrics.h"

namespace api::testing {

struct Reply {
  int status = 0;
  std::string head, body;
  json::Value json;

  std::string header(const std::string& name) const {
    const size_t at = head.find("\r\n" + name + ": ");
    if (at == std::string::npos) return {};
    const size_t begin = at + name.size() + 4;
    return head.substr(begin, head.find("\r\n", begin) - begin);
  }
  const json::Value& error() const { return json["error"]; }
};

inline std::string dechunk(std::string_view bytes) {
  std::string out;
  net::ChunkedDecoder decoder(64 << 20);
  decoder.feed(bytes, &out);
  return out;
}

// What all servers of this process have logged.
struct Log {
  std::mutex mutex;
  std::string text;
  static Log& get() {
    static Log log;
    return log;
  }
};

class ApiServer {
 public:
  struct Setup {
    std::string_view balance_usd = "100";
    const base::Clock* clock = nullptr;  // outlives the server; null: the system's
    int64_t context_length = 256;
  };
  explicit ApiServer(std::string_view balance_usd = "100")
      : ApiServer(Setup{.balance_usd = balance_usd}) {}
  explicit ApiServer(const Setup& setup)
      : clock_(setup.clock != nullptr ? *setup.clock : system_clock_),
        folder_(files::TemporaryDirectory::create("api-test").value()) {
    base::set_log_sink([](std::string_view line) {
      const std::lock_guard lock(Log::get().mutex);
      Log::get().text += line;
    });
    identity_ = must(identity::Identity::open(path("identity.db"), clock_));
    ledger_ = must(journal::Ledger::open(path("ledger.db"), clock_));
    conversations_ = must(chat::Conversations::open(path("chat.db"), clock_));
    objects_ = must(objects::Store::open(path("objects.db"), clock_));
    blobs_ = must(objects::Blobs::open(path("blobs")));
    founding_ = must(identity_->found("Home", "Owner"));
    account_ = journal::customer_account(founding_.organisation.id);
    EXPECT_TRUE(
        ledger_->deposit(account_, money::parse_usd(setup.balance_usd).value(), "opening", "test"));
    key_ = must(identity_->create_key(founding_.owner.id, founding_.project.id, "test"))
               .secret.reveal();
    start(setup.context_length);
  }
  ~ApiServer() {
    http_->stop();
    gateway_->drain();
    gateway_->cancel_all();
    gateway_->wait(base::seconds(60));
    workers_.reset();
    background_.reset();
    http_.reset();
  }

  Reply request(const std::string& method, const std::string& target, const std::string& body = "",
                const std::string& headers = "") {
    net::RawClient client(http_->port());
    client.send(text(method, target, body, headers));
    return parse(client.read_response());
  }
  Reply post(const std::string& target, const json::Value& body) {
    return request("POST", target, json::dump(body), authorization());
  }
  Reply get(const std::string& target) { return request("GET", target, "", authorization()); }
  std::string text(const std::string& method, const std::string& target, const std::string& body,
                   const std::string& headers) const {
    return method + " " + target + " HTTP/1.1\r\nHost: 127.0.0.1:" + std::to_string(http_->port()) +
           "\r\n" + headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  static Reply parse(const std::string& response) {
    Reply reply;
    const size_t end = response.find("\r\n\r\n");
    reply.head = response.substr(0, end + 2);
    reply.body = end == std::string::npos ? "" : response.substr(end + 4);
    reply.status = reply.head.size() > 12 ? std::atoi(reply.head.c_str() + 9) : 0;
    if (reply.header("transfer-encoding") == "chunked") reply.body = dechunk(reply.body);
    if (auto value = json::parse(reply.body)) reply.json = *value;
    return reply;
  }

  std::string authorization() const { return "Authorization: Bearer " + key_ + "\r\n"; }
  const std::string& key() const { return key_; }
  std::string path(const std::string& name) const { return files::join(folder_.path(), name); }
  uint16_t port() const { return http_->port(); }
  // Before the first request: /v1/charter is about the house in this data folder.
  void open_house(const std::string& data) { app_->house = &house_.emplace(data); }
  gateway::Gateway& gateway() { return *gateway_; }
  journal::Ledger& ledger() { return *ledger_; }
  identity::Identity& identity() { return *identity_; }
  objects::Store& objects() { return *objects_; }
  objects::Blobs& blobs() { return *blobs_; }
  const identity::Identity::Founding& founding() const { return founding_; }
  const std::string& account() const { return account_; }
  static std::string log() {
    const std::lock_guard lock(Log::get().mutex);
    return Log::get().text;
  }

 private:
  template <class T>
  static T must(base::Result<T> result) {
    EXPECT_TRUE(result) << result.error().text();
    return *std::move(result);
  }
  void start(int64_t context_length) {
    gateway::testing::write_tiny_model(path("tiny"), 11, context_length);
    engine::Options options;
    options.threads = 1;
    options.kv_bytes_max = 8 << 20;
    options.max_batch = 8;
    gateway::ReleaseInfo release;
    release.id = std::string(64, 'a');
    release.channel = "tiny";
    release.manifest_digest = std::string(64, 'b');
    release.charter_id = "charter.test/lab";
    release.epoch = 7;
    release.price = {10'000'000, 30'000'000, 1};
    release.issued = clock_.now();
    auto model = must(model::Model::load(must(model::open_model(path("tiny")))));
    auto channel = must(gateway::Channel::start(release, std::move(model), options));
    client_ = must(net::HttpClient::start({.threads = 1}));
    gateway_.emplace(*ledger_, metrics_, clock_, client_.get(), std::vector{std::move(channel)});
    workers_.emplace(2);
    app_.emplace(App{*gateway_,
                     *identity_,
                     *ledger_,
                     *conversations_,
                     *objects_,
                     *blobs_,
                     metrics_,
                     clock_,
                     generations_,
                     *workers_,
                     {}});
    app_->http_client = client_.get();
    service_.emplace(*app_);
    background_.emplace(
        *app_, BackgroundOptions{.data = folder_.path(), .webhooks = {.private_addresses = true}});
    app_->background = &*background_;
    EXPECT_TRUE(background_->start());
    net::ServerOptions server;
    server.spool_directory = folder_.path();
    server.spool_bytes_min = 4096;
    http_ = must(net::HttpServer::listen(server));
    http_->start(*service_);
  }

  base::SystemClock system_clock_;
  const base::Clock& clock_;
  files::TemporaryDirectory folder_;
  telemetry::Registry metrics_;
  std::unique_ptr<identity::Identity> identity_;
  std::unique_ptr<journal::Ledger> ledger_;
  std::unique_ptr<chat::Conversations> conversations_;
  std::unique_ptr<objects::Store> objects_;
  std::unique_ptr<objects::Blobs> blobs_;
  identity::Identity::Founding founding_;
  std::string account_, key_;
  Generations generations_;
  std::unique_ptr<net::HttpClient> client_;
  std::optional<Workers> workers_;
  std::optional<gateway::Gateway> gateway_;
  std::optional<journal::SharedHouse> house_;
  std::optional<App> app_;
  std::optional<Service> service_;
  std::optional<Background> background_;
  std::unique_ptr<net::HttpServer> http_;
};

// Until `condition` holds, at most ten seconds.
inline bool eventually(const std::function<bool()>& condition) {
  const int64_t deadline_ns = base::monotonic_ns() + int64_t{10'000'000'000};
  while (!condition()) {
    if (base::monotonic_ns() > deadline_ns) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

inline json::Value chat_body(json::Object more = {}) {
  json::Value body =
      json::Object{{"model", "tiny"},
                   {"messages", json::Array{json::Object{{"role", "user"}, {"content", "Hello"}}}}};
  for (auto& [name, value] : more) body.set(name, std::move(value));
  return body;
}

}  // namespace api::testing
