// The releases that the log lets this node serve, read again whenever somebody asks: what is new is
// verified and loaded, what is unchanged keeps its engine, what is superseded ends once its last
// answer has, and what was stopped ends at once.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "gateway/loader.h"

namespace gateway {

class ReleaseFolder {
 public:
  // `models_directory` holds the newest release of each channel, `previous_directory` those that
  // had to make room for them, of which one may still serve or serve again.
  ReleaseFolder(std::string models_directory, std::string previous_directory,
                engine::Options options);
  // Waits, some seconds at most, for those that still hold a release.
  ~ReleaseFolder();

  // Blocks while it reads and hashes what is new; one call at a time. What may not serve any more
  // is halted before anything is loaded.
  LoadedModels refresh(const journal::House& house, base::Time now);
  // The first half of that, which takes no time: what may go on of what is loaded.
  std::vector<std::shared_ptr<Channel>> withdraw_stopped(const journal::House& house,
                                                         base::Time now);
  // Nothing may serve: the log cannot be read, or is not the one that it was.
  void halt_all(const base::Error& error);
  // Lets go of engines that nobody uses any more: on this thread, since an engine must not end on
  // its own.
  void sweep();

 private:
  struct Entry {
    std::string directory;
    std::string signature;  // names, sizes, times and inodes of its files
    std::shared_ptr<Channel> channel;
  };
  using Entries = std::vector<Entry>;
  static std::string signature(const std::string& directory);
  void sweep_locked();
  Entries withdraw(Entries* known, const journal::House& house, base::Time now);
  void read_folder(const std::string& directory, const journal::House& house, base::Time now,
                   Entries* known, std::vector<Refusal>* refusals);
  std::vector<std::string> previous_wanted(const journal::House& house, base::Time now) const;
  void hand_over(Entries superseded, const journal::House& house, base::Time now);
  void retire(Entries entries);
  std::vector<std::shared_ptr<Channel>> channels() const;

  const std::string models_directory_, previous_directory_;
  const engine::Options options_;
  std::mutex mutex_;
  Entries entries_;
  std::vector<std::shared_ptr<Channel>> retired_;
};

}  // namespace gateway
