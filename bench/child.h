// A program started for a measurement, with its standard output in a pipe. It is killed if it
// outlives this object.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace bench {

class Child {
 public:
  explicit Child(const std::vector<std::string>& command);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  bool started() const { return pid_ > 0; }
  pid_t pid() const { return pid_; }
  bool read_some();  // waits for output: false at its end
  bool alive();
  std::optional<double> resident_bytes() const;
  void terminate();  // SIGTERM, and waits
  bool wait();       // true: it ended with exit code 0

 private:
  pid_t pid_ = -1;
  int output_ = -1;
  std::optional<int> status_;
};

}  // namespace bench
