// Reading forward through hostile bytes: each step checks what is left, and the error says the file
// and where in it.
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "base/result.h"

namespace formats {

class Cursor {
 public:
  Cursor(base::ByteSpan bytes, const std::string& file) : bytes_(bytes), file_(file) {}

  uint64_t position() const { return at_; }
  uint64_t left() const { return bytes_.size() - at_; }

  template <class T>
  base::Result<T> number(std::string_view what) {
    TRY(const base::ByteSpan raw, take(sizeof(T), what));
    return base::load_le<T>(raw.data());
  }

  base::Result<base::ByteSpan> take(uint64_t size, std::string_view what) {
    if (size > left()) {
      return malformed("the file ends inside " + std::string(what) + ": " + std::to_string(size) +
                       " bytes wanted, " + std::to_string(left()) +
                       " left; it is cut off or damaged");
    }
    const base::ByteSpan part = bytes_.subspan(at_, size);
    at_ += size;
    return part;
  }

  std::unexpected<base::Error> malformed(std::string sentence) const {
    return base::fail(base::Code::Malformed,
                      file_ + ": " + std::move(sentence) + " (at byte " + std::to_string(at_) + ")",
                      file_, "MODEL_FILE_MALFORMED");
  }

 private:
  base::ByteSpan bytes_;
  const std::string& file_;
  uint64_t at_ = 0;
};

}  // namespace formats
