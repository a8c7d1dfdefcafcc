#include "lab/schedule.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

TEST(Schedule, WarmsUpThenFollowsACosineToItsFloor) {
  const Schedule s{ScheduleShape::Cosine, 1.0, 0.1, 10, 110, 0.5};
  EXPECT_DOUBLE_EQ(s.at(0), 0.1);
  EXPECT_DOUBLE_EQ(s.at(9), 1.0);
  EXPECT_DOUBLE_EQ(s.at(10), 1.0);
  EXPECT_NEAR(s.at(60), 0.55, 1e-12);  // half way
  EXPECT_DOUBLE_EQ(s.at(110), 0.1);
  for (int64_t step = 10; step < 110; ++step) EXPECT_GE(s.at(step), s.at(step + 1));
}

TEST(Schedule, WarmDownIsFlatAndThenLinear) {
  const Schedule s{ScheduleShape::WarmDown, 2.0, 0.0, 4, 100, 0.4};
  EXPECT_DOUBLE_EQ(s.at(30), 2.0);
  EXPECT_DOUBLE_EQ(s.at(60), 2.0);
  EXPECT_DOUBLE_EQ(s.at(80), 1.0);
  EXPECT_DOUBLE_EQ(s.at(100), 0.0);
}

TEST(Schedule, AnUnknownShapeIsRefusedByName) {
  const auto shape = parse_schedule("sawtooth");
  ASSERT_FALSE(shape);
  EXPECT_NE(shape.error().message.find("sawtooth"), std::string::npos);
}

}  // namespace
}  // namespace lab
