// The programs that are measured: Charter, what it is compared with, and how each is started in
// front of the mock provider.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bench/child.h"
#include "files/files.h"

namespace bench {

struct Target {
  std::string name;
  uint16_t port = 0;
  std::string key, model = "mock";
  std::string headers = {};  // more of every request, each with its line end
  double start_ms = 0;       // from the process's start to its first answer on /healthz, or on 404
  std::unique_ptr<files::TemporaryDirectory> folder = {};
  std::unique_ptr<Child> child = {};  // before the folder in destruction

  double resident_bytes() const;  // of the process and all its children
};

struct Setting {
  std::string self;     // this program
  std::string charter;  // the program that is measured; empty: left out
  uint16_t mock_port = 0;
};

// A target and how to start it. An empty result is a reason why it is left out.
struct TargetKind {
  std::string name;
  std::function<std::unique_ptr<Target>(const Setting&, std::string* why_not)> start;
};
const std::vector<TargetKind>& target_kinds();  // direct first

std::unique_ptr<Target> make_target(const std::string& name);  // with a port and a folder
// Starts the command and waits for the first answer.
std::unique_ptr<Target> start_target(std::unique_ptr<Target> target,
                                     std::vector<std::string> command, std::string* why_not);
std::unique_ptr<Child> start_mock(const Setting& setting, int frame_ms);
uint16_t free_port();

}  // namespace bench
