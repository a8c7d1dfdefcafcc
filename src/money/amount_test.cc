#include "money/amount.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace money {
namespace {

TEST(Amount, DecimalRoundTripsAtTheEdges) {
  EXPECT_EQ(Amount{}.decimal(), "0");
  EXPECT_EQ(Amount::max().decimal(), "340282366920938463463374607431768211455");
  base::Rng rng(7);
  for (int i = 0; i < 2000; ++i) {
    const Amount amount =
        Amount::pico(((Uint128{rng.next()} << 64) | rng.next()) >> rng.below(128));
    EXPECT_EQ(*parse_decimal(amount.decimal()), amount);
    EXPECT_EQ(*parse_usd(amount.in_usd()), amount);
  }
}

TEST(Amount, RefusesWhatIsNotExactlyANumber) {
  for (const char* bad : {"", "-1", "+1", "1.0", " 1", "1 ", "01", "1e3", "0x1", "٣",
                          "340282366920938463463374607431768211456",
                          "99999999999999999999999999999999999999999999"}) {
    const auto read = parse_decimal(bad);
    ASSERT_FALSE(read) << bad;
    EXPECT_EQ(read.error().reason, "BAD_AMOUNT");
  }
  for (const char* bad : {"", ".", "1.", ".5", "1.2.3", "-1", "1,000", "0.0000000000001", "$5",
                          "340282366920938463463374608"})
    EXPECT_FALSE(parse_usd(bad)) << bad;
}

TEST(Amount, PrintsDollarsExactly) {
  EXPECT_EQ(Amount::usd(20).in_usd(), "20.00");
  EXPECT_EQ(Amount::pico(375'300'000).in_usd(), "0.0003753");
  EXPECT_EQ(Amount::pico(1).in_usd(), "0.000000000001");
  EXPECT_EQ(Amount::pico(1'500'000'000'000).in_usd(), "1.50");
  EXPECT_EQ(*parse_usd("1000"), Amount::usd(1000));
  EXPECT_EQ(*parse_usd("0.01"), Amount::pico(10'000'000'000));
}

TEST(Amount, OverflowIsSaid) {
  EXPECT_FALSE(checked_add(Amount::max(), Amount::pico(1)));
  EXPECT_EQ(checked_add(Amount::max(), Amount{}), Amount::max());
  EXPECT_FALSE(checked_sub(Amount{}, Amount::pico(1)));
  EXPECT_EQ(checked_sub(Amount::max(), Amount::max()), Amount{});
  EXPECT_FALSE(checked_mul(Amount::max(), 2));
  EXPECT_EQ(checked_mul(Amount::max(), 1), Amount::max());
  EXPECT_EQ(checked_mul(Amount::max(), 0), Amount{});
}

TEST(Cost, IsTokensTimesPriceExactly) {
  const PriceQuote price{150'000, 600'000, 1};
  EXPECT_EQ(*cost(price, 1234, 317), Amount::pico(375'300'000));  // GOVERNANCE 4.1
  const PriceQuote chat{10'000'000, 30'000'000, 1};  // $0.01 and $0.03 per 1,000 tokens
  EXPECT_EQ(cost(chat, 1000, 1000)->in_usd(), "0.04");
  EXPECT_EQ(cost(chat, 1, 0)->in_usd(), "0.00001");
}

TEST(Cost, CannotOverflowAndRefusesNegativeCounts) {
  const PriceQuote highest{UINT64_MAX, UINT64_MAX, 1};
  const Uint128 product = Uint128{UINT64_MAX} * static_cast<uint64_t>(INT64_MAX);
  EXPECT_EQ(cost(highest, INT64_MAX, INT64_MAX)->pico(), product * 2);
  EXPECT_GT(product * 2, product);
  EXPECT_FALSE(cost(highest, -1, 0));
  EXPECT_FALSE(cost(highest, 0, INT64_MIN));
}

TEST(Share, FloorsAndNeverExceedsTheWhole) {
  EXPECT_EQ(share_floor(Amount::pico(375'300'000), 3000), Amount::pico(112'590'000));
  EXPECT_EQ(share_floor(Amount::max(), 10'000), Amount::max());
  EXPECT_EQ(share_floor(Amount::max(), 0), Amount{});
  base::Rng rng(3);
  for (int i = 0; i < 2000; ++i) {
    const Amount amount = Amount::pico(Uint128{rng.next()} << rng.below(40));
    const auto bps = static_cast<uint32_t>(rng.below(10'001));
    EXPECT_EQ(share_floor(amount, bps).pico(), amount.pico() * bps / 10'000);
  }
}

}  // namespace
}  // namespace money
