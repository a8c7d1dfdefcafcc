// Work that outlives its time: batches after their window, uploads that nobody completed, and
// uploads that are larger than may be. The clock is the test's.
#include "api/testing_server.h"
#include "gateway/testing_upstream.h"
#include "net/raw_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::chat_body;
using testing::eventually;
using testing::Reply;

std::string form(const std::string& fields, const std::string& name, const std::string& content) {
  return fields + "--X\r\nContent-Disposition: form-data; name=\"" + name +
         "\"; filename=\"a\"\r\n\r\n" + content + "\r\n--X--\r\n";
}

class Expiry : public ::testing::Test {
 protected:
  Reply post_form(const std::string& target, const std::string& body) {
    return server_.request(
        "POST", target, body,
        server_.authorization() + "Content-Type: multipart/form-data; boundary=X\r\n");
  }
  std::string new_upload() {
    return server_
        .post("/v1/uploads", json::Object{{"filename", "a"},
                                          {"purpose", "assistants"},
                                          {"bytes", 1},
                                          {"mime_type", "text/plain"}})
        .json["id"]
        .as_string();
  }
  // The answer to a head that promises so many bytes, of which none comes.
  Reply promise(const std::string& target, int64_t bytes) {
    net::RawClient client(server_.port());
    client.send("POST " + target + " HTTP/1.1\r\nHost: a\r\n" + server_.authorization() +
                "Content-Type: multipart/form-data; boundary=X\r\nContent-Length: " +
                std::to_string(bytes) + "\r\n\r\n");
    return ApiServer::parse(client.read_response());
  }

  base::ManualClock clock_{base::system_now()};
  ApiServer server_{{.clock = &clock_}};
};

TEST_F(Expiry, ABatchKeepsWhatIsDoneAndTellsWhatIsNot) {
  std::atomic<bool> slow{false};
  net::RawServer provider([&](net::RawServer::Peer& peer) {
    while (!peer.read_request().empty()) {
      if (slow.exchange(true)) return static_cast<void>(peer.wait_for_close());
      peer.send(gateway::testing::answer(
          200, "application/json",
          R"({"choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}],)"
          R"("usage":{"prompt_tokens":9,"completion_tokens":2}})"));
    }
  });
  gateway::UpstreamOptions upstream;
  upstream.name = "there", upstream.base_url = provider.url("/v1");
  gateway::RouteOptions route;
  route.name = "elsewhere", route.attempts_max = 1;
  gateway::TargetOptions target;
  target.upstream = "there", target.model = "theirs";
  target.price = money::PriceQuote{1'000'000, 2'000'000, 1};
  route.targets = {target};
  ASSERT_TRUE(server_.gateway().directory().set_upstreams({upstream}));
  ASSERT_TRUE(server_.gateway().directory().set_routes({route}));

  std::string lines;
  for (int i = 0; i < 5; ++i) {
    json::Value body = chat_body({{"max_tokens", 5}});
    body.set("model", "elsewhere");
    lines += json::dump(json::Value(json::Object{{"custom_id", std::to_string(i)},
                                                 {"method", "POST"},
                                                 {"url", "/v1/chat/completions"},
                                                 {"body", body}})) +
             "\n";
  }
  const Reply file = post_form(
      "/v1/files", form("--X\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n",
                        "file", lines));
  const Reply batch = server_.post("/v1/batches", json::Object{{"input_file_id", file.json["id"]},
                                                               {"endpoint", "/v1/chat/completions"},
                                                               {"completion_window", "24h"}});
  ASSERT_EQ(batch.status, 200) << batch.body;
  const std::string path = "/v1/batches/" + batch.json["id"].as_string();
  EXPECT_EQ(batch.json["expires_at"].as_int(), batch.json["created_at"].as_int() + 24 * 3600);
  ASSERT_TRUE(eventually([&] {
    return server_.get(path).json["request_counts"]["completed"] == json::Value(1) && slow;
  })) << server_.get(path).body;
  clock_.advance(base::seconds(24 * 3600 + 1));
  ASSERT_TRUE(eventually([&] {
    return server_.get(path).json["status"] == json::Value("expired");
  })) << server_.get(path).body;
  const Reply over = server_.get(path);
  EXPECT_EQ(over.json["expired_at"].as_int(), clock_.now().seconds());
  EXPECT_EQ(over.json["request_counts"],
            json::Value(json::Object{{"total", 5}, {"completed", 1}, {"failed", 4}}));
  const Reply errors =
      server_.get("/v1/files/" + over.json["error_file_id"].as_string() + "/content");
  size_t unrun = 0;
  for (size_t at = 0; (at = errors.body.find("\"batch_expired\"", at)) != std::string::npos; ++at)
    ++unrun;
  EXPECT_EQ(unrun, 4u);
  EXPECT_EQ(server_.post(path + "/cancel", json::Object{}).status, 409);
  server_.gateway().cancel_all();  // what providers had in hand
  EXPECT_TRUE(eventually([&] { return server_.ledger().open_holds() == 0; }));
  const auto usage = server_.ledger().usage({}).value();
  EXPECT_EQ(usage.size(), 1u) << "one line was answered, and one is paid for";
}

TEST_F(Expiry, AnUploadThatNobodyCompletesTakesNothingMore) {
  const std::string id = new_upload(), path = "/v1/uploads/" + id;
  const Reply part = post_form(path + "/parts", form("", "data", "x"));
  ASSERT_EQ(part.status, 200) << part.body;
  clock_.advance(base::seconds(3600));
  EXPECT_EQ(post_form(path + "/parts", form("", "data", "y")).status, 400);
  const Reply late =
      server_.post(path + "/complete", json::Object{{"part_ids", json::Array{part.json["id"]}}});
  EXPECT_EQ(late.status, 400);
  EXPECT_EQ(
      late.error()["message"],
      json::Value("The upload '" + id + "' is expired, and only a pending one can be changed."));
}

TEST_F(Expiry, WhatIsTooLargeIsRefusedBeforeItComes) {
  constexpr int64_t kMiB = 1 << 20;
  for (const auto& [target, bytes] : {std::pair<std::string, int64_t>{"/v1/files", 600 * kMiB},
                                      {"/v1/uploads/" + new_upload() + "/parts", 70 * kMiB},
                                      {"/v1/chat/completions", 17 * kMiB}}) {
    const Reply refused = promise(target, bytes);
    EXPECT_EQ(refused.status, 413) << target;
    EXPECT_EQ(refused.error().as_object().size(), 4u) << target;
  }
  const Reply upload = server_.post("/v1/uploads", json::Object{{"filename", "a"},
                                                                {"purpose", "assistants"},
                                                                {"bytes", int64_t{9} << 30},
                                                                {"mime_type", "text/plain"}});
  EXPECT_EQ(upload.status, 400);
  EXPECT_EQ(upload.error()["code"], json::Value("integer_above_max_value"));
  EXPECT_EQ(upload.error()["param"], json::Value("bytes"));
}

}  // namespace
}  // namespace api
