#include "gateway/release_folder.h"

#include <sys/stat.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <thread>
#include <utility>

#include "base/log.h"
#include "files/files.h"

namespace gateway {
namespace {

constexpr base::Duration kHandover = base::seconds(60);

base::Error stopped() {
  return {base::Code::Unavailable,
          "The model that was answering has been stopped. Please ask again.",
          "release_halted",
          {},
          {}};
}

}  // namespace

ReleaseFolder::ReleaseFolder(std::string models_directory, std::string previous_directory,
                             engine::Options options)
    : models_directory_(std::move(models_directory)),
      previous_directory_(std::move(previous_directory)),
      options_(std::move(options)) {}

ReleaseFolder::~ReleaseFolder() {
  const std::lock_guard lock(mutex_);
  retire(std::exchange(entries_, {}));
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

// Takes out of `known` what the log does not let go on: what was stopped ends at once; what a later
// release has superseded is returned.
ReleaseFolder::Entries ReleaseFolder::withdraw(Entries* known, const journal::House& house,
                                               base::Time now) {
  Entries kept, superseded;
  for (Entry& entry : *known) {
    const ReleaseInfo& release = entry.channel->release();
    const auto arm = served_arm(house.state(), release.channel,
                                *crypto::digest_from_hex(release.id), release.leaf, now);
    if (arm) {
      const Share share{static_cast<uint32_t>(arm->percent), arm->is_canary};
      if (entry.channel->share() != share) entry.channel->watch(house.charter().monitors, now);
      entry.channel->set_share(share);
      kept.push_back(std::move(entry));
      continue;
    }
    const std::string& reason = arm.error().reason;
    base::log(
        base::Level::Warn, "release withdrawn",
        {{"channel", release.channel}, {"release", release.id}, {"error", arm.error().text()}});
    if (reason == "ROLLBACK") {
      superseded.push_back(std::move(entry));
      continue;
    }
    // A canary that was lowered to nothing, or a certificate that ran out, finishes what it began.
    if (reason != "NOT_RELEASED" && reason != "EXPIRED") entry.channel->halt(stopped());
    retired_.push_back(std::move(entry.channel));
  }
  *known = std::move(kept);
  return superseded;
}

void ReleaseFolder::read_folder(const std::string& directory, const journal::House& house,
                                base::Time now, Entries* known, std::vector<Refusal>* refusals) {
  std::string now_there = signature(directory);
  // A folder that was only moved keeps its engine.
  const auto same = std::ranges::find(*known, now_there, &Entry::signature);
  if (same != known->end() && !now_there.empty()) {
    same->directory = directory;
    entries_.push_back(std::move(*same));
    known->erase(same);
    return;
  }
  auto channel = load_channel(directory, house, now, options_);
  if (!channel) {
    log_refused(directory, channel.error());
    refusals->push_back({directory, std::move(channel).error()});
    return;
  }
  log_verified(directory, (*channel)->release());
  entries_.push_back({directory, std::move(now_there), *std::move(channel)});
}

// Folders of earlier releases whose bundle names one that the log wants served and that is not
// loaded. What the bundle says is verified when it is loaded.
std::vector<std::string> ReleaseFolder::previous_wanted(const journal::House& house,
                                                        base::Time now) const {
  std::vector<std::string> out;
  std::vector<govern::LeafReference> wanted;
  for (const auto& [name, life] : house.state().life.channels) {
    for (const govern::ServedArm& arm : govern::serving_plan(house.state(), name, now).arms) {
      const std::string id = crypto::hex(arm.proposal);
      const bool loaded = std::ranges::any_of(
          entries_, [&](const Entry& entry) { return entry.channel->release().id == id; });
      if (!loaded) wanted.push_back(arm.certificate);
    }
  }
  if (wanted.empty() || !files::exists(previous_directory_)) return out;
  const auto names = files::list_directories(previous_directory_);
  if (!names) return out;
  for (const std::string& name : *names) {
    const std::string directory = files::join(previous_directory_, name);
    const auto text =
        files::read_file(files::join(directory, govern::kBundleFile), govern::kBundleBytesMax);
    if (!text) continue;
    const auto bundle = govern::parse_bundle_file(*text);
    if (!bundle || bundle->leaves.empty()) continue;
    const govern::Leaf& last = bundle->leaves.back().leaf;
    const govern::LeafReference certificate{last.seq, last.envelope};
    if (std::ranges::find(wanted, certificate) != wanted.end()) out.push_back(directory);
  }
  return out;
}

// What a later release has just superseded goes on until that one stands in its folder.
void ReleaseFolder::hand_over(Entries superseded, const journal::House& house, base::Time now) {
  for (Entry& entry : superseded) {
    const std::string& name = entry.channel->name();
    const bool replaced = std::ranges::any_of(
        entries_, [&](const Entry& other) { return other.channel->name() == name; });
    const auto& life = house.state().life.channels.at(name);
    const bool soon = now < life.arms.back().since + kHandover;
    if (!replaced && soon)
      entries_.push_back(std::move(entry));
    else
      retired_.push_back(std::move(entry.channel));
  }
}

void ReleaseFolder::retire(Entries entries) {
  for (Entry& entry : entries) retired_.push_back(std::move(entry.channel));
}

std::vector<std::shared_ptr<Channel>> ReleaseFolder::channels() const {
  std::vector<std::shared_ptr<Channel>> out;
  for (const Entry& entry : entries_) out.push_back(entry.channel);
  std::ranges::sort(out, [](const auto& a, const auto& b) {
    if (a->name() != b->name()) return a->name() < b->name();
    return a->release().leaf > b->release().leaf;
  });
  return out;
}

std::vector<std::shared_ptr<Channel>> ReleaseFolder::withdraw_stopped(const journal::House& house,
                                                                      base::Time now) {
  const std::lock_guard lock(mutex_);
  Entries superseded = withdraw(&entries_, house, now);
  std::ranges::move(superseded, std::back_inserter(entries_));
  return channels();
}

LoadedModels ReleaseFolder::refresh(const journal::House& house, base::Time now) {
  const std::lock_guard lock(mutex_);
  LoadedModels loaded;
  Entries known = std::exchange(entries_, {});
  Entries superseded = withdraw(&known, house, now);
  if (files::exists(models_directory_)) {
    const auto names = files::list_directories(models_directory_);
    if (!names) loaded.refusals.push_back({models_directory_, names.error()});
    for (size_t i = 0; names && i < names->size(); ++i)
      read_folder(files::join(models_directory_, (*names)[i]), house, now, &known,
                  &loaded.refusals);
  }
  for (const std::string& directory : previous_wanted(house, now))
    read_folder(directory, house, now, &known, &loaded.refusals);
  hand_over(std::move(superseded), house, now);
  retire(std::move(known));
  loaded.channels = channels();
  sweep_locked();
  return loaded;
}

void ReleaseFolder::halt_all(const base::Error& error) {
  const std::lock_guard lock(mutex_);
  for (Entry& entry : entries_) entry.channel->halt(error);
  retire(std::exchange(entries_, {}));
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
