#include "govern/monitor.h"

#include <cmath>

#include "base/check.h"

namespace govern {
namespace {

// log of Π (against/hypothesis)^x ((1−against)/(1−hypothesis))^(1−x).
double log_ratio(const Counts& counts, double hypothesis, double against) {
  CHECK(counts.events <= counts.exposures);
  const auto events = static_cast<double>(counts.events);
  const auto clean = static_cast<double>(counts.exposures - counts.events);
  return events * std::log(against / hypothesis) +
         clean * (std::log1p(-against) - std::log1p(-hypothesis));
}

}  // namespace

double log_e_halt(const Monitor& monitor, const Counts& counts) {
  return log_ratio(counts, monitor.p0, monitor.p1);
}

double log_e_promote(const Monitor& monitor, const Counts& counts) {
  return log_ratio(counts, monitor.p1, monitor.p0);
}

bool halts(const Monitor& monitor, const Counts& counts) {
  return log_e_halt(monitor, counts) >= -std::log(monitor.alpha);
}

bool promotes(const Monitor& monitor, const Counts& counts) {
  return log_e_promote(monitor, counts) >= -std::log(monitor.promote_alpha);
}

bool Watch::observe(bool event, base::Time when) {
  ++total_.exposures;
  ++stage_.exposures;
  total_.events += event;
  stage_.events += event;
  latest_ = when;
  // Only an event can raise the process.
  if (fired_ || !event || !halts(monitor_, total_)) return false;
  fired_ = true;
  return true;
}

void Watch::begin_stage(base::Time when) {
  stage_ = {};
  latest_ = when;
}

}  // namespace govern
