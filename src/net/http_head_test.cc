#include "net/http_head.h"

#include <gtest/gtest.h>

#include "net/http_chunked.h"

namespace net {
namespace {

int status_of(std::string_view bytes) {
  const HeadResult result = parse_head(bytes);
  return result.head ? 200 : result.failure->status;
}

TEST(Head, ReadsAnOrdinaryRequest) {
  const HeadResult result = parse_head(
      "POST /v1/models/a%2Fb?limit=2&after=x HTTP/1.1\r\nHost: localhost:8080\r\nContent-Length: "
      "12\r\n"
      "Authorization:  Bearer sk-1 \r\nX-Empty:\r\nexpect: 100-Continue\r\n\r\n");
  ASSERT_TRUE(result.head) << result.failure->message;
  const Head& head = *result.head;
  EXPECT_EQ(head.request.method, "POST");
  EXPECT_EQ(head.request.path, "/v1/models/a%2Fb");
  EXPECT_EQ(head.request.query, "limit=2&after=x");
  EXPECT_EQ(head.request.header("authorization"), "Bearer sk-1");
  EXPECT_TRUE(head.request.has_header("x-empty"));
  EXPECT_EQ(head.content_length, 12u);
  EXPECT_TRUE(head.keep_alive);
  EXPECT_TRUE(head.expects_continue);
}

TEST(Head, KeepAliveFollowsVersionAndConnection) {
  EXPECT_FALSE(parse_head("GET / HTTP/1.0\r\n\r\n").head->keep_alive);
  EXPECT_FALSE(
      parse_head("GET / HTTP/1.1\r\nHost: a\r\nConnection: foo, Close\r\n\r\n").head->keep_alive);
  EXPECT_EQ(parse_head("GET http://a.b:1/c?d HTTP/1.1\r\nHost: a\r\n\r\n").head->request.path,
            "/c");
  EXPECT_EQ(parse_head("GET http://a.b HTTP/1.1\r\nHost: a\r\n\r\n").head->request.path, "/");
}

TEST(Head, RefusesWhatCouldBeReadInTwoWays) {
  const struct {
    int status;
    std::string_view bytes;
  } cases[] = {
      {400, "GET / HTTP/1.1\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a b\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +1\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1, 1\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999999999999999\r\n\r\n"},
      {400, "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked, gzip\r\n\r\n"},
      {501, "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n"},
      {400,
       "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: "
       "chunked\r\n\r\n"},
      {400, "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\n folded\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost : a\r\n\r\n"},
      {400, "GET / HTTP/1.1\nHost: a\n\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\rb\r\n\r\n"},
      {400, std::string_view("GET / HTTP/1.1\r\nHost: a\r\nX: a\0b\r\n\r\n", 36)},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nX: a\x01\r\n\r\n"},
      {400, "GET / HTTP/1.1\r\nHost: a\r\nno colon\r\n\r\n"},
      {400, "GET  / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /a b HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\xc3\xa4 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "G@T / HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET / http/1.1\r\nHost: a\r\n\r\n"},
      {400, "GET /\r\n\r\n"},
      {400, "\r\n"},
      {400, ""},
      {400, "GET / HTTP/1.1\r\nHost: a\r\n"},
      {505, "PRI * HTTP/2.0\r\n\r\n"},
      {417, "POST / HTTP/1.1\r\nHost: a\r\nExpect: a miracle\r\n\r\n"},
      {200, "GET / HTTP/1.0\r\n\r\n"},
      {200, "OPTIONS * HTTP/1.1\r\nHost: [::1]:80\r\n\r\n"},
  };
  for (const auto& c : cases) EXPECT_EQ(status_of(c.bytes), c.status) << c.bytes;
}

TEST(Head, BoundsTheNumberOfFields) {
  std::string bytes = "GET / HTTP/1.1\r\nHost: a\r\n";
  for (size_t i = 1; i < kHeadFieldsMax; ++i) bytes += "X: y\r\n";
  EXPECT_EQ(status_of(bytes + "\r\n"), 200);
  EXPECT_EQ(status_of(bytes + "X: y\r\n\r\n"), 431);
}

TEST(Head, PercentAndQuery) {
  std::string out;
  EXPECT_TRUE(decode_percent("ft%3Aa%2Fb", &out));
  EXPECT_EQ(out, "ft:a/b");
  for (std::string_view bad : {"%", "%4", "%zz", "a%00b"})
    EXPECT_FALSE(decode_percent(bad, &out)) << bad;
  const std::vector<Header> query = parse_query("include%5B%5D=a+b&include[]=c&&x&=y&bad=%zz");
  ASSERT_EQ(query.size(), 3u);
  EXPECT_EQ(query[0].name, "include[]");
  EXPECT_EQ(query[0].value, "a b");
  EXPECT_EQ(query[2].name, "x");
}

ChunkedDecoder::State decode(std::string_view bytes, std::string* body,
                             size_t body_bytes_max = 100) {
  ChunkedDecoder decoder(body_bytes_max);
  decoder.feed(bytes, body);
  return decoder.state();
}

TEST(Chunked, DecodesAndDropsExtensionsAndTrailers) {
  std::string body;
  ChunkedDecoder decoder(100);
  const std::string_view bytes = "5;a=b\r\nhello\r\nA\r\n, chunked!\r\n0\r\nX: y\r\n\r\nGET /next";
  EXPECT_EQ(decoder.feed(bytes, &body), bytes.size() - 9);
  EXPECT_EQ(decoder.state(), ChunkedDecoder::State::Done);
  EXPECT_EQ(body, "hello, chunked!");
}

TEST(Chunked, RefusesBadFramingAndTooMuch) {
  using State = ChunkedDecoder::State;
  std::string body;
  for (std::string_view bad : {"\r\n", "x\r\n", "5\nhello", "5\r\nhelloX", "1\r\nab\r\n", "-1\r\n",
                               "0x5\r\nhello", "1111111111111111\r\n", "0\r\nX\n", "1;a\nb\r\n"}) {
    EXPECT_EQ(decode(bad, &body), State::Malformed) << bad;
  }
  body.clear();
  EXPECT_EQ(decode("65\r\n", &body), State::TooLarge);
  EXPECT_EQ(decode("fffffffffffffff\r\n", &body), State::TooLarge);
  EXPECT_EQ(decode("1;" + std::string(1 << 20, 'x'), &body), State::TooLarge);
  std::string trailers = "0\r\n";
  while (trailers.size() < (100u << 10)) trailers += "A: b\r\n";
  EXPECT_EQ(decode(trailers, &body), State::TooLarge);
  EXPECT_TRUE(body.empty());
}

}  // namespace
}  // namespace net
