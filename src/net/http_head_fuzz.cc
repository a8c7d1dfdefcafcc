// The gate and the chunk decoder on arbitrary bytes: no crash, and whatever passes has one reading
// only. The decoder must give the same body however the bytes are cut.
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "net/http_chunked.h"
#include "net/http_head.h"

namespace {

void check_head(std::string_view bytes) {
  const net::HeadResult result = net::parse_head(bytes);
  CHECK(result.head.has_value() != result.failure.has_value());
  if (!result.head) return;
  const net::Head& head = *result.head;
  CHECK(net::head_length(bytes) == bytes.size());
  CHECK(!(head.chunked && head.content_length));
  CHECK(head.request.path.starts_with('/') || head.request.path == "*");
  int hosts = 0;
  for (const net::Header& field : head.request.headers) hosts += field.name == "host";
  CHECK(hosts <= 1 && (hosts == 1 || head.request.version_minor == 0));
}

void check_chunks(std::string_view bytes) {
  constexpr size_t kBodyMax = 4096;
  std::string whole, pieces;
  net::ChunkedDecoder at_once(kBodyMax), byte_by_byte(kBodyMax);
  const size_t used = at_once.feed(bytes, &whole);
  CHECK(used <= bytes.size() && whole.size() <= kBodyMax);
  for (size_t i = 0; i < bytes.size() && byte_by_byte.state() == net::ChunkedDecoder::State::More;
       ++i) {
    byte_by_byte.feed(bytes.substr(i, 1), &pieces);
  }
  CHECK(at_once.state() == byte_by_byte.state() && whole == pieces);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const size_t head_bytes = net::head_length(bytes);
  check_head(bytes.substr(0, head_bytes));
  check_head(bytes);
  check_chunks(bytes.substr(head_bytes));
  std::string decoded;
  net::decode_percent(bytes, &decoded);
  net::parse_query(bytes);
  return 0;
}
