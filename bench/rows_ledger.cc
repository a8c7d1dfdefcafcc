// What money costs a request: hold and settle, with every settlement on the disk before it is
// acknowledged, beside what the disk asks for one flush.
#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <mutex>

#include "base/time.h"
#include "bench/bench.h"
#include "files/files.h"
#include "journal/ledger.h"

namespace bench {
namespace {

constexpr int kInFlight = 1000;
constexpr int kRequests = 100'000;
constexpr int kAlone = 500;
constexpr size_t kBlock = 4096;
constexpr double kCpuUs = 30;

double us(int64_t ns) { return static_cast<double>(ns) / 1e3; }

double cpu_seconds() {
  rusage used = {};
  getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) * 1e-6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double at_share(std::vector<double> values, double share) {
  std::ranges::sort(values);
  return values[static_cast<size_t>(share * static_cast<double>(values.size() - 1))];
}

// One write of a block and its flush, in a file that has its blocks already.
std::vector<double> flush_us(const std::string& path) {
  std::vector<double> each;
  const std::string block(kBlock, 'x');
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  for (int i = 0; fd >= 0 && i <= 2 * kAlone; ++i) {
    const int64_t start = base::monotonic_ns();
    const auto offset = static_cast<off_t>(i % kAlone) * static_cast<off_t>(kBlock);
    if (pwrite(fd, block.data(), block.size(), offset) < 0 || fdatasync(fd) != 0) break;
    if (i >= kAlone) each.push_back(us(base::monotonic_ns() - start));
  }
  if (fd >= 0) close(fd);
  return each;
}

class Payer {
 public:
  explicit Payer(journal::Ledger& ledger) : ledger_(ledger) {
    for (const auto scope :
         {money::Scope::Organisation, money::Scope::Project, money::Scope::User, money::Scope::Key})
      caps_.push_back({scope, money::Period::Month, money::Amount::usd(1'000'000)});
  }

  // Holds and settles; `done` is called when the charge is on the disk.
  bool pay(journal::Ledger::Durable done) {
    journal::HoldRequest request{.account = journal::customer_account(scopes_.org_id),
                                 .request_id = "req_" + std::to_string(next_++),
                                 .amount = *money::cost(price_, 100, 1000),
                                 .price = price_,
                                 .scopes = scopes_,
                                 .budgets = caps_};
    const auto hold = ledger_.hold(std::move(request));
    return hold && ledger_.settle(*hold, usage_, std::move(done));
  }

 private:
  journal::Ledger& ledger_;
  const money::PriceQuote price_{150'000, 600'000, 1};
  const money::Scopes scopes_{"org_0123456789abcdef", "proj_0123456789abcdef",
                              "user_0123456789abcdef", "key_0123456789abcdef", "chat"};
  const journal::Usage usage_{.org_id = scopes_.org_id,
                              .project_id = scopes_.project_id,
                              .user_id = scopes_.user_id,
                              .key_id = scopes_.key_id,
                              .model = scopes_.model,
                              .prompt_tokens = 100,
                              .completion_tokens = 50};
  std::vector<money::BudgetCap> caps_;
  int64_t next_ = 0;
};

void many_at_once(Payer& payer, journal::Ledger& ledger, const AddRow& add) {
  std::mutex mutex;
  std::condition_variable ended;
  int open = 0;
  const double cpu = cpu_seconds();
  const int64_t start = base::monotonic_ns();
  for (int i = 0; i < kRequests; ++i) {
    {
      std::unique_lock lock(mutex);
      ended.wait(lock, [&] { return open < kInFlight; });
      ++open;
    }
    if (!payer.pay([&](const base::Status&) {
          const std::lock_guard lock(mutex);
          --open;
          ended.notify_one();
        }))
      return;
  }
  {
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return open == 0; });
  }
  const double seconds = us(base::monotonic_ns() - start) / 1e6;
  ledger.flush();
  add({.name = "ledger, 1,000 in flight, durable", .value = kRequests / seconds, .unit = "req/s"});
  add({.name = "ledger, CPU of hold and settle",
       .value = (cpu_seconds() - cpu) / kRequests * 1e6,
       .unit = "us",
       .bar = kCpuUs,
       .bar_is_most = true});
}

void one_at_a_time(Payer& payer, const std::vector<double>& flushes, const AddRow& add) {
  std::vector<double> each;
  for (int i = 0; i < kAlone; ++i) {
    std::mutex mutex;
    std::condition_variable ended;
    bool durable = false;
    const int64_t start = base::monotonic_ns();
    if (!payer.pay([&](const base::Status&) {
          const std::lock_guard lock(mutex);
          durable = true;
          ended.notify_one();
        }))
      return;
    std::unique_lock lock(mutex);
    ended.wait(lock, [&] { return durable; });
    each.push_back(us(base::monotonic_ns() - start));
  }
  for (const auto& [name, share] : {std::pair{"ledger, acknowledged alone, p50", 0.5},
                                    std::pair{"ledger, acknowledged alone, p99", 0.99}})
    add({.name = name,
         .value = at_share(each, share),
         .unit = "us",
         .peer = "one flush of 4 KiB",
         .peer_value = at_share(flushes, share)});
}

}  // namespace

void ledger_rows(const Context& context, const AddRow& add) {
  if (!context.wants("ledger")) return;
  const auto folder = files::TemporaryDirectory::create("charter-bench");
  if (!folder) return;
  const std::vector<double> flushes = flush_us(files::join(folder->path(), "flush"));
  const base::SystemClock clock;
  const auto ledger = journal::Ledger::open(files::join(folder->path(), "ledger.db"), clock);
  const std::string account = journal::customer_account("org_0123456789abcdef");
  if (flushes.empty() || !ledger ||
      !(*ledger)->deposit(account, money::Amount::usd(1'000'000), "grant", "")) {
    std::fprintf(stderr, "ledger: left out, the temporary folder takes no files\n");
    return;
  }
  Payer payer(**ledger);
  one_at_a_time(payer, flushes, add);
  many_at_once(payer, **ledger, add);
}

}  // namespace bench
