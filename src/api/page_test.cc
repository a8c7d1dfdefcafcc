// The page's routes: signing in, conversations that stream and are stored, and what other sites may
// not do.
#include <gtest/gtest.h>

#include "api/assets.h"
#include "api/testing_server.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::eventually;
using testing::Reply;

class PageTest : public ::testing::Test {
 protected:
  static ApiServer& server() {
    static ApiServer shared;
    return shared;
  }
  PageTest() {
    const auto token = server().identity().create_owner_link(server().founding().owner.id).value();
    link_ = "/signin?token=" + std::string(token.reveal());
    const Reply signed_in = server().request("GET", link_);
    EXPECT_EQ(signed_in.status, 303);
    set_cookie_ = signed_in.header("set-cookie");
    cookie_ = "Cookie: other=1; " + set_cookie_.substr(0, set_cookie_.find(';')) + "\r\n";
  }
  Reply call(const std::string& method, const std::string& target, const std::string& body = "") {
    return server().request(method, target, body, cookie_);
  }
  std::string new_conversation() {
    return call("POST", "/api/conversations", "{}").json["id"].as_string();
  }

  std::string link_, set_cookie_, cookie_;
};

TEST_F(PageTest, TheShellIsServedWithAStrictPolicy) {
  for (const char* path : {"/", "/c/conv_1"}) {
    const Reply page = server().request("GET", path);
    EXPECT_EQ(page.status, 200);
    EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
    const std::string policy = page.header("content-security-policy");
    EXPECT_NE(policy.find("script-src 'self'"), std::string::npos);
    EXPECT_EQ(policy.find("unsafe"), std::string::npos);
    EXPECT_EQ(page.header("referrer-policy"), "no-referrer");
    const Reply again =
        server().request("GET", path, "", "If-None-Match: " + page.header("etag") + "\r\n");
    EXPECT_EQ(again.status, 304);
    EXPECT_TRUE(again.body.empty());
  }
  EXPECT_EQ(server().request("GET", "/assets/no-such.js").status, 404);
  EXPECT_EQ(content_type("/assets/a.js"), "text/javascript; charset=utf-8");
  EXPECT_EQ(content_type("/none"), "application/octet-stream");
}

TEST_F(PageTest, ALinkSignsInOnce) {
  EXPECT_NE(set_cookie_.find("HttpOnly"), std::string::npos);
  EXPECT_NE(set_cookie_.find("SameSite=Strict"), std::string::npos);
  const Reply again = server().request("GET", link_);
  EXPECT_EQ(again.status, 401);
  EXPECT_TRUE(again.header("set-cookie").empty());
  const Reply me = call("GET", "/api/me");
  ASSERT_EQ(me.status, 200) << me.body;
  EXPECT_EQ(me.json["models"].as_array()[0]["id"], json::Value("tiny"));
  EXPECT_EQ(me.json["models"].as_array()[0]["price_in_usd_per_1k"], json::Value("0.01"));
  EXPECT_EQ(me.json["models"].as_array()[0]["price_out_usd_per_1k"], json::Value("0.03"));
  EXPECT_EQ(me.json["models"].as_array()[0]["release"]["epoch"], json::Value("7"));
  EXPECT_EQ(server().request("GET", "/api/me").status, 401);
  EXPECT_EQ(call("POST", "/api/signout").status, 204);
  EXPECT_EQ(call("GET", "/api/me").status, 401);
}

TEST_F(PageTest, OtherSitesMayNotAct) {
  const std::string own = "Origin: http://127.0.0.1:" + std::to_string(server().port()) +
                          "\r\nSec-Fetch-Site: same-origin\r\n";
  EXPECT_EQ(server().request("POST", "/api/conversations", "{}", cookie_ + own).status, 201);
  for (const std::string foreign :
       {"Origin: http://evil.example\r\n", "Origin: null\r\n", "Sec-Fetch-Site: cross-site\r\n",
        "Sec-Fetch-Site: same-site\r\n"}) {
    EXPECT_EQ(server().request("POST", "/api/conversations", "{}", cookie_ + foreign).status, 403)
        << foreign;
  }
}

