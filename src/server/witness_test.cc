// A house and its witnesses over loopback: what they cosign, and what they say of a log that was
// forked or set back.
#include <gtest/gtest.h>

#include "net/raw_client.h"
#include "server/witness_client.h"
#include "server/witness_service.h"

namespace server {
namespace {

class WitnessTest : public testing::Test {
 protected:
  struct Witness {
    std::unique_ptr<journal::WitnessStore> store;
    std::unique_ptr<WitnessService> service;
    std::unique_ptr<net::HttpServer> http;
  };

  WitnessTest() {
    policy_text_ = "log " + govern::format_vkey(key_.verifier()) + "\n";
    for (const char* name : {"one", "two"}) {
      const std::string directory = files::join(folder_.path(), name);
      const auto vkey = journal::WitnessStore::create(directory, name).value();
      EXPECT_TRUE(journal::WitnessStore::trust(directory, key_.verifier()));
      Witness& witness = witnesses_.emplace_back();
      witness.store = journal::WitnessStore::open(directory).value();
      witness.service = std::make_unique<WitnessService>(*witness.store, clock_);
      witness.http = net::HttpServer::listen({}).value();
      witness.http->start(*witness.service);
      policy_text_ += std::string("witness ") + name + " " + govern::format_witness_vkey(vkey) +
                      " http://127.0.0.1:" + std::to_string(witness.http->port()) + "\n";
    }
    policy_text_ += "group both all one two\nquorum both\n";
    policy_ = govern::parse_witness_policy(policy_text_).value();
  }
  journal::Log new_log(const std::string& name) const {
    return journal::Log::create(files::join(folder_.path(), name), key_).value();
  }
  void append(journal::Log* log, const std::string& text) const {
    const govern::Envelope envelope = govern::make_envelope("test", text, {&key_, 1});
    const govern::LoggedStatement statement{
        {govern::Kind::Ballot, log->size(), govern::envelope_digest(envelope), {}, {}}, envelope};
    ASSERT_TRUE(log->append({&statement, 1}));
  }
  std::vector<WitnessReply> ask(const journal::Log& log) {
    return ask_witnesses(*client_, policy_, log, clock_);
  }

  const files::TemporaryDirectory folder_ = files::TemporaryDirectory::create().value();
  const govern::SignerKey key_{"house/log", crypto::PrivateKey::generate()};
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::vector<Witness> witnesses_;
  std::string policy_text_;
  govern::WitnessPolicy policy_;
  const std::unique_ptr<net::HttpClient> client_ = net::HttpClient::start().value();
};

TEST_F(WitnessTest, CosignAsTheLogGrows) {
  journal::Log log = new_log("log");
  for (int round = 0; round < 3; ++round) {
    append(&log, std::to_string(round));
    std::vector<govern::NoteSignature> lines;
    for (const WitnessReply& reply : ask(log)) {
      ASSERT_TRUE(reply.cosignature) << reply.cosignature.error().text();
      lines.push_back(*reply.cosignature);
    }
    ASSERT_TRUE(log.add_cosignatures(govern::format_checkpoint(log.checkpoint()), lines).value());
    const auto seen = govern::open_witnessed(policy_, log.checkpoint_note()).value();
    EXPECT_TRUE(seen.quorum_met);
    EXPECT_EQ(seen.cosignatures.size(), 2u);
  }
  net::RawClient reader(witnesses_[0].http->port());
  reader.send("GET /" + govern::origin_id(key_.name) + "/checkpoint HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_NE(reader.read_response().find("house/log\n3\n"), std::string::npos);
}

TEST_F(WitnessTest, OneThatIsAwayDelaysTheQuorumAlone) {
  journal::Log log = new_log("log");
  append(&log, "a");
  witnesses_[1].http->stop();
  const auto replies = ask(log);
  EXPECT_TRUE(replies.at(0).cosignature);
  ASSERT_FALSE(replies.at(1).cosignature);
  EXPECT_EQ(log.statement(0)->envelope.payload, "a") << "reading goes on";
}

TEST_F(WitnessTest, AForkedOrSetBackLogIsInconsistent) {
  journal::Log log = new_log("log");
  append(&log, "a");
  append(&log, "b");
  for (const WitnessReply& reply : ask(log)) ASSERT_TRUE(reply.cosignature);
  journal::Log fork = new_log("fork");
  append(&fork, "a");
  for (const WitnessReply& reply : ask(fork))
    EXPECT_EQ(reply.cosignature.error().reason, "INCONSISTENT") << "shorter";
  append(&fork, "other");
  for (const WitnessReply& reply : ask(fork))
    EXPECT_EQ(reply.cosignature.error().reason, "INCONSISTENT") << "of the same size";
  append(&fork, "c");
  for (const WitnessReply& reply : ask(fork))
    EXPECT_EQ(reply.cosignature.error().reason, "INCONSISTENT") << "longer";
}

TEST_F(WitnessTest, CosignaturesFromTheFutureAreNotTaken) {
  journal::Log log = new_log("log");
  append(&log, "a");
  base::ManualClock behind{base::Time{1'600'000'000'000'000'000}};
  for (const WitnessReply& reply : ask_witnesses(*client_, policy_, log, behind))
    EXPECT_EQ(reply.cosignature.error().reason, "CLOCK");
}

TEST_F(WitnessTest, AnswersNothingElse) {
  for (const auto& [request, status] : {std::pair{"GET /add-checkpoint", "405"},
                                        {"POST /checkpoint", "405"},
                                        {"GET /", "404"},
                                        {"GET /checkpoint", "404"},
                                        {"GET /0/checkpoint", "404"},
                                        {"GET /healthz", "200"},
                                        {"POST /add-checkpoint", "400"}}) {
    net::RawClient client(witnesses_[0].http->port());
    client.send(std::string(request) + " HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    EXPECT_TRUE(client.read_response().starts_with(std::string("HTTP/1.1 ") + status)) << request;
  }
}

}  // namespace
}  // namespace server
