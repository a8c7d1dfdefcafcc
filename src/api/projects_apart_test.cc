// What one project stores does not exist for another: every route that names an object, by the one
// route table, with another project's key; and every request that refers to one.
#include <map>

#include "api/lists.h"
#include "api/routes.h"
#include "api/testing_server.h"
#include "crypto/random.h"

namespace api {
namespace {

using testing::ApiServer;
using testing::chat_body;
using testing::Reply;

class ProjectsApart : public ::testing::Test {
 protected:
  static ApiServer& server() {
    static ApiServer running;
    return running;
  }
  // The key of another project of the same organization and the same user.
  static const std::string& stranger() {
    static const std::string header = [] {
      identity::Identity& identity = server().identity();
      const auto& founding = server().founding();
      const auto project = identity.create_project(founding.organisation.id, "Other").value();
      const auto key = identity.create_key(founding.owner.id, project.id, "k").value();
      return "Authorization: Bearer " + std::string(key.secret.reveal()) + "\r\n";
    }();
    return header;
  }
  static std::string made(const std::string& path, const json::Value& body) {
    const Reply reply = server().post(path, body);
    EXPECT_EQ(reply.status, 200) << path << reply.body;
    return reply.json["id"].as_string();
  }
  static std::string made_file(const std::string& purpose, const std::string& content) {
    const std::string form =
        "--X\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n" + purpose +
        "\r\n--X\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n" +
        content + "\r\n--X--\r\n";
    return server()
        .request("POST", "/v1/files", form,
                 server().authorization() + "Content-Type: multipart/form-data; boundary=X\r\n")
        .json["id"]
        .as_string();
  }
  static std::string inserted(const std::string& kind, const std::string& id) {
    objects::Object object;
    object.kind = kind, object.id = id;
    object.project_id = server().founding().project.id;
    object.created = base::system_now();
    object.body = json::Object{{"id", id}, {"object", kind}, {"status", "succeeded"}};
    EXPECT_TRUE(server().objects().insert(object));
    return id;
  }
  // By the beginning of a pattern: an object of the first project, and what stands within it.
  static std::map<std::string, std::pair<std::string, std::string>> objects() {
    const json::Value item = json::Object{{"type", "message"}, {"role", "user"}, {"content", "x"}};
    const std::string line =
        R"({"custom_id":"1","method":"POST","url":"/v1/chat/completions","body":)" +
        json::dump(chat_body({{"max_tokens", 1}})) + "}";
    const std::string file = made_file("assistants", "hello");
    const std::string store = made("/v1/vector_stores", json::Object{{"name", "s"}});
    EXPECT_EQ(server()
                  .post("/v1/vector_stores/" + store + "/files", json::Object{{"file_id", file}})
                  .status,
              200);
    const std::string batch =
        made("/v1/vector_stores/" + store + "/file_batches",
             json::Object{{"file_ids", json::Array{made_file("assistants", "again")}}});
    const std::string conversation =
        made("/v1/conversations", json::Object{{"items", json::Array{item}}});
    const Reply items = server().get("/v1/conversations/" + conversation + "/items");
    return {
        {"/v1/files/", {file, ""}},
        {"/v1/uploads/",
         {made("/v1/uploads", json::Object{{"filename", "a"},
                                           {"purpose", "assistants"},
                                           {"bytes", 3},
                                           {"mime_type", "text/plain"}}),
          ""}},
        {"/v1/batches/",
         {made("/v1/batches", json::Object{{"input_file_id", made_file("batch", line)},
                                           {"endpoint", "/v1/chat/completions"},
                                           {"completion_window", "24h"}}),
          ""}},
        {"/v1/vector_stores/{id}/file_batches", {store, batch}},
        {"/v1/vector_stores/", {store, file}},
        {"/v1/responses/",
         {made("/v1/responses",
               json::Object{{"model", "tiny"}, {"input", "Hi"}, {"max_output_tokens", 16}}),
          ""}},
        {"/v1/conversations/",
         {conversation, items.json["data"].as_array().at(0)["id"].as_string()}},
        {"/v1/chat/completions/",
         {made("/v1/chat/completions", chat_body({{"store", true}, {"max_tokens", 1}})), ""}},
        {"/v1/fine_tuning/jobs/", {inserted("fine_tuning.job", crypto::random_id("ftjob-")), ""}},
        {"/v1/webhook_endpoints/",
         {made("/v1/webhook_endpoints",
               json::Object{{"name", "w"},
                            {"url", "http://127.0.0.1:9/"},
                            {"event_types", json::Array{"batch.completed"}}}),
          ""}},
    };
  }
  static std::string target_of(std::string_view pattern,
                               const std::pair<std::string, std::string>& ids) {
    std::string out;
    int count = 0;
    for (size_t at = 0; at < pattern.size(); ++at) {
      if (pattern[at] != '{') {
        out += pattern[at];
        continue;
      }
      out += count++ == 0 ? ids.first : ids.second;
      at = pattern.find('}', at);
    }
    return out;
  }
};

TEST_F(ProjectsApart, NoRouteReachesAnotherProjectsObject) {
  const auto all = objects();
  std::vector<std::string> own;
  size_t tried = 0;
  for (const Route* route : routes()) {
    const bool names = route->pattern.find('{') != std::string_view::npos &&
                       route->pattern.find("*}") == std::string_view::npos;
    if (route->auth != Auth::Key || !names) continue;
    // The longest beginning that fits.
    const std::pair<std::string, std::string>* ids = nullptr;
    size_t longest = 0;
    for (const auto& [beginning, entry] : all) {
      if (!route->pattern.starts_with(beginning) || beginning.size() <= longest) continue;
      longest = beginning.size(), ids = &entry;
    }
    ASSERT_NE(ids, nullptr) << route->pattern << ": an object of this kind is missing here";
    const std::string target = target_of(route->pattern, *ids);
    const std::string method(route->method);
    const Reply reply = server().request(method, target, method == "POST" ? "{}" : "", stranger());
    ++tried;
    if (method == "POST")
      EXPECT_TRUE(reply.status == 404 || reply.status == 400) << method << target << reply.body;
    else
      EXPECT_EQ(reply.status, 404) << method << " " << target << reply.body;
    EXPECT_EQ(reply.body.find("\"object\""), std::string::npos) << reply.body;
    if (method == "GET") own.push_back(target);
  }
  EXPECT_GT(tried, 40u);
  for (const std::string& target : own)
    EXPECT_EQ(server().get(target).status, 200) << target << " is still its owner's";
}

TEST_F(ProjectsApart, ListsAreEmptyForTheStranger) {
  objects();
  for (const char* list : {"/v1/files", "/v1/batches", "/v1/vector_stores", "/v1/chat/completions",
                           "/v1/fine_tuning/jobs", "/v1/webhook_endpoints"}) {
    const Reply other = server().request("GET", list, "", stranger());
    EXPECT_EQ(other.status, 200) << list << other.body;
    EXPECT_TRUE(other.json["data"].as_array().empty()) << list << other.body;
  }
}

TEST_F(ProjectsApart, NoRequestRefersToAnotherProjectsObject) {
  const auto all = objects();
  const auto id = [&](const char* beginning) { return all.at(beginning).first; };
  const std::string jsonl = made_file("fine-tune", R"({"messages":[]})");
  const std::string batch_input = made_file("batch", "{}");
  const auto ask = [&](const std::string& path, const json::Object& body) {
    return server().request("POST", path, json::dump(json::Value(body)), stranger());
  };
  const Reply store = ask("/v1/vector_stores", {{"name", "mine"}});
  ASSERT_EQ(store.status, 200) << store.body;
  const std::string mine = "/v1/vector_stores/" + store.json["id"].as_string();
  const json::Object response{{"model", "tiny"}, {"input", "Hi"}, {"max_output_tokens", 16}};
  const auto with = [](json::Object body, std::string name, json::Value value) {
    body.emplace_back(std::move(name), std::move(value));
    return body;
  };
  const json::Array search{json::Object{
      {"type", "file_search"}, {"vector_store_ids", json::Array{id("/v1/vector_stores/")}}}};
  const std::pair<std::string, json::Object> references[] = {
      {"/v1/vector_stores", {{"file_ids", json::Array{id("/v1/files/")}}}},
      {mine + "/files", {{"file_id", id("/v1/files/")}}},
      {mine + "/file_batches", {{"file_ids", json::Array{id("/v1/files/")}}}},
      {"/v1/batches",
       {{"input_file_id", batch_input},
        {"endpoint", "/v1/chat/completions"},
        {"completion_window", "24h"}}},
      {"/v1/fine_tuning/jobs", {{"model", "tiny"}, {"training_file", jsonl}}},
      {"/v1/responses", with(response, "previous_response_id", id("/v1/responses/"))},
      {"/v1/responses", with(response, "conversation", id("/v1/conversations/"))},
      {"/v1/responses", with(response, "tools", search)},
  };
  for (const auto& [path, body] : references) {
    const Reply reply = ask(path, body);
    EXPECT_TRUE(reply.status == 404 || reply.status == 400)
        << path << json::dump(json::Value(body)) << reply.status << reply.body;
  }
}

}  // namespace
}  // namespace api
