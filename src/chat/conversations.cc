#include "chat/conversations.h"

#include <algorithm>
#include <map>
#include <mutex>

#include "base/log.h"
#include "base/utf8.h"
#include "chat/store.h"
#include "crypto/random.h"
#include "db/writer.h"

namespace chat {
namespace {

using base::Code;

constexpr int64_t kPageMax = 100;
constexpr size_t kAutoTitleCharacters = 60;
constexpr base::Duration kWriteEvery = base::seconds(1);

std::string title_from(std::string_view content) {
  const size_t start = content.find_first_not_of(" \t\r\n");
  if (start == std::string_view::npos) return {};
  const std::string_view line = content.substr(start, content.find_first_of("\r\n", start) - start);
  size_t at = 0;
  for (size_t count = 0; count < kAutoTitleCharacters && at < line.size(); ++count)
    base::next_code_point(line, &at);
  return std::string(line.substr(0, at));
}

base::Status check_text(std::string_view text, std::string_view field, size_t bytes_max) {
  if (text.size() > bytes_max)
    return base::fail(Code::TooLarge,
                      "the " + std::string(field) + " has " + std::to_string(text.size()) +
                          " bytes, and at most " + std::to_string(bytes_max) +
                          " are kept; shorten it",
                      std::string(field), "text_too_large");
  if (!base::is_utf8(text))
    return base::fail(Code::InvalidArgument, "the " + std::string(field) + " is not UTF-8",
                      std::string(field), "bad_text");
  return {};
}

}  // namespace

std::string_view role_name(MessageRole role) {
  switch (role) {
    case MessageRole::System:
      return "system";
    case MessageRole::User:
      return "user";
    case MessageRole::Assistant:
      return "assistant";
  }
  return "user";
}

std::string_view status_name(MessageStatus status) {
  switch (status) {
    case MessageStatus::Partial:
      return "partial";
    case MessageStatus::Complete:
      return "complete";
    case MessageStatus::Stopped:
      return "stopped";
    case MessageStatus::Error:
      return "error";
  }
  return "error";
}

struct Conversations::State {
  State(const base::Clock& the_clock, const Limits& the_limits, db::Database database)
      : clock(the_clock),
        limits(the_limits),
        readers(database.path()),
        writer(std::move(database)) {}

  // An answer that is being written.
  struct Live {
    std::string text;
    base::Time written;
  };

  Message new_answer(const std::string& conversation_id, const std::string& parent_id,
                     std::string_view model) const {
    return {.id = crypto::random_id("msg_"),
            .conversation_id = conversation_id,
            .parent_id = parent_id,
            .role = MessageRole::Assistant,
            .model = std::string(model),
            .status = MessageStatus::Partial,
            .created = clock.now()};
  }
  void start_live(const std::string& message_id) {
    std::lock_guard lock(mutex);
    live[message_id].written = clock.now();
  }
  void show_live(Message* message) const {
    if (message->status != MessageStatus::Partial) return;
    std::lock_guard lock(mutex);
    if (const auto found = live.find(message->id); found != live.end())
      message->content = found->second.text;
  }
  template <class Read>
  auto read(std::string_view user_id, std::string_view conversation_id, const Read& job) const
      -> std::invoke_result_t<Read, db::Database&> {
    std::invoke_result_t<Read, db::Database&> out = conversation_not_found(conversation_id);
    TRY_VOID(readers.read([&](db::Database& database) -> base::Status {
      TRY_VOID(load_conversation(database, user_id, conversation_id));
      out = job(database);
      return {};
    }));
    return out;
  }

  const base::Clock& clock;
  const Limits limits;
  mutable std::mutex mutex;
  std::map<std::string, Live, std::less<>> live;  // guarded by mutex; by message id
  mutable db::ReadPool readers;
  db::Writer writer;
};

Conversations::Conversations(std::unique_ptr<State> state) : state_(std::move(state)) {}
Conversations::~Conversations() = default;

base::Result<std::unique_ptr<Conversations>> Conversations::open(const std::string& path,
                                                                 const base::Clock& clock,
                                                                 const Limits& limits) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Normal}));
  TRY_VOID(prepare_schema(database));
  TRY_VOID(database.run("UPDATE messages SET status = ? WHERE status = ?",
                        static_cast<int>(MessageStatus::Stopped),
                        static_cast<int>(MessageStatus::Partial)));
  return std::unique_ptr<Conversations>(
      new Conversations(std::make_unique<State>(clock, limits, std::move(database))));
}

