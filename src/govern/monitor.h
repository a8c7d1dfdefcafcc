// Canaries by e-processes (GOVERNANCE 5.5). An e-process is a running likelihood ratio; by Ville's
// inequality it ever reaches 1/alpha with probability at most alpha when its hypothesis holds, so
// one may look at it after every request. One process halts a release (against "the rate is at most
// p0"), the other allows its next stage (against "the rate is at least p1").
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace govern {

struct Monitor {
  std::string id;  // "harm.rate"
  std::string p0_text = "0.001", p1_text = "0.005", alpha_text = "0.001", promote_text = "0.01";
  double p0 = 0.001, p1 = 0.005;                // of events in exposures; 0 < p0 < p1 < 1
  double alpha = 0.001;                         // of a false halt
  double promote_alpha = 0.01;                  // of a false promotion
  base::Duration silence = base::seconds(600);  // no data for so long: not promotable
};

// Answers given, and how many of them had the event. Order does not matter to either process's
// value at the end.
struct Counts {
  uint64_t exposures = 0, events = 0;
  friend bool operator==(const Counts&, const Counts&) = default;
};

// Natural logarithms of the two processes; 0 before any data. events <= exposures.
double log_e_halt(const Monitor& monitor, const Counts& counts);
double log_e_promote(const Monitor& monitor, const Counts& counts);
bool halts(const Monitor& monitor, const Counts& counts);
bool promotes(const Monitor& monitor, const Counts& counts);

// A release under watch: fires once the process has ever crossed its bound, and stays so.
class Watch {
 public:
  explicit Watch(Monitor monitor) : monitor_(std::move(monitor)) {}
  // True when this observation makes it fire.
  bool observe(bool event, base::Time when);
  // A promotion looks at the stage alone; the halt at all that the release has answered.
  void begin_stage(base::Time when);

  const Monitor& monitor() const { return monitor_; }
  const Counts& total() const { return total_; }
  const Counts& stage() const { return stage_; }
  base::Time latest() const { return latest_; }
  bool fired() const { return fired_; }
  // No data for longer than the monitor bears.
  bool silent(base::Time now) const { return now - latest_ > monitor_.silence; }

 private:
  Monitor monitor_;
  Counts total_, stage_;
  base::Time latest_;
  bool fired_ = false;
};

}  // namespace govern
