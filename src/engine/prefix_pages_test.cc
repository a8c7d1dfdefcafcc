#include "engine/prefix_pages.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>

#include "base/random.h"

namespace engine {
namespace {

std::vector<int32_t> tokens(size_t count, int32_t first = 0) {
  std::vector<int32_t> out(count);
  std::iota(out.begin(), out.end(), first);
  return out;
}

void fill(PrefixPages::Lease* lease) {
  for (auto* node : lease->shared) node->filled = true;
}

TEST(PrefixPages, ThoseWhoBeginAlikeShareTheirFullPages) {
  PrefixPages pages(20);
  PrefixPages::Lease a, b, c;
  ASSERT_TRUE(pages.lease("p", tokens(40), 4, true, &a));
  EXPECT_EQ(a.shared.size(), 2u);  // 32 of 40 tokens
  ASSERT_TRUE(pages.lease("p", tokens(40), 4, true, &b));
  EXPECT_EQ(b.shared, a.shared);
  EXPECT_NE(b.table[2], a.table[2]);
  EXPECT_EQ(pages.available(), 20 - 4 - 2);
  ASSERT_TRUE(pages.lease("other", tokens(40), 4, true, &c));
  EXPECT_NE(c.table[0], a.table[0]);  // of another project nothing is shared
}

TEST(PrefixPages, TheLastTokenIsNeverShared) {
  PrefixPages pages(20);
  PrefixPages::Lease a, b;
  ASSERT_TRUE(pages.lease("p", tokens(32), 3, true, &a));
  EXPECT_EQ(a.shared.size(), 1u);
  ASSERT_TRUE(pages.lease("p", tokens(33), 3, true, &b));
  EXPECT_EQ(b.shared.size(), 2u);
}

TEST(PrefixPages, WhatWasWrittenIsFoundAgainAndGoesWhenTheMemoryIsWanted) {
  PrefixPages pages(6);
  PrefixPages::Lease a;
  ASSERT_TRUE(pages.lease("p", tokens(20), 4, true, &a));
  fill(&a);
  pages.give_back(1, tokens(50), &a);  // 20 of the prompt, 30 generated: three full pages
  EXPECT_EQ(pages.available(), 6);
  PrefixPages::Lease b;
  ASSERT_TRUE(pages.lease("p", tokens(60), 4, true, &b));
  ASSERT_EQ(b.shared.size(), 3u);
  for (const auto* node : b.shared) EXPECT_TRUE(node->filled);
  pages.give_back(2, {}, &b);
  PrefixPages::Lease c;
  ASSERT_TRUE(pages.lease("p", tokens(90, 500), 6, true, &c));
  pages.give_back(3, {}, &c);
  PrefixPages::Lease d;
  ASSERT_TRUE(pages.lease("p", tokens(60), 4, true, &d));
  for (const auto* node : d.shared) EXPECT_FALSE(node->filled);
}

TEST(PrefixPages, ARequestThatDoesNotFitLeavesNothingBehind) {
  PrefixPages pages(4);
  PrefixPages::Lease a, b;
  ASSERT_TRUE(pages.lease("p", tokens(40), 3, true, &a));
  EXPECT_FALSE(pages.lease("p", tokens(40), 5, true, &b));
  EXPECT_TRUE(b.table.empty());
  EXPECT_EQ(pages.available(), 1);
  pages.give_back(1, {}, &a);
  EXPECT_EQ(pages.available(), 4);
}

// Against a count of pages: whatever comes and goes, none is lost and none has two owners.
TEST(PrefixPages, NoPageIsLostOrHeldTwice) {
  base::Rng rng(7);
  PrefixPages pages(64);
  struct Open {
    uint64_t id;
    std::vector<int32_t> prompt;
    PrefixPages::Lease lease;
  };
  std::list<Open> open;
  for (uint64_t id = 1; id < 4000; ++id) {
    Open next{id, {}, {}};
    for (size_t i = 1 + rng.below(90); i-- > 0;)
      next.prompt.push_back(static_cast<int32_t>(rng.below(40) == 0));
    const int64_t count =
        static_cast<int64_t>(next.prompt.size()) / 16 + 1 + static_cast<int64_t>(rng.below(3));
    if (pages.lease(rng.below(2) ? "x" : "y", next.prompt, count, rng.below(8) > 0, &next.lease)) {
      if (rng.below(3) > 0) fill(&next.lease);
      open.push_back(std::move(next));
    }
    while (open.size() > 12 || (!open.empty() && rng.below(2))) {
      auto at = std::next(open.begin(), static_cast<ptrdiff_t>(rng.below(open.size())));
      bool filled = !at->lease.shared.empty();
      for (const auto* node : at->lease.shared) filled &= node->filled;
      auto written = at->prompt;
      if (!filled) written.clear();
      pages.give_back(at->id, written, &at->lease);
      open.erase(at);
    }
    std::multiset<int32_t> own;
    std::set<int32_t> shared;
    for (const Open& one : open) {
      for (size_t i = 0; i < one.lease.table.size(); ++i) {
        if (i < one.lease.shared.size()) {
          shared.insert(one.lease.table[i]);
        } else {
          own.insert(one.lease.table[i]);
        }
      }
    }
    for (const int32_t page : own) {
      ASSERT_EQ(own.count(page), 1u);
      ASSERT_FALSE(shared.contains(page));
    }
    ASSERT_EQ(pages.available() + static_cast<int64_t>(own.size() + shared.size()), 64);
  }
}

}  // namespace
}  // namespace engine