TEST_F(PageTest, AQuestionIsAnsweredStreamedStoredAndBilled) {
  const std::string id = new_conversation();
  const Reply stream = call("POST", "/api/conversations/" + id + "/messages",
                            R"({"content":"Hello there","model":"tiny","parent_id":null})");
  ASSERT_EQ(stream.status, 200) << stream.body;
  EXPECT_TRUE(stream.body.starts_with("id: answer_"));
  EXPECT_NE(stream.body.find(":0\nevent: message\ndata: {\"user_message_id\":\"msg_"),
            std::string::npos);
  const size_t done = stream.body.find("event: done\ndata: ");
  ASSERT_NE(done, std::string::npos) << stream.body;
  const size_t begin = done + 18;
  const json::Value last =
      json::parse(stream.body.substr(begin, stream.body.find("\n\n", begin) - begin)).value();
  EXPECT_EQ(last["message"]["status"], json::Value("complete"));

  const Reply stored = call("GET", "/api/conversations/" + id);
  const json::Array& messages = stored.json["messages"].as_array();
  ASSERT_EQ(messages.size(), 2u);
  EXPECT_EQ(messages[0]["content"], json::Value("Hello there"));
  EXPECT_TRUE(messages[0]["parent_id"].is_null());
  EXPECT_EQ(messages[1], last["message"]);
  EXPECT_EQ(messages[1]["parent_id"], messages[0]["id"]);
  EXPECT_TRUE(messages[1]["cost_usd"].as_string().starts_with("0.0"));

  const Reply again =
      call("POST", "/api/conversations/" + id + "/regenerate",
           json::dump(json::Object{{"message_id", messages[1]["id"]}, {"model", "tiny"}}));
  EXPECT_NE(again.body.find("event: done"), std::string::npos) << again.body;
  const Reply branch = call("POST", "/api/conversations/" + id + "/messages",
                            R"({"content":"Other","model":"tiny","parent_id":null})");
  EXPECT_NE(branch.body.find("event: done"), std::string::npos) << branch.body;
  const json::Array tree = call("GET", "/api/conversations/" + id).json["messages"].as_array();
  ASSERT_EQ(tree.size(), 5u);
  EXPECT_EQ(tree[2]["parent_id"], messages[0]["id"]);
  EXPECT_TRUE(tree[3]["parent_id"].is_null());
}

TEST_F(PageTest, AnAnswerGoesOnWithoutThePage) {
  const std::string id = new_conversation();
  const std::string path = "/api/conversations/" + id;
  {
    net::RawClient page(server().port());
    page.send(
        server().text("POST", path + "/messages", R"({"content":"Hi","model":"tiny"})", cookie_));
    page.read_until("event: message");
  }
  EXPECT_TRUE(eventually([&] {
    return call("GET", path).json["messages"].as_array().back()["status"] != json::Value("partial");
  }));
  EXPECT_EQ(call("GET", path).json["messages"].as_array().back()["status"],
            json::Value("complete"));
  EXPECT_EQ(call("POST", path + "/stop").json["stopped"], json::Value(false));
  EXPECT_EQ(server().ledger().open_holds(), 0);
}

TEST_F(PageTest, AnyPageFollowsAnAnswerFromWhereItHadComeTo) {
  const std::string path = "/api/conversations/" + new_conversation();
  EXPECT_EQ(call("GET", path + "/stream").status, 204);  // nothing has been asked
  const Reply asked = call("POST", path + "/messages", R"({"content":"Hi","model":"tiny"})");
  const Reply again = call("GET", path + "/stream");
  EXPECT_EQ(again.body, asked.body);
  // Behind each event that a page has seen come exactly the others.
  std::vector<size_t> ends;
  for (size_t at = asked.body.find("\n\n"); at != std::string::npos;
       at = asked.body.find("\n\n", at + 2))
    ends.push_back(at + 2);
  ASSERT_GE(ends.size(), 3u);
  for (size_t i = 0, begin = 0; i < ends.size(); begin = ends[i++]) {
    const std::string id = asked.body.substr(begin + 4, asked.body.find('\n', begin) - begin - 4);
    const Reply rest = call("GET", path + "/stream?after=" + id);
    EXPECT_EQ(rest.body, asked.body.substr(ends[i])) << id;
    EXPECT_EQ(server()
                  .request("GET", path + "/stream", "", cookie_ + "Last-Event-ID: " + id + "\r\n")
                  .body,
              rest.body);
  }
  // An id of another answer is no reason to leave anything out.
  EXPECT_EQ(call("GET", path + "/stream?after=answer_other:3").body, asked.body);
  EXPECT_EQ(server().request("GET", path + "/stream").status, 401);
}

