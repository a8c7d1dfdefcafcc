// What a person waits for and what an idle server costs: the program itself is started and watched
// from outside.
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "base/time.h"
#include "bench/bench.h"
#include "bench/child.h"
#include "files/files.h"

namespace bench {
namespace {

namespace fs = std::filesystem;

constexpr double kFirstTokenMs = 150, kIdleMegabytes = 64;
constexpr int kRuns = 9;

void leave_out(const std::string& name) {
  std::fprintf(stderr, "%s: left out, the program did not run to its end; try it by hand\n",
               name.c_str());
}

std::string bundled_model() {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("models", error)) {
    if (fs::exists(entry.path() / "config.json")) found.push_back(entry.path().string());
  }
  return found.empty() ? "" : *std::ranges::min_element(found);
}

void first_token_row(const Context& context, const AddRow& add) {
  const std::string name = "process start to first token";
  const std::string model = bundled_model();
  if (!context.wants(name) || model.empty()) return;
  std::vector<double> ms;
  for (int run = 0; run <= kRuns; ++run) {  // the first only warms the file cache
    const int64_t start = base::monotonic_ns();
    Child child({context.charter, "run", model, "What is 2 + 3?", "--max-tokens", "8",
                 "--temperature", "0"});
    const bool answered = child.read_some();
    const double elapsed = static_cast<double>(base::monotonic_ns() - start) / 1e6;
    while (child.read_some()) {
    }
    if (!child.wait() || !answered) return leave_out(name);
    if (run > 0) ms.push_back(elapsed);
  }
  add({.name = name, .value = median(ms), .unit = "ms", .bar = kFirstTokenMs, .bar_is_most = true});
}

void idle_memory_row(const Context& context, const AddRow& add) {
  const std::string name = "memory after start, no model";
  if (!context.wants(name)) return;
  const auto temporary = files::TemporaryDirectory::create("charter-bench");
  if (!temporary) return leave_out(name);
  const fs::path folder = temporary->path();
  const fs::path ready = folder / "ready.json", models = folder / "models";
  fs::create_directory(models);
  Child child({context.charter, "serve", "--data", (folder / "data").string(), "--listen",
               "127.0.0.1:0", "--ready", ready.string(), "--models", models.string(),
               "--allow-no-model"});
  while (child.alive() && !fs::exists(ready)) usleep(10'000);
  const auto bytes = child.alive() ? child.resident_bytes() : std::nullopt;
  child.terminate();
  if (!bytes) return leave_out(name);
  add({.name = name,
       .value = *bytes / 1e6,
       .unit = "MB",
       .bar = kIdleMegabytes,
       .bar_is_most = true});
}

}  // namespace

void process_rows(const Context& context, const AddRow& add) {
  if (!fs::exists(context.charter)) return;
  first_token_row(context, add);
  idle_memory_row(context, add);
}

}  // namespace bench
