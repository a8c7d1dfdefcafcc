#include "net/http_chunked.h"

#include <algorithm>

namespace net {
namespace {

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_line_text(char c) {  // what an extension or a trailer may hold
  const auto byte = static_cast<unsigned char>(c);
  return byte == '\t' || (byte >= 0x20 && byte != 0x7f);
}

}  // namespace

size_t ChunkedDecoder::feed(std::string_view bytes, std::string* body) {
  size_t used = 0;
  while (used < bytes.size() && state_ == State::More) {
    if (at_ == At::Data) {
      const size_t count =
          static_cast<size_t>(std::min<uint64_t>(chunk_left_, bytes.size() - used));
      body->append(bytes.substr(used, count));
      used += count;
      body_bytes_ += count;
      chunk_left_ -= count;
      if (chunk_left_ == 0) at_ = At::DataCR;
      continue;
    }
    take(bytes[used++]);
    if (++overhead_bytes_ > kOverheadBytesMax + body_bytes_ && state_ == State::More)
      state_ = State::TooLarge;
  }
  return used;
}

void ChunkedDecoder::take_size(char c) {
  const int digit = hex_digit(c);
  if (digit >= 0) {
    if (++digits_ > 15) return fail();
    chunk_left_ = chunk_left_ * 16 + static_cast<uint64_t>(digit);
    return;
  }
  if (digits_ == 0) return fail();
  if (chunk_left_ > body_bytes_max_ || body_bytes_ > body_bytes_max_ - chunk_left_) {
    state_ = State::TooLarge;
    return;
  }
  if (c == '\r') {
    at_ = At::SizeEnd;
  } else if (c == ';' || c == ' ' || c == '\t') {
    at_ = At::Extension;
  } else {
    fail();
  }
}

void ChunkedDecoder::take(char c) {
  switch (at_) {
    case At::Size:
      return take_size(c);
    case At::Extension:
      if (c == '\r')
        at_ = At::SizeEnd;
      else if (!is_line_text(c))
        fail();
      return;
    case At::SizeEnd:
      if (c != '\n') return fail();
      at_ = chunk_left_ == 0 ? At::TrailerStart : At::Data;
      digits_ = 0;
      return;
    case At::DataCR:
      if (c != '\r') return fail();
      at_ = At::DataLF;
      return;
    case At::DataLF:
      if (c != '\n') return fail();
      at_ = At::Size;
      return;
    case At::TrailerStart:
      if (c == '\r')
        at_ = At::End;
      else if (is_line_text(c))
        at_ = At::Trailer;
      else
        fail();
      return;
    case At::Trailer:
      if (c == '\r')
        at_ = At::TrailerEnd;
      else if (!is_line_text(c))
        fail();
      return;
    case At::TrailerEnd:
      if (c != '\n') return fail();
      at_ = At::TrailerStart;
      return;
    case At::End:
      if (c != '\n') return fail();
      state_ = State::Done;
      return;
    case At::Data:
      return;
  }
}

}  // namespace net
