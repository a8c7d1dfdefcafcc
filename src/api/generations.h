// Answers that the server writes into conversations. They belong to the server, not to the
// connection that asked: a page that reloads or goes away leaves the answer running and stored, and
// only `stop` ends it.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>

#include "api/call.h"
#include "chat/conversations.h"
#include "gateway/gateway.h"

namespace api {

class Generations {
 public:
  // One answer at a time in a conversation: false while another is being written. What is reserved
  // must be started or let go.
  bool reserve(const std::string& user_id, const std::string& conversation_id);
  void let_go(const std::string& conversation_id);
  // Runs the model on the path that ends in `answer`'s parent and streams into the call, which has
  // been answered with nothing yet. `user_message_id` is what the page is told.
  void start(const Call& call, const chat::Message& answer, std::string user_message_id);
  bool stop(std::string_view user_id,
            std::string_view conversation_id);  // false: nothing was running

 private:
  struct Running {
    std::string user_id;
    std::weak_ptr<gateway::Run> run;
    bool stop_asked = false;
  };

  std::mutex mutex_;
  std::map<std::string, Running, std::less<>> running_;  // by conversation
};

json::Value message_json(const chat::Message& message);

}  // namespace api
