#include <gtest/gtest.h>

#include <atomic>
#include <numeric>

#include "base/bytes.h"
#include "base/log.h"
#include "base/random.h"
#include "base/result.h"
#include "base/thread_pool.h"
#include "base/time.h"
#include "base/utf8.h"
#include "base/xml.h"

namespace base {
namespace {

Result<int> half(int n) {
  if (n % 2 != 0) return fail(Code::InvalidArgument, "odd", "n", "ODD");
  return n / 2;
}
Result<int> quarter(int n) {
  TRY(const int h, half(n));
  TRY(const int q, half(h));
  return q;
}

TEST(Result, TryPassesValueOrError) {
  EXPECT_EQ(*quarter(8), 2);
  const auto bad = quarter(6);
  ASSERT_FALSE(bad);
  EXPECT_EQ(bad.error().reason, "ODD");
  Error outer = wrap(bad.error(), "no quarter").error();
  EXPECT_EQ(outer.text(), "no quarter: odd (n)");
  EXPECT_EQ(outer.code, Code::InvalidArgument);
}

TEST(Bytes, SpellingsRoundTripAndRejectWhatIsNotExact) {
  Rng rng(1);
  for (size_t length = 0; length < 70; ++length) {
    Bytes bytes(length);
    for (auto& byte : bytes) byte = static_cast<uint8_t>(rng.next());
    EXPECT_EQ(*from_hex(hex(bytes)), bytes);
    EXPECT_EQ(*from_base64(base64(bytes)), bytes);
    EXPECT_EQ(*from_base64url(base64url(bytes)), bytes);
  }
  EXPECT_EQ(base64(as_bytes("foob")), "Zm9vYg==");  // RFC 4648 section 10
  for (const char* bad : {"Zm9vYg=", "Zm9vYg", "Zm9vYh==", "Zm9v Yg==", "Zg=a", "====", "Z==="})
    EXPECT_FALSE(from_base64(bad)) << bad;
  EXPECT_FALSE(from_hex("0"));
  EXPECT_FALSE(from_hex("0g"));
}

TEST(Time, Rfc3339) {
  EXPECT_EQ(rfc3339(Time{0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(parse_rfc3339("2023-11-17T12:28:00-08:00")->seconds(), 1700252880);
  EXPECT_EQ(rfc3339(*parse_rfc3339("2024-02-29T23:59:59.25Z")), "2024-02-29T23:59:59Z");
  for (const char* bad :
       {"2023-02-29T00:00:00Z", "2023-11-17T12:28:00", "2023-11-17", "2023-11-17T24:00:00Z",
        "2023-11-17T12:28:00.Z", "2023-11-17T12:28:00+8:00", "+023-11-17T12:28:00Z",
        "2262-01-01T00:00:00Z", "0001-01-01T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(bad)) << bad;
  EXPECT_EQ(*parse_duration("30d"), seconds(2592000));
  for (const char* bad : {"", "h", "1.5h", "-1h", "1w", "99999999d"})
    EXPECT_FALSE(parse_duration(bad)) << bad;
}

TEST(Utf8, ValidatesByTheTable) {
  EXPECT_TRUE(is_utf8("人工智能 नमस्ते 🙂"));
  for (std::string_view bad :
       {"\xC0\x80", "\xED\xA0\x80", "\xF4\x90\x80\x80", "\xE4\xBA", "\x80", "\xFF"})
    EXPECT_FALSE(is_utf8(bad));
  EXPECT_EQ(complete_utf8_prefix("a\xE4\xBA"), 1u);
  EXPECT_EQ(complete_utf8_prefix("a\xE4\xBA\xBA"), 4u);
  EXPECT_EQ(complete_utf8_prefix("a\xF0\x9F\x99"), 1u);
  EXPECT_EQ(complete_utf8_prefix("\x80\x80\x80\x80"), 4u);
  EXPECT_EQ(replace_invalid_utf8("a\xFFz"), "a\xEF\xBF\xBDz");
  // Unicode 15, section 3.9: table 3-8, and one for each way to cut a character short.
  const std::pair<std::string_view, std::string_view> parts[] = {
      {"\x61\xF1\x80\x80\xE1\x80\xC2\x62\x80\x63\x80\xBF\x64",
       "a\uFFFD\uFFFD\uFFFDb\uFFFDc\uFFFD\uFFFDd"},
      {"\xE4\xBA", "\uFFFD"},
      {"\xE4\xBAz", "\uFFFDz"},
      {"\xE4\xBA\xE4\xBA\xBA", "\uFFFD\u4EBA"},
      {"\xF0\x9F\x99", "\uFFFD"},
      {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41",
       "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41"},
      {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41",
       "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41"},
      {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42",
       "\uFFFD\uFFFD\uFFFD\uFFFD\uFFFD\x41\uFFFD\uFFFD\x42"},
  };
  for (const auto& [bytes, text] : parts) EXPECT_EQ(replace_invalid_utf8(bytes), text) << text;
  std::string all;
  for (char32_t c : {U'a', U'é', U'中', U'🙂'}) append_utf8(&all, c);
  EXPECT_EQ(all, "aé中🙂");
}

TEST(Rng, RepeatsAndResumes) {
  Rng a(7), b(7);
  for (int i = 0; i < 100; ++i) EXPECT_EQ(a.next(), b.next());
  Rng c = Rng::from_state(a.state());
  EXPECT_EQ(a.next(), c.next());
  std::array<int, 7> seen{};
  for (int i = 0; i < 7000; ++i) ++seen[a.below(7)];
  for (int count : seen) EXPECT_NEAR(count, 1000, 150);
  double sum = 0, squares = 0;
  for (int i = 0; i < 20000; ++i) {
    const double x = a.normal();
    sum += x, squares += x * x;
  }
  EXPECT_NEAR(sum / 20000, 0, 0.05);
  EXPECT_NEAR(squares / 20000, 1, 0.05);
}

TEST(ThreadPool, EveryPieceOnce) {
  for (int threads : {1, 2, 5}) {
    ThreadPool pool(threads);
    for (int64_t count : {0, 1, 2, 63, 1000}) {
      std::vector<std::atomic<int>> hits(static_cast<size_t>(count));
      pool.parallel_for(count, 7, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin; i < end; ++i) ++hits[static_cast<size_t>(i)];
      });
      for (auto& hit : hits) EXPECT_EQ(hit.load(), 1);
    }
    for (int round = 0; round < 2000; ++round) {
      std::atomic<int> sum{0};
      pool.run([&](int worker) { sum += worker + 1; });
      ASSERT_EQ(sum.load(), threads * (threads + 1) / 2);
    }
  }
}

TEST(Log, OneJsonLineWithEscapes) {
  std::string line;
  set_log_sink([&](std::string_view text) { line = text; });
  log(Level::Info, "a\"b", {{"n", 3}, {"t", "x\ny"}, {"on", true}, {"f", 0.5}});
  set_log_sink({});
  EXPECT_NE(line.find(R"("event":"a\"b","n":3,"t":"x\u000ay","on":true,"f":0.5})"),
            std::string::npos)
      << line;
}

TEST(Xml, TextStaysText) {
  EXPECT_EQ(escape_xml("a < b && c > \"d\""), "a &lt; b &amp;&amp; c &gt; &quot;d&quot;");
  EXPECT_EQ(escape_xml("106 小时"), "106 小时");
}

}  // namespace
}  // namespace base
