// charter_bench: measures, prints a table, writes the report (make bench).
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <string_view>

#include "base/time.h"
#include "bench/bench.h"
#include "json/json.h"
#include "kernels/isa.h"

namespace bench {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  std::ranges::sort(values);
  return values[values.size() / 2];
}

Timed time_against(int runs, const std::function<void()>& work,
                   const std::function<double()>& ceiling) {
  std::vector<double> seconds, ceilings;
  work();
  for (int run = 0; run < runs; ++run) {
    ceilings.push_back(ceiling());
    const int64_t start = base::monotonic_ns();
    work();
    seconds.push_back(static_cast<double>(base::monotonic_ns() - start) / 1e9);
  }
  return {median(seconds), *std::ranges::max_element(ceilings)};
}

namespace {

std::optional<double> ratio_of(const Row& row) {
  if (!row.peer_value || *row.peer_value == 0) return std::nullopt;
  return row.value / *row.peer_value;
}

std::optional<bool> verdict_of(const Row& row) {
  if (!row.bar) return std::nullopt;
  const double measured = row.ceiling_share.value_or(row.value);
  return row.bar_is_most ? measured <= *row.bar : measured >= *row.bar;
}

json::Value number(std::optional<double> value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  return std::round(*value * 1e4) / 1e4;
}

json::Value to_json(const Row& row) {
  const std::optional<bool> ok = verdict_of(row);
  return json::Object{{"name", row.name},
                      {"value", number(row.value)},
                      {"unit", row.unit},
                      {"ceiling_share", number(row.ceiling_share)},
                      {"peer", row.peer ? json::Value(*row.peer) : json::Value()},
                      {"peer_value", number(row.peer_value)},
                      {"ratio", number(ratio_of(row))},
                      {"bar", number(row.bar)},
                      {"ok", ok ? json::Value(*ok) : json::Value()}};
}

void print(const Row& row) {
  std::printf("%-34s %10.1f %-9s", row.name.c_str(), row.value, row.unit.c_str());
  if (row.ceiling_share) std::printf(" %5.1f %% of the ceiling", *row.ceiling_share * 100);
  if (row.peer_value)
    std::printf("  %s %.1f (ratio %.2f)", row.peer->c_str(), *row.peer_value, *ratio_of(row));
  if (const std::optional<bool> ok = verdict_of(row)) {
    std::printf("  bar %s %g: %s", row.bar_is_most ? "at most" : "at least", *row.bar,
                *ok ? "reached" : "MISSED");
  }
  std::printf("\n");
  std::fflush(stdout);
}

struct Arguments {
  std::string out, charter = "build/charter", only;
  int threads = base::default_thread_count();
};

std::optional<Arguments> parse(int count, char** given) {
  Arguments arguments;
  for (int i = 1; i < count; i += 2) {
    const std::string_view name = given[i];
    if (i + 1 == count) return std::nullopt;
    const std::string value = given[i + 1];
    if (name == "--out") {
      arguments.out = value;
    } else if (name == "--charter") {
      arguments.charter = value;
    } else if (name == "--only") {
      arguments.only = value;
    } else if (name == "--threads" && std::atoi(value.c_str()) > 0) {
      arguments.threads = std::atoi(value.c_str());
    } else {
      return std::nullopt;
    }
  }
  return arguments;
}

int run(int count, char** given) {
  const std::optional<Arguments> arguments = parse(count, given);
  if (!arguments) {
    std::fputs(
        "usage: charter_bench [--out FILE] [--charter PROGRAM] [--only TEXT] [--threads N]\n",
        stderr);
    return 64;
  }
  base::ThreadPool pool(arguments->threads);
  const Context context{pool, arguments->charter, arguments->only};
  std::printf("%d threads, %s kernels\n", arguments->threads,
              std::string(kernels::isa_name(kernels::active_isa())).c_str());
  json::Array rows;
  const AddRow add = [&](Row row) {
    print(row);
    rows.push_back(to_json(row));
  };
  ceiling_rows(context, add);
  matmul_rows(context, add);
  training_rows(context, add);
  ledger_rows(context, add);
  govern_rows(context, add);
  process_rows(context, add);
  if (arguments->out.empty()) return 0;
  std::ofstream file(arguments->out);
  file << json::dump_pretty(rows) << "\n";
  file.close();
  if (!file)
    std::fprintf(stderr, "cannot write %s; check the folder and the free space\n",
                 arguments->out.c_str());
  return file ? 0 : 74;
}

}  // namespace
}  // namespace bench

int main(int count, char** arguments) { return bench::run(count, arguments); }
