// The loss curve of a run as one self-contained SVG that reads well on light and on dark paper.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "lab/metrics.h"

namespace lab {

std::string loss_svg(std::span<const MetricPoint> points, std::string_view title);

// Round tick values that cover [low, high], about `count` of them.
std::vector<double> ticks(double low, double high, int count);
std::vector<double> logarithmic_ticks(double low, double high);  // 1, 2, 5, 10, ...; low > 0

}  // namespace lab
