// The folder of released models, read again whenever somebody asks: what is new is verified and
// loaded, what is unchanged keeps its engine, and what is gone or has a later release ends once its
// last answer has.
#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "gateway/loader.h"

namespace gateway {

class ReleaseFolder {
 public:
  ReleaseFolder(std::string models_directory, engine::Options options);
  // Waits, some seconds at most, for those that still hold a release.
  ~ReleaseFolder();

  // Blocks while it reads and hashes what is new; one call at a time.
  LoadedModels refresh(const govern::CharterPin& pin, base::Time now);
  // Lets go of engines that nobody uses any more: on this thread, since an engine must not end on
  // its own.
  void sweep();

 private:
  struct Entry {
    std::string signature;  // names, sizes and times of its files
    std::shared_ptr<Channel> channel;
  };
  static std::string signature(const std::string& directory);
  void sweep_locked();

  const std::string models_directory_;
  const engine::Options options_;
  std::mutex mutex_;
  std::map<std::string, Entry> entries_;  // by folder
  std::vector<std::shared_ptr<Channel>> retired_;
};

}  // namespace gateway
