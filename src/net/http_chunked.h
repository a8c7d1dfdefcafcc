// The body of a request sent in chunks, decoded as it arrives. Extensions and trailers are read and
// dropped; they and the framing count against an allowance, so that a small body cannot hide a
// large stream.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace net {

class ChunkedDecoder {
 public:
  enum class State : unsigned char { More, Done, Malformed, TooLarge };

  explicit ChunkedDecoder(size_t body_bytes_max) : body_bytes_max_(body_bytes_max) {}

  // Takes what it can of `bytes`, appends decoded bytes to *body, and says how many it took (all of
  // them while More).
  size_t feed(std::string_view bytes, std::string* body);
  State state() const { return state_; }

  static constexpr size_t kOverheadBytesMax = 64u
                                              << 10;  // beyond one byte of framing per byte of body

 private:
  enum class At : unsigned char {
    Size,
    Extension,
    SizeEnd,
    Data,
    DataCR,
    DataLF,
    TrailerStart,
    Trailer,
    TrailerEnd,
    End
  };
  void take(char c);
  void take_size(char c);
  void fail() { state_ = State::Malformed; }

  size_t body_bytes_max_;
  size_t body_bytes_ = 0;
  size_t overhead_bytes_ = 0;
  uint64_t chunk_left_ = 0;
  int digits_ = 0;
  At at_ = At::Size;
  State state_ = State::More;
};

}  // namespace net
