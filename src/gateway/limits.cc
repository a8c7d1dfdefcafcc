#include "gateway/limits.h"

#include <algorithm>
#include <array>
#include <mutex>
#include <unordered_map>

#include "base/check.h"

namespace gateway {
namespace {

using money::Scope;
using money::Scopes;
using Wide = __int128;

constexpr size_t kShards = 32;
constexpr int64_t kMinuteNs = int64_t{60} * 1'000'000'000;
constexpr int64_t kDayNs = int64_t{86'400} * 1'000'000'000;
constexpr size_t kUnits = 2, kWindows = 2;
// How many buckets a full shard looks at before it forgets the one that has been idle longest.
constexpr int kForgetLooks = 8;

int64_t window_ns(RateWindow window) { return window == RateWindow::Minute ? kMinuteNs : kDayNs; }

// How much is used of one cap, as of `at`. It runs off at limit per window; kept as units times the
// window in nanoseconds, so that every step is exact.
struct Bucket {
  Wide used = 0;
  int64_t at_ns = 0;
};

// The buckets of one value of a scope.
struct Entry {
  std::array<std::array<Bucket, kWindows>, kUnits> buckets = {};
  int64_t seen_ns = 0;
};

Wide used_at(const Bucket& bucket, const RateCap& cap, int64_t now_ns) {
  const int64_t elapsed = std::max<int64_t>(0, now_ns - bucket.at_ns);
  return std::max<Wide>(0, bucket.used - Wide{elapsed} * cap.limit);
}

struct Hash {
  using is_transparent = void;
  size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
};

struct Shard {
  std::mutex mutex;
  std::unordered_map<std::string, Entry, Hash, std::equal_to<>> entries;  // guarded by mutex
};

// The scope's id behind a letter for its kind; empty when the request has no such scope.
std::string_view key_of(const Scopes& scopes, Scope scope, std::string* buffer) {
  thread_local std::string id_buffer;
  const std::string_view id = money::id_of(scopes, scope, &id_buffer);
  if (id.empty()) return {};
  buffer->assign(1, static_cast<char>('a' + static_cast<int>(scope))).append(id);
  return *buffer;
}

int64_t amount_of(const RateCap& cap, int64_t tokens) {
  return cap.unit == RateUnit::Requests ? 1 : tokens;
}

base::Duration time_for(Wide used, const RateCap& cap) {
  if (cap.limit <= 0) return {window_ns(cap.window)};
  return {static_cast<int64_t>((used + cap.limit - 1) / cap.limit)};
}

RateState state_of(Wide used, const RateCap& cap) {
  const int64_t window = window_ns(cap.window);
  const Wide whole = (used + window - 1) / window;
  return {cap.limit, static_cast<int64_t>(std::max<Wide>(0, cap.limit - whole)),
          time_for(used, cap)};
}

// Of two caps of a unit, that which stops the next request sooner.
void keep_tightest(std::optional<RateState>* kept, const RateState& state) {
  if (!*kept || state.remaining < (*kept)->remaining) *kept = state;
}

// What a cap is counted in, as clients know it: "tokens per min (TPM)".
std::string unit_text(const RateCap& cap) {
  const bool requests = cap.unit == RateUnit::Requests;
  const bool minute = cap.window == RateWindow::Minute;
  return std::string(requests ? "requests" : "tokens") + (minute ? " per min (" : " per day (") +
         (requests ? "R" : "T") + (minute ? "PM)" : "PD)");
}

std::string place_text(const Scopes& scopes, Scope scope) {
  switch (scope) {
    case Scope::Project:
    case Scope::ProjectModel:
      return " in project " + scopes.project_id;
    case Scope::User:
    case Scope::UserModel:
      return " for user " + scopes.user_id;
    case Scope::Key:
    case Scope::KeyModel:
      return " for key " + scopes.key_id;
    case Scope::Organisation:
    case Scope::Model:
      break;
  }
  return " in organization " + scopes.org_id;
}

RateRefusal refusal_of(const Scopes& scopes, const RateCap& cap, Wide used, int64_t asked) {
  RateRefusal refusal;
  refusal.unit = cap.unit;
  const int64_t window = window_ns(cap.window);
  const bool never = asked > cap.limit;
  if (!never)
    refusal.retry_after = time_for(used + Wide{asked} * window - Wide{cap.limit} * window, cap);
  const auto whole = static_cast<int64_t>((used + window - 1) / window);
  std::string message = never ? "Request too large for " : "Rate limit reached for ";
  message += (scopes.model.empty() ? std::string("requests") : scopes.model) +
             place_text(scopes, cap.scope) + " on " + unit_text(cap) + ": Limit " +
             std::to_string(cap.limit) + ", ";
  if (never)
    message += "Requested " + std::to_string(asked) +
               ". The input or output tokens must be reduced in order to run successfully.";
  else
    message += "Used " + std::to_string(whole) + ", Requested " + std::to_string(asked) +
               ". Please try again in " + go_duration(refusal.retry_after) + ".";
  refusal.error = {base::Code::RateLimited,
                   std::move(message),
                   "rate_limit_exceeded",
                   cap.unit == RateUnit::Requests ? "requests" : "tokens",
                   {}};
  return refusal;
}

}  // namespace

struct Limits::State {
  explicit State(size_t scopes) : per_shard(std::max<size_t>(1, scopes / kShards)) {}

  Shard& shard_of(std::string_view key) { return shards[Hash{}(key) % kShards]; }

