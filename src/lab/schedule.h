// The learning rate over a run: a linear warm-up, then a cosine down to a floor, or a plateau with
// a linear warm-down.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/result.h"

namespace lab {

enum class ScheduleShape : uint8_t { Cosine, WarmDown };

struct Schedule {
  ScheduleShape shape = ScheduleShape::Cosine;
  double peak = 1e-3;
  double floor_share = 0.1;  // of the peak, where the run ends
  int64_t warmup_steps = 100;
  int64_t steps = 1000;         // of the whole run
  double warmdown_share = 0.5;  // of the steps; WarmDown only

  double at(int64_t step) const;  // step counts from 0
};

base::Result<ScheduleShape> parse_schedule(std::string_view name);  // "cosine", "warm-down"
std::string_view schedule_name(ScheduleShape shape);

}  // namespace lab
