// Conversations: a tree of messages per conversation (an edited question or a second answer is a
// sibling), each owned by one user; to anyone else it does not exist. Text that streams in is kept
// in memory and written about once a second, so a crash costs a second of an answer's text and
// nothing of its bill. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace chat {

enum class MessageRole : unsigned char { System, User, Assistant };
enum class MessageStatus : unsigned char { Partial, Complete, Stopped, Error };
std::string_view role_name(MessageRole role);        // "system" "user" "assistant"
std::string_view status_name(MessageStatus status);  // "partial" "complete" "stopped" "error"

struct Conversation {
  std::string id = {};  // "conv_…"
  std::string user_id = {};
  std::string title = {};
  base::Time created = {}, updated = {};
};

struct Message {
  std::string id = {};  // "msg_…"
  std::string conversation_id = {};
  std::string parent_id = {};  // empty: the first
  MessageRole role = MessageRole::User;
  std::string content = {};
  std::string model = {};       // assistant only
  std::string release_id = {};  // what answered
  MessageStatus status = MessageStatus::Complete;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  std::string cost_usd = {};
  std::string finish_reason = {};
  std::string error = {};  // a sentence, when status is Error
  base::Time created = {};
};

// How an answer ended.
struct Finished {
  MessageStatus status = MessageStatus::Complete;
  std::string finish_reason = {};
  std::string release_id = {};
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  std::string cost_usd = {};
  std::string error = {};
};

struct Limits {
  size_t title_bytes_max = 400;
  size_t content_bytes_max = 1 << 20;
  int64_t messages_max = 10'000;  // in one conversation
};

// Where a page of the list ended.
struct ListCursor {
  base::Time updated = {INT64_MAX};
  std::string id = {};
};

class Conversations {
 public:
  // Answers that a crash left Partial are marked Stopped.
  static base::Result<std::unique_ptr<Conversations>> open(const std::string& path,
                                                           const base::Clock& clock,
                                                           const Limits& limits = {});
  ~Conversations();

  base::Result<Conversation> create(std::string_view user_id, std::string_view title);
  // Newest first; pass the last one's `updated` and id to go on. At most 100 a page.
  using Cursor = ListCursor;
  base::Result<std::vector<Conversation>> list(std::string_view user_id, int64_t limit,
                                               const Cursor& after = {}) const;

  // All of these: NotFound, reason conversation_not_found, for a conversation of someone else as
  // for one that is not there.
  base::Result<Conversation> get(std::string_view user_id, std::string_view conversation_id) const;
  base::Status rename(std::string_view user_id, std::string_view conversation_id,
                      std::string_view title);
  base::Status remove(std::string_view user_id, std::string_view conversation_id);
  base::Result<std::vector<Message>> messages(
      std::string_view user_id, std::string_view conversation_id) const;  // oldest first
  base::Result<Message> message(std::string_view user_id, std::string_view conversation_id,
                                std::string_view message_id) const;
  // From the root to `message_id`: what the model is to read.
  base::Result<std::vector<Message>> path(std::string_view user_id,
                                          std::string_view conversation_id,
                                          std::string_view message_id) const;

  // A question and the empty answer below it, in one step. An empty parent_id goes below the newest
  // message (or starts the conversation), kRoot beside the first. An empty title becomes the
  // question's first words.
  static constexpr std::string_view kRoot = "root";
  struct Turn {
    Message user = {};
    Message assistant = {};
  };
  base::Result<Turn> ask(std::string_view user_id, std::string_view conversation_id,
                         std::string_view content, std::string_view model,
                         std::string_view parent_id = {});
  // A second answer to the question above `assistant_message_id`: an empty sibling.
  base::Result<Message> regenerate(std::string_view user_id, std::string_view conversation_id,
                                   std::string_view assistant_message_id, std::string_view model);

  // Text as it streams into a Partial answer; returns at once. finish() writes all of it and waits
  // for the disk; when the disk refuses, the text is still shown and finish() may be called again.
  void append_text(std::string_view message_id, std::string_view text);
  base::Status finish(std::string_view message_id, const Finished& finished);

 private:
  struct State;
  explicit Conversations(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace chat
