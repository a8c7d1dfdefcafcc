#include "govern/nonces.h"

#include <algorithm>
#include <iterator>

#include "base/check.h"

namespace govern {
namespace {

constexpr size_t kLatestMax = 64;

// Sixty-four hex digits are the digest that they spell; anything else goes by its hash.
crypto::Digest key_of(std::string_view nonce) {
  const auto digest = crypto::digest_from_hex(nonce);
  return digest ? *digest : crypto::sha256(nonce);
}

}  // namespace

bool NonceSet::contains(std::string_view nonce) const {
  const crypto::Digest key = key_of(nonce);
  return std::ranges::binary_search(latest_, key) ||
         std::ranges::any_of(
             runs_, [&](const auto& run) { return std::ranges::binary_search(*run, key); });
}

void NonceSet::insert(std::string_view nonce) {
  const crypto::Digest key = key_of(nonce);
  const auto place = std::ranges::lower_bound(latest_, key);
  CHECK(place == latest_.end() || *place != key);
  latest_.insert(place, key);
  chain_ = crypto::Sha256().update(chain_).update(key).finish();
  ++size_;
  if (latest_.size() < kLatestMax) return;
  Run run = std::exchange(latest_, {});
  while (!runs_.empty() && runs_.back()->size() < 2 * run.size()) {
    Run merged;
    merged.reserve(runs_.back()->size() + run.size());
    std::ranges::merge(*runs_.back(), run, std::back_inserter(merged));
    run = std::move(merged);
    runs_.pop_back();
  }
  runs_.push_back(std::make_shared<const Run>(std::move(run)));
}

}  // namespace govern
