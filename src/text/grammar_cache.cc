#include "text/grammar_cache.h"

namespace text {
namespace {

constexpr size_t kKeptMax = 256;
constexpr size_t kKeptBytesMax = 64u << 20;

}  // namespace

size_t GrammarCache::bytes_of(const Kept& kept) {
  return kept.first.size() + kept.second->memory_bytes();
}

std::shared_ptr<const Grammar> GrammarCache::find(std::string_view key) {
  const std::lock_guard lock(mutex_);
  const auto found = by_key_.find(key);
  if (found == by_key_.end()) return nullptr;
  order_.splice(order_.begin(), order_, found->second);
  return found->second->second;
}

void GrammarCache::keep(std::string key, std::shared_ptr<const Grammar> grammar) {
  const std::lock_guard lock(mutex_);
  if (by_key_.contains(key)) return;
  order_.emplace_front(std::move(key), std::move(grammar));
  by_key_.emplace(order_.front().first, order_.begin());
  bytes_ += bytes_of(order_.front());
  while (order_.size() > 1 && (order_.size() > kKeptMax || bytes_ > kKeptBytesMax)) {
    bytes_ -= bytes_of(order_.back());
    by_key_.erase(order_.back().first);
    order_.pop_back();
  }
}

}  // namespace text
