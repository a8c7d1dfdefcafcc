// The administration of a data folder for programs on this machine: through DATA/control.sock of
// its running server or, when none runs, through the same routes of one that is opened for the
// moment, without models and without a TCP address. Who may open the folder is the operator.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "json/json.h"

namespace server {

// DATA/control.sock by a name that fits a socket address (108 bytes) however deep the folder is.
// The name is good while the object lives.
class ControlPath {
 public:
  static base::Result<ControlPath> of(const std::string& data);
  ControlPath(ControlPath&& other) noexcept;
  ControlPath& operator=(ControlPath&&) = delete;
  ~ControlPath();
  const std::string& path() const { return path_; }

 private:
  ControlPath(int folder_fd, std::string path) : folder_fd_(folder_fd), path_(std::move(path)) {}
  int folder_fd_ = -1;
  std::string path_;
};

class Control {
 public:
  // Errors: NotFound when there is no such folder or it never had a server; Unavailable when
  // another program has its databases open.
  static base::Result<std::unique_ptr<Control>> open(const std::string& data,
                                                     const base::Clock& clock);
  ~Control();

  // The JSON of the answer; a refusal becomes an error with the server's own message.
  base::Result<json::Value> get(const std::string& target);
  base::Result<json::Value> post(const std::string& target, const json::Value& body);
  base::Result<json::Value> remove(const std::string& target);
  // All pages of a list.
  base::Result<json::Array> list(const std::string& target);

  bool server_runs() const;  // false: it is this process

 private:
  struct State;
  explicit Control(std::unique_ptr<State> state);
  base::Result<json::Value> call(std::string_view method, const std::string& target,
                                 std::string body);
  std::unique_ptr<State> state_;
};

}  // namespace server
