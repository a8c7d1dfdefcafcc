// /v1/charter over HTTP: what it shows, what it gives to sign, and what it refuses by which name.
// The people of the house sign with keys that the server never sees.
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

#include "api/testing_server.h"
#include "govern/dsse.h"
#include "journal/drafts.h"

namespace api {
namespace {

using govern::SignerKey;
using json::Object;
using json::Value;
using testing::ApiServer;
using testing::Reply;

SignerKey new_key(const std::string& name) { return {name, crypto::PrivateKey::generate()}; }

// Three directors, one of them with two keys; a safety engineer who consents; an investor.
struct People {
  SignerKey ada = new_key("p.ada"), ada_second = new_key("p.ada"), bea = new_key("p.bea"),
            cai = new_key("p.cai"), fei = new_key("p.fei"), hal = new_key("p.hal"),
            stranger = new_key("p.ada");

  std::string charter() const {
    const auto person = [](const std::string& id, std::initializer_list<const SignerKey*> keys) {
      std::string list;
      for (const SignerKey* key : keys)
        list += (list.empty() ? "\"" : ", \"") + govern::format_vkey(key->verifier()) + '"';
      return "[[person]]\nid = \"" + id + "\"\nkeys = [" + list + "]\n";
    };
    return "[charter]\nid = \"example/lab\"\nversion = 1\nprev_sha256 = \"\"\n" +
           person("p.ada", {&ada, &ada_second}) + person("p.bea", {&bea}) +
           person("p.cai", {&cai}) + person("p.fei", {&fei}) + person("p.hal", {&hal}) + R"(
[[body]]
id = "board"
class = "control"
seats = 3
min_filled = 2
members = ["p.ada", "p.bea", "p.cai"]
[[body]]
id = "safety"
class = "consult"
seats = 1
min_filled = 1
members = ["p.fei"]
[[body]]
id = "investors"
class = "economic"
members = ["p.hal"]
[rule.expand]
threshold = "2/3"
floor_for = 2
notice = "0s"
timelock = "0s"
expires = "21d"
consent = ["safety"]
[[power]]
action = "model.promote"
body = "board"
rule = "expand"
needs = ["manifest.sealed", "gate.passed", "two_bodies"]
[[gate]]
id = "sums"
suite = "word-problems"
metric = "accuracy"
direction = "lower"
limit = "0.60"
alpha = "0.05"
min_n = 100
[prices]
input_micro_usd_per_million = 10000000
output_micro_usd_per_million = 30000000
)";
  }
};

class GovernanceTest : public ::testing::Test {
 protected:
  GovernanceTest() : data_(server_.path("house")) {
    auto house = journal::init_house(data_, {"p.ada", people_.charter(), people_.ada}, now());
    EXPECT_TRUE(house) << house.error().text();
    proposal_ = propose(&*house);
    server_.open_house(data_);
  }

  static base::Time now() { return base::system_now(); }

  std::string propose(journal::House* house) {
    const std::string model = gateway::testing::write_tiny_model(server_.path("proposed"));
    govern::Evidence evidence;
    evidence.model = "tiny";
    evidence.manifest_digest = govern::manifest_digest({journal::hash_model_files(model).value()});
    evidence.suite = "word-problems";
    evidence.suite_version = "1";
    evidence.suite_root = crypto::sha256("suite");
    evidence.result_root = crypto::sha256("results");
    evidence.size = 100;
    evidence.passed = 80;
    evidence.failed = 20;
    evidence.finished = now();
    EXPECT_TRUE(
        files::write_atomic(server_.path("evidence.json"), govern::format_evidence(evidence)));
    EXPECT_TRUE(files::write_atomic(key_file("ada"),
                                    std::string(govern::format_signer_key(people_.ada).reveal())));
    journal::ProposeOptions options;
    options.model_directory = model;
    options.evidence = {server_.path("evidence.json")};
    options.person = "p.ada";
    options.key_path = key_file("ada");
    const auto proposed = journal::propose(house, options, now());
    EXPECT_TRUE(proposed) << proposed.error().text();
    return proposed ? crypto::hex(proposed->proposal) : "";
  }
  std::string key_file(const std::string& name) const { return server_.path(name + ".key"); }

  Value draft(const std::string& query) {
    const Reply reply = server_.get("/v1/charter/drafts/" + query);
    EXPECT_EQ(reply.status, 200) << reply.body;
    return reply.json;
  }
  static std::string text_of(const Value& draft) { return draft["payload_text"].as_string(); }

