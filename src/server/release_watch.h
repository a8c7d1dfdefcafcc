// Looks at the log and the folder of releases ten times a second, so that what is stopped there
// stops here at once, whoever wrote it; and wakes when time alone changes what may be served.
#pragma once

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>

#include "base/time.h"

namespace server {

class ReleaseWatch {
 public:
  // `changed` is called on the watch's own thread and gives the time at which it wants to be called
  // again even if nothing changes; the far future when it does not.
  ReleaseWatch(const std::string& data, const base::Clock& clock,
               std::function<base::Time()> changed, base::Time first);
  ~ReleaseWatch();
  ReleaseWatch(const ReleaseWatch&) = delete;

 private:
  void run();
  std::string look() const;

  const std::string log_, checkpoint_, models_;
  const base::Clock& clock_;
  const std::function<base::Time()> changed_;
  base::Time until_;
  std::string seen_;
  std::mutex mutex_;
  std::condition_variable wake_;
  bool ends_ = false;
  std::thread thread_;
};

}  // namespace server
