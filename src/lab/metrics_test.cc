#include "lab/metrics.h"

#include <gtest/gtest.h>

namespace lab {
namespace {

TEST(Metrics, ALineComesBackAndLaterOnesAreCut) {
  StepReport report;
  report.step = 1;
  report.loss = 2.5;
  std::string text = json::dump(metrics_line(report, 0.4)) + "\n";
  report.step = 2, report.validation_loss = 2.25;
  text += json::dump(metrics_line(report, 0.4)) + "\n";
  const std::string first_two = text;
  report.step = 3;
  text += json::dump(metrics_line(report, 0.4)) + "\n";
  const MetricsFile file = read_metrics(text + "{\"step\":4,\"lo", 2);
  EXPECT_EQ(file.lines, first_two);
  ASSERT_EQ(file.points.size(), 2U);
  EXPECT_FALSE(file.points[0].validation_loss);
  EXPECT_EQ(file.points[1].validation_loss, 2.25);
}

TEST(Metrics, ALineThatDoesNotParseEndsTheRecord) {
  EXPECT_TRUE(read_metrics("nonsense\n{\"step\":1,\"loss\":2}\n", 9).points.empty());
}

}  // namespace
}  // namespace lab