base::Result<Conversation> Conversations::create(std::string_view user_id, std::string_view title) {
  TRY_VOID(check_text(title, "title", state_->limits.title_bytes_max));
  const base::Time now = state_->clock.now();
  const Conversation made{crypto::random_id("conv_"), std::string(user_id), std::string(title), now,
                          now};
  TRY_VOID(state_->writer.run([&](db::Database& database) { return insert(database, made); }));
  return made;
}

base::Result<std::vector<Conversation>> Conversations::list(std::string_view user_id, int64_t limit,
                                                            const Cursor& after) const {
  std::vector<Conversation> page;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(page, load_page(database, user_id, std::clamp<int64_t>(limit, 1, kPageMax), after));
    return {};
  }));
  return page;
}

base::Result<Conversation> Conversations::get(std::string_view user_id,
                                              std::string_view conversation_id) const {
  return state_->read(user_id, conversation_id, [&](db::Database& database) {
    return load_conversation(database, user_id, conversation_id);
  });
}

base::Status Conversations::rename(std::string_view user_id, std::string_view conversation_id,
                                   std::string_view title) {
  TRY_VOID(check_text(title, "title", state_->limits.title_bytes_max));
  if (title.empty())
    return base::fail(Code::InvalidArgument, "a conversation needs a title", "title", "bad_text");
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(database.run("UPDATE conversations SET title = ? WHERE id = ? AND user = ?", title,
                          conversation_id, user_id));
    if (database.changes() == 0) return conversation_not_found(conversation_id);
    return {};
  });
}

base::Status Conversations::remove(std::string_view user_id, std::string_view conversation_id) {
  return state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(database.run("DELETE FROM conversations WHERE id = ? AND user = ?", conversation_id,
                          user_id));
    if (database.changes() == 0) return conversation_not_found(conversation_id);
    return {};
  });
}

base::Result<std::vector<Message>> Conversations::messages(std::string_view user_id,
                                                           std::string_view conversation_id) const {
  TRY(std::vector<Message> all, state_->read(user_id, conversation_id, [&](db::Database& database) {
    return load_messages(database, conversation_id);
  }));
  for (Message& message : all) state_->show_live(&message);
  return all;
}

base::Result<Message> Conversations::message(std::string_view user_id,
                                             std::string_view conversation_id,
                                             std::string_view message_id) const {
  TRY(Message one, state_->read(user_id, conversation_id, [&](db::Database& database) {
    return load_message(database, conversation_id, message_id);
  }));
  state_->show_live(&one);
  return one;
}

base::Result<std::vector<Message>> Conversations::path(std::string_view user_id,
                                                       std::string_view conversation_id,
                                                       std::string_view message_id) const {
  TRY(std::vector<Message> all, state_->read(user_id, conversation_id, [&](db::Database& database) {
    return load_path(database, conversation_id, message_id);
  }));
  for (Message& message : all) state_->show_live(&message);
  return all;
}

base::Result<Conversations::Turn> Conversations::ask(std::string_view user_id,
                                                     std::string_view conversation_id,
                                                     std::string_view content,
                                                     std::string_view model,
                                                     std::string_view parent_id) {
  TRY_VOID(check_text(content, "content", state_->limits.content_bytes_max));
  if (content.empty())
    return base::fail(Code::InvalidArgument, "a message needs a text", "content", "bad_text");
  Turn turn;
  turn.user = {.id = crypto::random_id("msg_"),
               .conversation_id = std::string(conversation_id),
               .parent_id = std::string(parent_id == kRoot ? "" : parent_id),
               .role = MessageRole::User,
               .content = std::string(content),
               .created = state_->clock.now()};
  turn.assistant = state_->new_answer(turn.user.conversation_id, turn.user.id, model);
  state_->start_live(turn.assistant.id);
  const base::Status written = state_->writer.run([&](db::Database& database) -> base::Status {
    TRY(const Conversation conversation, load_conversation(database, user_id, conversation_id));
    TRY(const int64_t count, count_messages(database, conversation_id));
    if (count + 2 > state_->limits.messages_max)
      return base::fail(Code::TooLarge,
                        "this conversation has reached its limit of messages; start a new one",
                        std::string(conversation_id), "conversation_too_long");
    if (parent_id.empty()) {
      TRY(turn.user.parent_id, newest_message_id(database, conversation_id));
    } else if (parent_id != kRoot) {
      TRY_VOID(load_message(database, conversation_id, parent_id));
    }
    TRY_VOID(insert(database, turn.user));
    TRY_VOID(insert(database, turn.assistant));
    if (conversation.title.empty())
      TRY_VOID(database.run("UPDATE conversations SET title = ? WHERE id = ?", title_from(content),
                            conversation_id));
    return touch(database, conversation_id, turn.user.created);
  });
  if (!written) {
    std::lock_guard lock(state_->mutex);
    state_->live.erase(turn.assistant.id);
    return std::unexpected(written.error());
  }
  return turn;
}

