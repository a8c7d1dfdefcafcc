// Readers of a running answer's events: from wherever they come in, each gets the same bytes.
#include "api/event_log.h"

#include <gtest/gtest.h>

#include "api/generations.h"

namespace api {
namespace {

using net::Exchange;

// A reader's connection, of which nothing leaves until it is read.
struct Reader {
  explicit Reader(size_t queued_bytes_max = 1 << 20)
      : exchange(std::make_shared<Exchange>(old_request(), true, queued_bytes_max, [] {})) {
    exchange->begin_stream({200, {}, ""});
    read();
    text.clear();
  }
  // Of HTTP/1.0, whose answers are not cut into chunks.
  static net::Request old_request() {
    net::Request request;
    request.version_minor = 0;
    return request;
  }
  // Takes what is queued, as a connection that has sent it.
  Exchange::Stage read() {
    std::string bytes;
    const Exchange::Stage stage = exchange->collect(&bytes);
    text += bytes;
    exchange->sent(bytes.size());
    return stage;
  }
  // Until no more comes.
  Exchange::Stage read_all() {
    size_t before = 0;
    Exchange::Stage stage;
    do {
      before = text.size();
      stage = read();
    } while (text.size() > before);
    return stage;
  }
  std::shared_ptr<Exchange> exchange;
  std::string text;
};

TEST(EventLogTest, EachReaderGetsWhatItHasNotSeen) {
  const auto log = std::make_shared<EventLog>();
  Reader first, late, ahead;
  ASSERT_TRUE(log->follow(first.exchange, -1));
  log->append("0");
  log->append("1");
  ASSERT_TRUE(log->follow(late.exchange, 0));
  ASSERT_TRUE(log->follow(ahead.exchange, 2));
  log->append("2");
  log->append("3");
  EXPECT_EQ(log->next_number(), 4);
  EXPECT_NE(first.read_all(), Exchange::Stage::Ended);
  log->close();
  EXPECT_EQ(first.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(late.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(ahead.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(first.text, "0123");
  EXPECT_EQ(late.text, "123");
  EXPECT_EQ(ahead.text, "3");
  Reader after;
  ASSERT_TRUE(log->follow(after.exchange, 1));
  EXPECT_EQ(after.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(after.text, "23");
}

TEST(EventLogTest, ASlowReaderReadsOnWhenThereIsRoom) {
  const auto log = std::make_shared<EventLog>();
  Reader slow(1000);
  ASSERT_TRUE(log->follow(slow.exchange, -1));
  std::string all;
  for (int i = 0; i < 50; ++i) {
    const std::string event = "event " + std::to_string(i) + std::string(150, 'x') + "\n";
    all += event;
    log->append(event);
  }
  const std::string large(5000, 'y');  // larger than the queue is
  log->append(large);
  log->close();
  EXPECT_EQ(slow.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(slow.text, all + large);
}

TEST(EventLogTest, MemoryIsBoundedAndNobodyGetsAGap) {
  const auto log = std::make_shared<EventLog>(1000);
  Reader slow(500), fast;
  ASSERT_TRUE(log->follow(slow.exchange, -1));
  ASSERT_TRUE(log->follow(fast.exchange, -1));
  for (int i = 0; i < 100; ++i) log->append(std::string(100, 'x'));
  EXPECT_LE(log->bytes(), 1000u);
  Reader late;
  const base::Status gone = log->follow(late.exchange, 3);
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, base::Code::NotFound);
  EXPECT_EQ(slow.read_all(), Exchange::Stage::Aborted);
  log->close();
  EXPECT_EQ(fast.read_all(), Exchange::Stage::Ended);
  EXPECT_EQ(fast.text.size(), 10'000u);
}

TEST(EventLogTest, AReaderThatIsGoneHoldsNothing) {
  const auto log = std::make_shared<EventLog>();
  Reader reader;
  const std::weak_ptr<Exchange> weak = reader.exchange;
  ASSERT_TRUE(log->follow(reader.exchange, -1));
  reader.exchange->peer_gone();
  log->append("x");
  reader.exchange.reset();
  EXPECT_TRUE(weak.expired());
}

class CountingRun final : public gateway::Run {
 public:
  void cancel() override { ++cancels; }
  int cancels = 0;
};

TEST(GenerationsTest, OneAtATimeAndCancelReachesARunThatBeginsLater) {
  Generations generations;
  const auto answer = std::make_shared<LiveAnswer>("user_1", "answer_1");
  EXPECT_TRUE(generations.add("conv_1", answer));
  EXPECT_FALSE(generations.add("conv_1", std::make_shared<LiveAnswer>("user_1", "answer_2")));
  EXPECT_EQ(generations.find("conv_1", "user_2"), nullptr);
  EXPECT_EQ(generations.find("conv_1", "user_1"), answer);
  answer->cancel();
  const auto run = std::make_shared<CountingRun>();
  answer->began(run);
  EXPECT_EQ(run->cancels, 1);
  int told = 0;
  answer->when_ended([&] { ++told; });
  generations.end("conv_1");
  answer->when_ended([&] { ++told; });
  EXPECT_EQ(told, 2);
  EXPECT_TRUE(answer->ended());
  EXPECT_EQ(generations.find("conv_1", "user_1"), answer);  // its events are kept for a while
  EXPECT_TRUE(generations.add("conv_1", std::make_shared<LiveAnswer>("user_1", "answer_3")));
}

}  // namespace
}  // namespace api
