#include "api/generations.h"

#include <algorithm>
#include <utility>

#include "base/time.h"

namespace api {
namespace {

constexpr int64_t kDropEveryNs = 1'000'000'000;

}  // namespace

void LiveAnswer::began(const std::shared_ptr<gateway::Run>& run) {
  bool asked = false;
  {
    const std::lock_guard lock(mutex_);
    run_ = run;
    asked = cancel_asked_;
  }
  if (asked) run->cancel();
}

void LiveAnswer::cancel() {
  std::shared_ptr<gateway::Run> run;
  {
    const std::lock_guard lock(mutex_);
    cancel_asked_ = true;
    run = run_.lock();
  }
  if (run) run->cancel();
}

bool LiveAnswer::cancel_asked() const {
  const std::lock_guard lock(mutex_);
  return cancel_asked_;
}

void LiveAnswer::set_in_progress() {
  const std::lock_guard lock(mutex_);
  in_progress_ = true;
}

bool LiveAnswer::in_progress() const {
  const std::lock_guard lock(mutex_);
  return in_progress_ && !ended_;
}

bool LiveAnswer::ended() const {
  const std::lock_guard lock(mutex_);
  return ended_;
}

void LiveAnswer::when_ended(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (!ended_) {
      waiting_.push_back(std::move(callback));
      return;
    }
  }
  callback();
}

void LiveAnswer::end() {
  std::vector<std::function<void()>> waiting;
  {
    const std::lock_guard lock(mutex_);
    ended_ = true;
    waiting.swap(waiting_);
  }
  log_->close();
  for (const auto& callback : waiting) callback();
}

bool Generations::add(const std::string& key, std::shared_ptr<LiveAnswer> answer) {
  const std::lock_guard lock(mutex_);
  drop_old();
  Entry& entry = entries_[key];
  if (entry.answer && entry.ended_ns == 0) return false;
  entry = {std::move(answer), 0};
  return true;
}

std::shared_ptr<LiveAnswer> Generations::find(std::string_view key, std::string_view owner) const {
  const std::lock_guard lock(mutex_);
  const auto entry = entries_.find(key);
  if (entry == entries_.end() || entry->second.answer->owner() != owner) return nullptr;
  return entry->second.answer;
}

void Generations::end(std::string_view key) {
  std::shared_ptr<LiveAnswer> answer;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    entry->second.ended_ns = base::monotonic_ns();
    answer = entry->second.answer;
    drop_old();
  }
  answer->end();
}

void Generations::forget(std::string_view key) {
  std::shared_ptr<LiveAnswer> answer;
  {
    const std::lock_guard lock(mutex_);
    const auto entry = entries_.find(key);
    if (entry == entries_.end()) return;
    answer = std::move(entry->second.answer);
    entries_.erase(entry);
  }
  answer->end();
}

// At most once a second, so that many answers at once do not each look at all the others.
void Generations::drop_old() {
  const int64_t now_ns = base::monotonic_ns();
  if (now_ns - dropped_ns_ < kDropEveryNs) return;
  dropped_ns_ = now_ns;
  std::vector<std::pair<int64_t, std::string>> ended;  // when, key
  size_t bytes = 0;
  for (const auto& [key, entry] : entries_) {
    if (entry.ended_ns == 0) continue;
    ended.emplace_back(entry.ended_ns, key);
    bytes += entry.answer->log().bytes();
  }
  std::ranges::sort(ended);
  const int64_t oldest_ns = now_ns - limits_.keep_ns;
  for (const auto& [when_ns, key] : ended) {
    if (when_ns >= oldest_ns && bytes <= limits_.ended_bytes_max) return;
    const auto entry = entries_.find(key);
    bytes -= entry->second.answer->log().bytes();
    entries_.erase(entry);
  }
}

}  // namespace api
