#include "server/release_watch.h"

#include <sys/stat.h>

#include <chrono>

#include "files/files.h"

namespace server {
namespace {

constexpr std::chrono::milliseconds kPeriod{100};

}  // namespace

ReleaseWatch::ReleaseWatch(const std::string& data, const base::Clock& clock,
                           std::function<base::Time()> changed, base::Time first)
    : log_(files::join(data, "log/statements.jsonl")),
      checkpoint_(files::join(data, "log/checkpoint")),
      models_(files::join(data, "models")),
      clock_(clock),
      changed_(std::move(changed)),
      until_(first) {
  thread_ = std::thread([this] { run(); });
}

ReleaseWatch::~ReleaseWatch() {
  {
    const std::lock_guard lock(mutex_);
    ends_ = true;
  }
  wake_.notify_all();
  thread_.join();
}

std::string ReleaseWatch::look() const {
  std::string out;
  for (const std::string& path : {log_, checkpoint_, models_}) {
    struct stat status{};
    if (stat(path.c_str(), &status) != 0) continue;
    out += std::to_string(status.st_size) + ':' + std::to_string(status.st_mtim.tv_sec) + '.' +
           std::to_string(status.st_mtim.tv_nsec) + ':' + std::to_string(status.st_ino) + ' ';
  }
  return out;
}

// The first look calls too: something may have changed since the releases were loaded.
void ReleaseWatch::run() {
  std::unique_lock lock(mutex_);
  while (!ends_) {
    const std::string now = look();
    if (now != seen_ || clock_.now() > until_) {
      seen_ = now;
      lock.unlock();
      const base::Time until = changed_();
      lock.lock();
      until_ = until;
    }
    wake_.wait_for(lock, kPeriod, [this] { return ends_; });
  }
}

}  // namespace server
