#include "gateway/release_folder.h"

#include <sys/stat.h>

#include <chrono>
#include <thread>

#include "base/log.h"
#include "files/files.h"

namespace gateway {

ReleaseFolder::ReleaseFolder(std::string models_directory, engine::Options options)
    : models_directory_(std::move(models_directory)), options_(std::move(options)) {}

ReleaseFolder::~ReleaseFolder() {
  const std::lock_guard lock(mutex_);
  for (auto& [directory, entry] : entries_) retired_.push_back(std::move(entry.channel));
  entries_.clear();
  const int64_t deadline_ns = base::monotonic_ns() + base::seconds(10).ns;
  for (sweep_locked(); !retired_.empty() && base::monotonic_ns() < deadline_ns; sweep_locked())
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

std::string ReleaseFolder::signature(const std::string& directory) {
  std::string out;
  const auto names = files::list_files_recursive(directory);
  if (!names) return out;
  for (const std::string& name : *names) {
    struct stat status{};
    if (stat(files::join(directory, name).c_str(), &status) != 0) continue;
    out += name + ':' + std::to_string(status.st_size) + ':' +
           std::to_string(status.st_mtim.tv_sec) + '.' + std::to_string(status.st_mtim.tv_nsec) +
           ':' + std::to_string(status.st_ino) + '\n';
  }
  return out;
}

LoadedModels ReleaseFolder::refresh(const govern::CharterPin& pin, base::Time now) {
  const std::lock_guard lock(mutex_);
  std::map<std::string, Entry> entries;
  std::vector<Refusal> refusals;
  std::vector<std::string> names;
  if (files::exists(models_directory_)) {
    auto found = files::list_directories(models_directory_);
    if (found)
      names = *std::move(found);
    else
      refusals.push_back({models_directory_, found.error()});
  }
  for (const std::string& name : names) {
    const std::string directory = files::join(models_directory_, name);
    std::string now_there = signature(directory);
    const auto known = entries_.find(directory);
    if (known != entries_.end() && known->second.signature == now_there) {
      entries.insert(entries_.extract(known));
      continue;
    }
    auto channel = load_channel(directory, pin, now, options_);
    if (channel) {
      log_verified(directory, (*channel)->release());
      entries[directory] = {std::move(now_there), *std::move(channel)};
    } else {
      log_refused(directory, channel.error());
      refusals.push_back({directory, std::move(channel).error()});
    }
  }
  for (auto& [directory, entry] : entries_) retired_.push_back(std::move(entry.channel));
  entries_ = std::move(entries);
  LoadedModels loaded;
  loaded.refusals = std::move(refusals);
  for (const auto& [directory, entry] : entries_) loaded.channels.push_back(entry.channel);
  keep_latest(&loaded.channels);
  sweep_locked();
  return loaded;
}

void ReleaseFolder::sweep() {
  const std::lock_guard lock(mutex_);
  sweep_locked();
}

void ReleaseFolder::sweep_locked() {
  std::erase_if(retired_,
                [](const std::shared_ptr<Channel>& channel) { return channel.use_count() == 1; });
}

}  // namespace gateway