TEST_F(PageTest, StopEndsTheAnswerAndKeepsWhatIsThere) {
  bool stopped = false;
  for (int attempt = 0; attempt < 200 && !stopped;
       ++attempt) {  // an answer may end by itself before the stop arrives
    const std::string path = "/api/conversations/" + new_conversation();
    net::RawClient page(server().port());
    page.send(
        server().text("POST", path + "/messages", R"({"content":"Hi","model":"tiny"})", cookie_));
    std::string stream = page.read_until("event: delta");
    EXPECT_EQ(call("POST", path + "/stop").status, 200);
    stream += page.read_until("0\r\n\r\n");
    const json::Value last = call("GET", path).json["messages"].as_array().back();
    stopped = last["status"] == json::Value("stopped");
    if (!stopped) continue;
    EXPECT_NE(stream.find("event: done"), std::string::npos);
    EXPECT_FALSE(last["content"].as_string().empty());
    EXPECT_EQ(last["finish_reason"], json::Value("cancelled"));
    // A token is one character, or none: the tiny model may write <unk>.
    EXPECT_GE(last["usage"]["completion_tokens"].as_int(),
              static_cast<int64_t>(last["content"].as_string().size()));
  }
  EXPECT_TRUE(stopped);
}

TEST_F(PageTest, ConversationsAreTheirOwners) {
  const std::string id = new_conversation();
  EXPECT_EQ(call("PATCH", "/api/conversations/" + id, R"({"title":"Sums"})").json["title"],
            json::Value("Sums"));
  EXPECT_EQ(call("GET", "/api/conversations").json["data"].as_array()[0]["title"],
            json::Value("Sums"));
  EXPECT_EQ(call("PATCH", "/api/conversations/" + id, "{}").error()["code"],
            json::Value("missing_required_parameter"));
  const std::string ask = "/api/conversations/" + id + "/messages";
  EXPECT_EQ(call("POST", ask, R"({"content":"x","model":"gpt-9"})").status, 404);
  EXPECT_EQ(call("POST", ask, R"({"content":5,"model":"tiny"})").error()["code"],
            json::Value("invalid_type"));
  EXPECT_EQ(call("POST", ask, R"({"content":"x","model":"tiny","parent_id":"msg_none"})").status,
            404);
  EXPECT_EQ(
      call("POST", "/api/conversations/conv_none/messages", R"({"content":"x","model":"tiny"})")
          .status,
      404);
  EXPECT_EQ(call("DELETE", "/api/conversations/" + id).status, 204);
  EXPECT_EQ(call("GET", "/api/conversations/" + id).status, 404);
}

TEST_F(PageTest, AQuestionThatDoesNotFitSaysSoInTheConversation) {
  const std::string id = new_conversation();
  const Reply reply =
      call("POST", "/api/conversations/" + id + "/messages",
           json::dump(json::Object{{"content", std::string(2000, 'x')}, {"model", "tiny"}}));
  EXPECT_EQ(reply.status, 400);
  EXPECT_EQ(reply.error()["code"], json::Value("context_length_exceeded"));
  const json::Value last =
      call("GET", "/api/conversations/" + id).json["messages"].as_array().back();
  EXPECT_EQ(last["status"], json::Value("error"));
}

}  // namespace
}  // namespace api
