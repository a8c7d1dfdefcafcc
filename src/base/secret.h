// A secret: a string that cannot be printed, logged, compared by accident or left behind in memory.
#pragma once

#include <string>
#include <string_view>

namespace base {

class Secret {
 public:
  Secret() = default;
  explicit Secret(std::string value) : value_(std::move(value)) {}
  Secret(const Secret&) = default;
  Secret& operator=(const Secret& other) {
    if (this != &other) {
      wipe();
      value_ = other.value_;
    }
    return *this;
  }
  Secret(Secret&& other) noexcept : value_(std::move(other.value_)) { other.wipe(); }
  Secret& operator=(Secret&& other) noexcept {
    wipe();
    value_ = std::move(other.value_);
    other.wipe();
    return *this;
  }
  ~Secret() { wipe(); }

  // The one way to the text; grep for it to see everything that touches a secret.
  std::string_view reveal() const { return value_; }
  bool empty() const { return value_.empty(); }
  bool operator==(const Secret&) const = delete;  // use crypto::equal_constant_time on reveal()

 private:
  void wipe() noexcept {
    volatile char* at = value_.data();
    for (size_t i = 0; i < value_.size(); ++i) at[i] = 0;
    value_.clear();
  }
  std::string value_;
};

}  // namespace base