  Reply post(const Value& envelope) { return server_.post("/v1/charter/statements", envelope); }
  Reply sign_and_post(const Value& draft, std::initializer_list<SignerKey> keys) {
    const std::vector<SignerKey> signers(keys);
    return post(govern::envelope_to_json(
        govern::make_envelope(draft["payload_type"].as_string(), text_of(draft), signers)));
  }
  Reply vote(const SignerKey& key, const std::string& vote = "for", const std::string& body = "") {
    return sign_and_post(draft("ballot?proposal=" + proposal_ + "&person=" + key.name +
                               "&vote=" + vote + (body.empty() ? "" : "&body=" + body)),
                         {key});
  }
  Value proposal() { return server_.get("/v1/charter/proposals/" + proposal_).json; }
  int64_t log_size() { return server_.get("/v1/charter").json["log_size"].as_int(); }

  static std::string code(const Reply& reply) {
    const Value& value = reply.error()["code"];
    return std::to_string(reply.status) + " " +
           (value.is_string() ? value.as_string() : reply.body);
  }

  ApiServer server_;
  People people_;
  std::string data_, proposal_;
};

TEST_F(GovernanceTest, ShowsTheCharterAsItWasSigned) {
  const Reply reply = server_.get("/v1/charter");
  ASSERT_EQ(reply.status, 200) << reply.body;
  const Value& charter = reply.json;
  EXPECT_EQ(charter["text"].as_string(), people_.charter());
  EXPECT_EQ(charter["sha256"].as_string(), crypto::hex(crypto::sha256(people_.charter())));
  EXPECT_EQ(charter["persons"].as_array().size(), 5u);
  EXPECT_EQ(charter["persons"].as_array()[0]["keys"].as_array().size(), 2u);
  EXPECT_FALSE(charter["one_person_decides"].as_bool());
  EXPECT_TRUE(charter["persons"].as_array()[0]["may_stop"].as_bool());
  EXPECT_FALSE(charter["persons"].as_array()[4]["may_stop"].as_bool());  // the investor
}

TEST_F(GovernanceTest, APersonVotesAndTheReleaseGoesThrough) {
  Value shown = proposal();
  EXPECT_EQ(shown["stage"].as_string(), "voting");
  EXPECT_EQ(shown["if_counted_now"]["refusal"]["code"].as_string(), "THRESHOLD_UNMET");
  EXPECT_EQ(shown["evidence"].as_array()[0]["limit"].as_double(), 0.6);
  // scipy.stats.beta.ppf(0.05, 80, 21)
  EXPECT_NEAR(shown["evidence"].as_array()[0]["runs"].as_array()[0]["lower"].as_double(), 0.7227997,
              1e-6);

  EXPECT_EQ(vote(people_.ada).status, 201);
  EXPECT_EQ(vote(people_.bea).status, 201);
  shown = proposal();
  EXPECT_EQ(shown["bodies"].as_array()[0]["votes_missing"].as_int(), 0);
  EXPECT_EQ(shown["bodies"].as_array()[1]["votes_missing"].as_int(), 1);
  EXPECT_EQ(shown["if_counted_now"]["refusal"]["code"].as_string(), "THRESHOLD_UNMET");
  EXPECT_EQ(code(server_.get("/v1/charter/drafts/tally?proposal=" + proposal_ + "&person=p.ada")),
            "403 THRESHOLD_UNMET");
  EXPECT_EQ(vote(people_.fei).status, 201);
  EXPECT_TRUE(proposal()["if_counted_now"]["passes"].as_bool());

  const std::string who = "?proposal=" + proposal_ + "&person=p.bea";
  EXPECT_EQ(sign_and_post(draft("tally" + who), {people_.bea}).status, 201);
  EXPECT_EQ(proposal()["stage"].as_string(), "passed");
  EXPECT_EQ(sign_and_post(draft("release" + who), {people_.bea}).status, 201);
  EXPECT_EQ(proposal()["stage"].as_string(), "released");
  EXPECT_TRUE(files::exists(files::join(data_, "models/chat/release/bundle.json")));

  const Value channels = server_.get("/v1/charter/channels").json;
  EXPECT_EQ(channels["data"].as_array()[0]["id"].as_string(), "chat");
  EXPECT_TRUE(channels["data"].as_array()[0]["serves"].as_bool()) << json::dump(channels);
  const Reply bundle = server_.get("/v1/charter/channels/chat/bundle");
  const auto parsed = govern::parse_bundle_file(bundle.body);
  ASSERT_TRUE(parsed) << parsed.error().text();
  const auto pin = journal::House::read_pin(data_);
  EXPECT_TRUE(govern::verify_release(*parsed, *pin, now()));
}

// Attack 1: two signatures of one person's two keys are one person, and one key cannot speak under
// two names.
TEST_F(GovernanceTest, TwoKeysOfOnePersonAreOnePerson) {
  const Value ballot = draft("ballot?proposal=" + proposal_ + "&person=p.ada&vote=for");
  EXPECT_EQ(sign_and_post(ballot, {people_.ada, people_.ada_second}).status, 201);
  EXPECT_EQ(proposal()["bodies"].as_array()[0]["for"].as_int(), 1);
  EXPECT_EQ(code(vote(people_.ada_second)), "409 BALLOT_EXISTS");
  EXPECT_EQ(vote(people_.fei).status, 201);
  EXPECT_EQ(proposal()["if_counted_now"]["refusal"]["code"].as_string(), "THRESHOLD_UNMET");

  const Value of_bea = draft("ballot?proposal=" + proposal_ + "&person=p.bea&vote=for");
  EXPECT_EQ(code(sign_and_post(of_bea, {people_.ada})), "403 SIGNER_MISSING");
  EXPECT_EQ(code(sign_and_post(of_bea, {people_.bea, people_.ada})), "403 DUTY_CONFLICT");
  EXPECT_EQ(code(sign_and_post(of_bea, {people_.stranger})), "403 BAD_SIG");
}

// Attack 2: an approval means nothing anywhere else.
TEST_F(GovernanceTest, AnApprovalCannotBeCarriedElsewhere) {
  const Value ballot = draft("ballot?proposal=" + proposal_ + "&person=p.ada&vote=for");
  const auto changed = [&](const std::function<void(Value*)>& change) {
    Value payload = *json::parse(text_of(ballot));
    change(&payload);
    Value out = ballot;
    out.set("payload_text", json::canonical(payload));
    return code(sign_and_post(out, {people_.ada}));
  };
  EXPECT_EQ(changed([](Value* p) { p->set("proposal", std::string(64, 'a')); }),
            "409 SUBJECT_MISMATCH");
  EXPECT_EQ(changed([](Value* p) { p->find("context")->find("charter")->set("id", "other/lab"); }),
            "409 CONTEXT_MISMATCH");
  EXPECT_EQ(changed([](Value* p) { p->find("context")->set("origin", "other/lab/log"); }),
            "409 CONTEXT_MISMATCH");
  EXPECT_EQ(changed([](Value* p) { p->set("body", "nobody"); }), "403 NOT_SEATED");
  const int64_t size = log_size();
  Value envelope = govern::envelope_to_json(govern::make_envelope(
      ballot["payload_type"].as_string(), text_of(ballot), {&people_.ada, 1}));
  EXPECT_EQ(post(envelope).status, 201);
  EXPECT_EQ(post(envelope).status, 409);  // once
  EXPECT_EQ(log_size(), size + 1);
}

// Attack 13: a holding is no vote, neither in the body that decides nor in its own.
TEST_F(GovernanceTest, AnEconomicKeyDecidesNothing) {
  EXPECT_EQ(code(server_.get("/v1/charter/drafts/ballot?proposal=" + proposal_ +
                             "&person=p.hal&vote=for")),
            "403 CLASS_FORBIDDEN");
  const int64_t size = log_size();
  EXPECT_EQ(code(vote(people_.hal, "for", "investors")), "403 CLASS_FORBIDDEN");
  EXPECT_EQ(code(vote(people_.hal, "for", "board")), "403 CLASS_FORBIDDEN");
  const Value stop = draft("stop?person=p.hal&channel=*&reason=price");
  EXPECT_EQ(sign_and_post(stop, {people_.hal}).status, 403);
  EXPECT_EQ(log_size(), size);
}

TEST_F(GovernanceTest, AStopNeedsOneKeyAndHoldsAtOnce) {
  for (const SignerKey& key : {people_.ada, people_.bea, people_.fei}) vote(key);
  const std::string who = "?proposal=" + proposal_ + "&person=p.ada";
  sign_and_post(draft("tally" + who), {people_.ada});
  ASSERT_EQ(sign_and_post(draft("release" + who), {people_.ada}).status, 201);
  const Value stop = draft("stop?person=p.cai&channel=chat&reason=it+persuades");
  EXPECT_EQ(sign_and_post(stop, {people_.cai}).status, 201);
  const Value channels = server_.get("/v1/charter/channels").json;
  const Value& chat = channels["data"].as_array()[0];
  EXPECT_FALSE(chat["serves"].as_bool());
  EXPECT_EQ(chat["reason"].as_string(), "HALTED");
  EXPECT_EQ(chat["stops"].as_array()[0]["holder"].as_string(), "p.cai");
  EXPECT_EQ(code(sign_and_post(stop, {people_.cai})).substr(0, 3), "409");
}

TEST_F(GovernanceTest, BytesThatAreNoStatementAreRefused) {
  const auto raw = [&](const std::string& body) {
    return server_.request("POST", "/v1/charter/statements", body, server_.authorization());
  };
  EXPECT_EQ(raw("{").status, 400);
  EXPECT_EQ(raw("{\"payload\":\"\",\"payload\":\"\"}").status, 400);
  EXPECT_EQ(raw("{}").status, 400);
  Value ballot = draft("ballot?proposal=" + proposal_ + "&person=p.ada&vote=for");
  ballot.set("payload_type", "application/vnd.charter.decree.v1+json");
  EXPECT_EQ(code(sign_and_post(ballot, {people_.ada})), "400 MALFORMED");
  EXPECT_EQ(server_.get("/v1/charter/proposals/ffff").status, 404);
  EXPECT_EQ(server_.get("/v1/charter/drafts/decree").status, 404);
  EXPECT_EQ(server_.get("/v1/charter/drafts/ballot").status, 400);
  EXPECT_EQ(server_.get("/v1/charter/log/999").status, 404);
  EXPECT_EQ(server_.get("/v1/charter/channels/none/bundle").status, 404);
}

TEST_F(GovernanceTest, TheLogIsReadInOrder) {
  vote(people_.ada);
  const Value all = server_.get("/v1/charter/log").json;
  const auto& entries = all["data"].as_array();
  ASSERT_EQ(static_cast<int64_t>(entries.size()), log_size());
  EXPECT_EQ(entries.front()["type"].as_string(), "charter/v1");
  EXPECT_EQ(entries.back()["type"].as_string(), "ballot/v1");
  EXPECT_EQ(entries.back()["vote"].as_string(), "for");
  const Value rest = server_.get("/v1/charter/log?after=0&limit=1").json;
  ASSERT_EQ(rest["data"].as_array().size(), 1u);
  EXPECT_EQ(rest["data"].as_array()[0]["index"].as_int(), 1);
  EXPECT_TRUE(rest["has_more"].as_bool());
  const Value one = server_.get("/v1/charter/log/" + std::to_string(entries.size() - 1)).json;
  EXPECT_EQ(one["payload_sha256"].as_string(),
            crypto::hex(crypto::sha256(one["payload_text"].as_string())));
  const Reply file = server_.get("/v1/charter/log/export");
  EXPECT_EQ(std::ranges::count(file.body, '\n'), static_cast<std::ptrdiff_t>(entries.size()));
}

TEST_F(GovernanceTest, StrangersAndNarrowKeysAreKeptOut) {
  EXPECT_EQ(server_.request("GET", "/v1/charter").status, 401);
  const auto key = [&](std::vector<std::string> scopes) {
    const auto made = server_.identity().create_key(
        server_.founding().owner.id, server_.founding().project.id, "narrow", std::move(scopes));
    return "Authorization: Bearer " + std::string(made->secret.reveal()) + "\r\n";
  };
  const std::string reads = key({"charter.read"}), other = key({"model.read"});
  EXPECT_EQ(server_.request("GET", "/v1/charter", "", reads).status, 200);
  EXPECT_EQ(server_.request("GET", "/v1/charter", "", other).status, 403);
  EXPECT_EQ(server_.request("POST", "/v1/charter/statements", "{}", reads).status, 403);
}

// `charter vote` beside the server: both append, neither loses the other's statement.
TEST_F(GovernanceTest, TheCommandLineWritesBesideTheServer) {
  ASSERT_TRUE(files::write_atomic(key_file("bea"),
                                  std::string(govern::format_signer_key(people_.bea).reveal())));
  std::thread command([&] {
    auto house = journal::House::open(data_);
    ASSERT_TRUE(house) << house.error().text();
    std::this_thread::sleep_for(std::chrono::milliseconds(100));  // holds the lock meanwhile
    journal::VoteOptions options{crypto::digest_from_hex(proposal_).value(), "p.bea",
                                 key_file("bea"), "", govern::Vote::For};
    const auto voted = journal::vote(&*house, options, now());
    EXPECT_TRUE(voted) << voted.error().text();
  });
  EXPECT_EQ(vote(people_.ada).status, 201);
  EXPECT_EQ(vote(people_.cai).status, 201);
  command.join();
  EXPECT_EQ(proposal()["bodies"].as_array()[0]["for"].as_int(), 3);
  EXPECT_TRUE(journal::House::open_to_read(data_)->log().verify_files());
}

TEST(Governance, AServerWithoutACharterSaysSo) {
  ApiServer server;
  EXPECT_EQ(server.get("/v1/charter").status, 404);
}

}  // namespace
}  // namespace api