base::Result<Message> Conversations::regenerate(std::string_view user_id,
                                                std::string_view conversation_id,
                                                std::string_view assistant_message_id,
                                                std::string_view model) {
  Message answer = state_->new_answer(std::string(conversation_id), "", model);
  state_->start_live(answer.id);
  const base::Status written = state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(load_conversation(database, user_id, conversation_id));
    TRY(const Message before, load_message(database, conversation_id, assistant_message_id));
    if (before.role != MessageRole::Assistant)
      return base::fail(Code::InvalidArgument, "only an answer can be generated again",
                        "message_id", "not_an_answer");
    TRY(const int64_t count, count_messages(database, conversation_id));
    if (count + 1 > state_->limits.messages_max)
      return base::fail(Code::TooLarge,
                        "this conversation has reached its limit of messages; start a new one",
                        std::string(conversation_id), "conversation_too_long");
    answer.parent_id = before.parent_id;
    TRY_VOID(insert(database, answer));
    return touch(database, conversation_id, answer.created);
  });
  if (!written) {
    std::lock_guard lock(state_->mutex);
    state_->live.erase(answer.id);
    return std::unexpected(written.error());
  }
  return answer;
}

void Conversations::append_text(std::string_view message_id, std::string_view text) {
  const base::Time now = state_->clock.now();
  std::string snapshot;
  {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->live.find(message_id);
    if (found == state_->live.end()) return;  // finished, or its conversation is gone
    State::Live& live = found->second;
    live.text += text;
    if ((now - live.written) < kWriteEvery) return;
    live.written = now;
    snapshot = live.text;
  }
  state_->writer.submit(
      [snapshot = std::move(snapshot), id = std::string(message_id)](db::Database& database) {
        return database.run("UPDATE messages SET content = ? WHERE id = ? AND status = ?", snapshot,
                            id, static_cast<int>(MessageStatus::Partial));
      },
      [](const base::Status& status) {
        if (!status)
          base::log(base::Level::Warn, "partial answer not written",
                    {{"error", status.error().text()}});
      });
}

base::Status Conversations::finish(std::string_view message_id, const Finished& finished) {
  std::string text;
  {
    std::lock_guard lock(state_->mutex);
    const auto found = state_->live.find(message_id);
    if (found == state_->live.end()) return message_not_found(message_id);
    text = found->second.text;
  }
  bool gone = false;
  TRY_VOID(state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(
        database.run("UPDATE messages SET content = ?, status = ?, finish_reason = ?, release = ?, "
                     "prompt_tokens = ?,"
                     " completion_tokens = ?, cost_usd = ?, error = ? WHERE id = ?",
                     text, static_cast<int>(finished.status), finished.finish_reason,
                     finished.release_id, finished.prompt_tokens, finished.completion_tokens,
                     finished.cost_usd, finished.error, message_id));
    gone = database.changes() == 0;
    return database.run(
        "UPDATE conversations SET updated = ? WHERE id = (SELECT conversation FROM messages WHERE "
        "id = ?)",
        state_->clock.now().ns, message_id);
  }));
  std::lock_guard lock(state_->mutex);
  if (const auto found = state_->live.find(message_id); found != state_->live.end())
    state_->live.erase(found);
  if (gone) return message_not_found(message_id);
  return {};
}

}  // namespace chat
