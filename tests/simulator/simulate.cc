// simulate [--histories N] [--from SEED] [--seconds S] [--jobs J] [--seed SEED]: seeded histories
// of small houses over govern::apply(), every invariant checked after every step. A violation is
// printed with its seed and the fewest moves that bring it about, and the exit status is 1.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "world.h"

namespace {

using simulator::Beginning;
using simulator::Counters;
using simulator::History;

struct Options {
  uint64_t histories = 10'000, from = 1, seconds = 0, jobs = 1;
  bool only_one = false;
};

void print_violation(const Beginning& beginning, const History& history,
                     const std::string& broken) {
  const History shortest = simulator::shrink(beginning, history, broken);
  std::printf("seed %llu, charter %llu: %s\n", static_cast<unsigned long long>(history.seed),
              static_cast<unsigned long long>(history.charter), broken.c_str());
  std::printf("%zu of %zu moves bring it about:\n", shortest.moves.size(), history.moves.size());
  for (const simulator::Move& move : shortest.moves)
    std::printf("  %s\n", simulator::describe(move).c_str());
}

// One thread's share of the seeds; the beginnings that it has seen stay with it.
class Worker {
 public:
  // False once an invariant broke.
  bool play(uint64_t seed) {
    const History history = simulator::history_of(seed);
    auto known = beginnings_.find(history.charter);
    if (known == beginnings_.end())
      known = beginnings_.emplace(history.charter, simulator::begin(history.charter)).first;
    const std::string broken = simulator::run(known->second, history, &counters);
    if (broken.empty()) return true;
    static std::mutex printing;
    const std::lock_guard lock(printing);
    print_violation(known->second, history, broken);
    return false;
  }
  Counters counters;

 private:
  std::map<uint64_t, Beginning> beginnings_;
};

void print_counts(const char* title, const std::map<std::string, uint64_t>& counts) {
  std::printf("%s:", title);
  for (const auto& [name, count] : counts)
    std::printf(" %s %llu", name.c_str(), static_cast<unsigned long long>(count));
  std::printf("\n");
}

Options parse(int argc, char** argv) {
  Options options;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string name = argv[i];
    const uint64_t value = std::strtoull(argv[i + 1], nullptr, 10);
    if (name == "--histories") options.histories = value;
    if (name == "--from") options.from = value;
    if (name == "--seconds") options.seconds = value;
    if (name == "--jobs") options.jobs = std::max<uint64_t>(value, 1);
    if (name == "--seed") {
      options.from = value;
      options.histories = 1;
    }
  }
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  const Options options = parse(argc, argv);
  const auto start = std::chrono::steady_clock::now();
  const auto elapsed = [&] {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  };
  std::atomic<uint64_t> next = options.from, done = 0;
  std::atomic<bool> broken = false;
  std::vector<Worker> workers(options.jobs);
  std::vector<std::thread> threads;
  for (Worker& worker : workers) {
    threads.emplace_back([&] {
      while (!broken) {
        const uint64_t seed = next.fetch_add(1);
        if (seed >= options.from + options.histories) return;
        if (options.seconds > 0 && elapsed() > static_cast<double>(options.seconds)) return;
        if (!worker.play(seed)) broken = true;
        if (done.fetch_add(1) % 50'000 == 49'999)
          std::fprintf(stderr, "%llu histories, %.0f s\n",
                       static_cast<unsigned long long>(done.load()), elapsed());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  Counters sum;
  for (const Worker& worker : workers) {
    sum.steps += worker.counters.steps;
    sum.accepted += worker.counters.accepted;
    for (const auto& [name, count] : worker.counters.kinds) sum.kinds[name] += count;
    for (const auto& [name, count] : worker.counters.refusals) sum.refusals[name] += count;
  }
  std::printf(
      "%llu histories from seed %llu in %.1f s (%.0f a second); %llu statements, %llu accepted\n",
      static_cast<unsigned long long>(done.load()), static_cast<unsigned long long>(options.from),
      elapsed(), static_cast<double>(done.load()) / elapsed(),
      static_cast<unsigned long long>(sum.steps), static_cast<unsigned long long>(sum.accepted));
  print_counts("accepted", sum.kinds);
  print_counts("refused", sum.refusals);
  return broken ? 1 : 0;
}
