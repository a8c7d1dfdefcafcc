// Waiting requests: first come first served within a key, the keys in turn. Not thread-safe: the
// engine's lock guards it.
#pragma once

#include <cstdint>
#include <deque>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "base/check.h"

namespace engine {

template <class Item>
class FairQueue {
 public:
  bool empty() const { return size_ == 0; }
  int64_t size() const { return size_; }

  void push(const std::string& key, std::unique_ptr<Item> item) {
    auto& line = lines_[key];
    if (line.empty()) turns_.push_back(key);
    line.push_back(std::move(item));
    ++size_;
  }

  // Whose turn it is.
  Item& front() {
    CHECK(size_ > 0);
    return *lines_.at(turns_.front()).front();
  }

  std::unique_ptr<Item> pop() {
    CHECK(size_ > 0);
    const std::string key = turns_.front();
    turns_.pop_front();
    auto& line = lines_.at(key);
    std::unique_ptr<Item> item = std::move(line.front());
    line.pop_front();
    if (line.empty()) {
      lines_.erase(key);
    } else {
      turns_.push_back(key);
    }
    --size_;
    return item;
  }

  // Takes out the first item for which wanted(item) is true; null when there is none.
  template <class Wanted>
  std::unique_ptr<Item> remove(Wanted&& wanted) {
    for (auto& [key, line] : lines_) {
      for (auto at = line.begin(); at != line.end(); ++at) {
        if (!wanted(**at)) continue;
        std::unique_ptr<Item> item = std::move(*at);
        line.erase(at);
        --size_;
        if (line.empty()) {
          turns_.remove(key);
          lines_.erase(key);
        }
        return item;
      }
    }
    return nullptr;
  }

 private:
  std::unordered_map<std::string, std::deque<std::unique_ptr<Item>>> lines_;
  std::list<std::string> turns_;  // keys that have somebody waiting
  int64_t size_ = 0;
};

}  // namespace engine
