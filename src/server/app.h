// The composition: a configuration becomes objects, in the order in which they need each other. No
// logic beyond that.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "base/time.h"
#include "server/config.h"

namespace server {

// What a person, or a program that waits for the server, is told once it answers.
struct Ready {
  std::string url;
  std::optional<base::Secret> api_key;  // on the first run of a data folder only
  base::Secret owner_link;              // works once
  std::vector<std::string> models;
  std::vector<std::string> refused;  // why other models are not served
  bool new_house = false;            // a one-person charter was made
  bool one_person = false;
  std::string data;
};

enum class Mode : unsigned char {
  Serve,
  Control,  // the control socket alone: no TCP address, no models, nothing made that is not there
};

class App {
 public:
  // Errors: Unavailable (port in use, data folder in use, disk full); FailedPrecondition or Corrupt
  // when no model can be served, with the reason of the first.
  static base::Result<std::unique_ptr<App>> start(const Config& config, const base::Clock& clock,
                                                  Mode mode = Mode::Serve);
  ~App();
  App(const App&) = delete;

  const Ready& ready() const;
  // Reads again what may change under a running server: the folder of releases, the TLS certificate
  // and its key.
  base::Status reload();
  // Holds that nobody resolved in time, objects past their expiry, when keys were last used.
  void sweep();
  // Refuses new work, lets running answers end within the configured time, settles, closes. True
  // when all had ended.
  bool drain();

  struct State;

 private:
  explicit App(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace server
