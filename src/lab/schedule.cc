#include "lab/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <string>

namespace lab {

double Schedule::at(int64_t step) const {
  const double floor = peak * floor_share;
  if (step < warmup_steps)
    return peak * static_cast<double>(step + 1) / static_cast<double>(warmup_steps);
  if (step >= steps) return floor;
  if (shape == ScheduleShape::Cosine) {
    const double span = static_cast<double>(std::max<int64_t>(1, steps - warmup_steps));
    const double progress = static_cast<double>(step - warmup_steps) / span;
    return floor + (peak - floor) * 0.5 * (1 + std::cos(std::numbers::pi * progress));
  }
  const double down_steps = std::max(1.0, warmdown_share * static_cast<double>(steps));
  const double left = static_cast<double>(steps - step) / down_steps;
  return floor + (peak - floor) * std::min(1.0, left);
}

base::Result<ScheduleShape> parse_schedule(std::string_view name) {
  if (name == "cosine") return ScheduleShape::Cosine;
  if (name == "warm-down") return ScheduleShape::WarmDown;
  return base::fail(
      base::Code::InvalidArgument,
      "The schedule '" + std::string(name) + "' is not known; use cosine or warm-down.",
      "--schedule");
}

std::string_view schedule_name(ScheduleShape shape) {
  return shape == ScheduleShape::Cosine ? "cosine" : "warm-down";
}

}  // namespace lab
