// One report of measurements. Each rows_*.cc adds its rows; main.cc prints them and writes them as
// JSON. A figure is the median of several runs, and a share is of a ceiling measured in the same
// run.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/thread_pool.h"

namespace bench {

struct Row {
  std::string name;
  double value = 0;
  std::string unit;
  std::optional<double> ceiling_share = {};
  std::optional<std::string> peer = {};
  std::optional<double> peer_value = {};
  std::optional<double> bar = {};  // of the share when there is one, else of the value
  bool bar_is_most = false;        // the bar is the most, not the least
};

struct Ceilings {  // of the whole pool
  double f32_flops = 0, bf16_flops = 0, int8_ops = 0, read_bytes = 0;
};

struct Context {
  base::ThreadPool& pool;
  std::string charter;  // the program, for rows that start it
  std::string filter;   // only rows whose name contains it
  bool wants(const std::string& name) const { return name.find(filter) != std::string::npos; }
};

using AddRow = std::function<void(Row)>;  // prints as it adds

double median(std::vector<double> values);
// The median seconds of a call over `runs` calls after one to warm up, and the best ceiling
// measured between them: beside other work a share is told too low, never too high.
struct Timed {
  double seconds, ceiling;
};
Timed time_against(int runs, const std::function<void()>& work,
                   const std::function<double()>& ceiling);

void ceiling_rows(const Context& context, const AddRow& add);
void matmul_rows(const Context& context, const AddRow& add);
void training_rows(const Context& context, const AddRow& add);
void ledger_rows(const Context& context, const AddRow& add);
void govern_rows(const Context& context, const AddRow& add);
void process_rows(const Context& context, const AddRow& add);  // none when the program is not built

}  // namespace bench
