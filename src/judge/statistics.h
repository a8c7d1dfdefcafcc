// One-sided confidence bounds for cases that go together; base/binomial.h has those of independent
// ones.
#pragma once

#include <span>

#include "base/binomial.h"

namespace judge {

using Bounds = base::RateBounds;

// Student's t over the means of independent clusters, cut to [0, 1]. With fewer than two clusters
// nothing is known: [0, 1].
Bounds cluster_t(std::span<const double> cluster_means, double alpha);

}  // namespace judge
