#include "identity/attempts.h"

namespace identity {
namespace {
constexpr size_t kNamesMax = 10'000;
}  // namespace

base::Status Attempts::check(std::string_view name, base::Time now) {
  const std::lock_guard lock(mutex_);
  const auto found = counts_.find(name);
  if (found == counts_.end() || found->second.failures < max_) return {};
  const base::Time end = found->second.since + window_;
  if (end <= now) {
    counts_.erase(found);
    return {};
  }
  return base::fail(base::Code::RateLimited,
                    "too many attempts failed; try again in " +
                        std::to_string((end - now).ns / 1'000'000'000 + 1) + " seconds",
                    {}, "too_many_attempts");
}

void Attempts::failed(std::string_view name, base::Time now) {
  if (name.empty()) return;
  const std::lock_guard lock(mutex_);
  if (counts_.size() >= kNamesMax)
    std::erase_if(counts_, [&](const auto& entry) { return entry.second.since + window_ <= now; });
  if (counts_.size() >= kNamesMax) counts_.erase(counts_.begin());
  Count& count = counts_.try_emplace(std::string(name), Count{now, 0}).first->second;
  if (count.since + window_ <= now) count = {now, 0};
  ++count.failures;
}

void Attempts::succeeded(std::string_view name) {
  const std::lock_guard lock(mutex_);
  if (const auto found = counts_.find(name); found != counts_.end()) counts_.erase(found);
}

}  // namespace identity
