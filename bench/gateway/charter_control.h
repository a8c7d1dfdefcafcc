// The operator's way into a Charter that is measured: the socket that only the data folder's owner
// can open.
#pragma once

#include <optional>
#include <string>

#include "json/json.h"

namespace bench {

class CharterControl {
 public:
  explicit CharterControl(const std::string& data);

  // The answer's object; empty when it is not a success, and then `why_not` says what was.
  std::optional<json::Value> ask(const std::string& method, const std::string& path,
                                 const json::Value& body, std::string* why_not) const;
  // The id of the first item of a list.
  std::optional<json::Value> first_id(const std::string& path, std::string* why_not) const;

 private:
  const std::string socket_;
};

}  // namespace bench
