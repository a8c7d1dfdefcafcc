#include "lab/loss_svg.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

size_t occurrences(const std::string& text, std::string_view part) {
  size_t count = 0;
  for (size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

TEST(LossSvg, DrawsBothCurvesAndNamesTheirEnds) {
  std::vector<MetricPoint> points;
  for (int64_t step = 1; step <= 3000; ++step) {
    MetricPoint p{step, 1 + 3.0 / static_cast<double>(step), {}};
    if (step % 500 == 0) p.validation_loss = p.loss + 0.2;
    points.push_back(p);
  }
  const std::string svg = loss_svg(points, "a < b & c");
  EXPECT_EQ(occurrences(svg, "<polyline"), 2U);
  EXPECT_EQ(occurrences(svg, "<circle"), 6U);
  EXPECT_NE(svg.find("validation 1.201"), std::string::npos);
  EXPECT_NE(svg.find("a &lt; b &amp; c"), std::string::npos);
  EXPECT_NE(svg.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_LT(svg.size(), 40000U) << "thousands of steps are drawn as hundreds of points";
}

TEST(LossSvg, SurvivesARunWithoutSteps) {
  EXPECT_NE(loss_svg({}, "empty").find("no steps yet"), std::string::npos);
}

TEST(Ticks, AreRoundAndCoverTheRange) {
  EXPECT_EQ(ticks(0, 1000, 5), (std::vector<double>{0, 200, 400, 600, 800, 1000}));
  const std::vector<double> t = ticks(1.83, 4.21, 6);
  EXPECT_DOUBLE_EQ(t.front(), 1.5);
  EXPECT_DOUBLE_EQ(t.back(), 4.5);
}

TEST(Ticks, LogarithmicOnesCoverTheRange) {
  EXPECT_EQ(logarithmic_ticks(0.06, 8.3), (std::vector<double>{0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10}));
  EXPECT_EQ(logarithmic_ticks(1, 2), (std::vector<double>{1, 2}));
}

}  // namespace
}  // namespace lab