  // With the shard's mutex held.
  Entry& entry_of(Shard& shard, std::string_view key, int64_t now_ns) {
    auto found = shard.entries.find(key);
    if (found == shard.entries.end()) {
      if (shard.entries.size() >= per_shard) forget_one(shard);
      found = shard.entries.emplace(std::string(key), Entry{}).first;
    }
    found->second.seen_ns = std::max(found->second.seen_ns, now_ns);
    return found->second;
  }

  static void forget_one(Shard& shard) {
    auto oldest = shard.entries.begin();
    auto at = oldest;
    for (int i = 0; i < kForgetLooks && at != shard.entries.end(); ++i, ++at)
      if (at->second.seen_ns < oldest->second.seen_ns) oldest = at;
    shard.entries.erase(oldest);
  }

  // Adds to the cap's bucket, which runs empty at zero; what is used after it.
  template <class Change>
  void change(const Scopes& scopes, const RateCap& cap, int64_t now_ns, Change change) {
    thread_local std::string buffer;
    const std::string_view key = key_of(scopes, cap.scope, &buffer);
    if (key.empty()) return;
    Shard& shard = shard_of(key);
    const std::lock_guard lock(shard.mutex);
    Bucket& bucket = entry_of(shard, key, now_ns)
                         .buckets[static_cast<size_t>(cap.unit)][static_cast<size_t>(cap.window)];
    bucket.used = used_at(bucket, cap, now_ns);
    bucket.at_ns = std::max(bucket.at_ns, now_ns);
    change(bucket);
  }

  const size_t per_shard;
  std::array<Shard, kShards> shards;
};

Limits::Limits(size_t scopes_max) : state_(std::make_unique<State>(scopes_max)) {}
Limits::~Limits() = default;

// Each cap is taken under its own shard's lock; when a later one refuses, the earlier ones are
// given back. For a moment others may find less than there is, never more.
std::expected<RateAdmission, RateRefusal> Limits::admit(const Scopes& scopes,
                                                        std::span<const RateCap> caps,
                                                        int64_t tokens, base::Time now) {
  CHECK(tokens >= 0);
  RateAdmission admission;
  std::optional<RateRefusal> refusal;
  size_t taken = 0;
  for (; taken < caps.size() && !refusal; ++taken) {
    const RateCap& cap = caps[taken];
    const int64_t asked = amount_of(cap, tokens);
    const Wide asked_wide = Wide{asked} * window_ns(cap.window);
    state_->change(scopes, cap, now.ns, [&](Bucket& bucket) {
      if (bucket.used + asked_wide > Wide{cap.limit} * window_ns(cap.window))
        refusal = refusal_of(scopes, cap, bucket.used, asked);
      else
        bucket.used += asked_wide;
      keep_tightest(cap.unit == RateUnit::Requests ? &admission.requests : &admission.tokens,
                    state_of(bucket.used, cap));
    });
  }
  if (!refusal) return admission;
  give_back(scopes, caps.first(taken - 1), tokens, now);
  refusal->state = admission;
  return std::unexpected(std::move(*refusal));
}

void Limits::correct(const Scopes& scopes, std::span<const RateCap> caps, int64_t tokens,
                     int64_t used, base::Time now) {
  for (const RateCap& cap : caps) {
    if (cap.unit != RateUnit::Tokens || used == tokens) continue;
    state_->change(scopes, cap, now.ns, [&](Bucket& bucket) {
      bucket.used = std::max<Wide>(0, bucket.used + Wide{used - tokens} * window_ns(cap.window));
    });
  }
}

void Limits::give_back(const Scopes& scopes, std::span<const RateCap> caps, int64_t tokens,
                       base::Time now) {
  for (const RateCap& cap : caps)
    state_->change(scopes, cap, now.ns, [&](Bucket& bucket) {
      bucket.used =
          std::max<Wide>(0, bucket.used - Wide{amount_of(cap, tokens)} * window_ns(cap.window));
    });
}

size_t Limits::scopes() const {
  size_t count = 0;
  for (Shard& shard : state_->shards) {
    const std::lock_guard lock(shard.mutex);
    count += shard.entries.size();
  }
  return count;
}

std::string go_duration(base::Duration duration) {
  constexpr int64_t kMs = 1'000'000;
  const int64_t ms = (std::max<int64_t>(0, duration.ns) + kMs - 1) / kMs;
  if (ms == 0) return "0s";
  if (ms < 1000) return std::to_string(ms) + "ms";
  std::string text;
  const int64_t hours = ms / 3'600'000;
  const int64_t minutes = ms / 60'000 % 60;
  if (hours > 0) text += std::to_string(hours) + "h";
  if (hours > 0 || minutes > 0) text += std::to_string(minutes) + "m";
  text += std::to_string(ms / 1000 % 60);
  if (int64_t rest = ms % 1000; rest > 0) {
    std::string digits = std::to_string(1000 + rest).substr(1);
    while (digits.back() == '0') digits.pop_back();
    text += "." + digits;
  }
  return text + "s";
}

std::string retry_after_seconds(base::Duration duration) {
  constexpr int64_t kSecond = 1'000'000'000;
  return std::to_string((std::max<int64_t>(0, duration.ns) + kSecond - 1) / kSecond);
}

std::string retry_after_ms(base::Duration duration) {
  constexpr int64_t kMs = 1'000'000;
  return std::to_string((std::max<int64_t>(0, duration.ns) + kMs - 1) / kMs);
}

}  // namespace gateway
