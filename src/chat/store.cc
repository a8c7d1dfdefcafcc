#include "chat/store.h"

namespace chat {
namespace {

using base::Code;

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE conversations(
  id TEXT PRIMARY KEY, user TEXT NOT NULL, title TEXT NOT NULL, created INTEGER NOT NULL, updated INTEGER NOT NULL) STRICT;
CREATE INDEX conversations_by_user ON conversations(user, updated DESC, id DESC);
CREATE TABLE messages(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  id TEXT NOT NULL UNIQUE,
  conversation TEXT NOT NULL REFERENCES conversations(id) ON DELETE CASCADE,
  parent TEXT NOT NULL,            -- '': the first
  role INTEGER NOT NULL,
  content TEXT NOT NULL,
  model TEXT NOT NULL,
  release TEXT NOT NULL,
  status INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cost_usd TEXT NOT NULL,
  finish_reason TEXT NOT NULL,
  error TEXT NOT NULL,
  created INTEGER NOT NULL
) STRICT;
CREATE INDEX messages_by_conversation ON messages(conversation, seq);
CREATE INDEX messages_partial ON messages(status) WHERE status = 0;
)sql"};

constexpr std::string_view kColumns =
    "id, conversation, parent, role, content, model, release, status, prompt_tokens, "
    "completion_tokens, cost_usd,"
    " finish_reason, error, created";

Message read_message(const db::Statement& r) {
  return {.id = r.text(0),
          .conversation_id = r.text(1),
          .parent_id = r.text(2),
          .role = static_cast<MessageRole>(r.integer(3)),
          .content = r.text(4),
          .model = r.text(5),
          .release_id = r.text(6),
          .status = static_cast<MessageStatus>(r.integer(7)),
          .prompt_tokens = r.integer(8),
          .completion_tokens = r.integer(9),
          .cost_usd = r.text(10),
          .finish_reason = r.text(11),
          .error = r.text(12),
          .created = {r.integer(13)}};
}

base::Result<std::vector<Message>> read_messages(db::Statement rows) {
  std::vector<Message> messages;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return messages;
    messages.push_back(read_message(rows));
  }
}

Conversation read_conversation(const db::Statement& r) {
  return {r.text(0), r.text(1), r.text(2), {r.integer(3)}, {r.integer(4)}};
}

}  // namespace

base::Status prepare_schema(db::Database& database) { return database.migrate(kSchema); }

std::unexpected<base::Error> conversation_not_found(std::string_view id) {
  return base::fail(Code::NotFound, "there is no such conversation; it may have been deleted",
                    std::string(id.substr(0, 100)), "conversation_not_found");
}

std::unexpected<base::Error> message_not_found(std::string_view id) {
  return base::fail(Code::NotFound, "there is no such message in this conversation",
                    std::string(id.substr(0, 100)), "message_not_found");
}

base::Result<Conversation> load_conversation(db::Database& database, std::string_view user_id,
                                             std::string_view id) {
  TRY(db::Statement rows,
      database.query(
          "SELECT id, user, title, created, updated FROM conversations WHERE id = ? AND user = ?",
          id, user_id));
  TRY(const bool there, rows.step());
  if (!there) return conversation_not_found(id);
  return read_conversation(rows);
}

base::Result<std::vector<Conversation>> load_page(db::Database& database, std::string_view user_id,
                                                  int64_t limit,
                                                  const Conversations::Cursor& after) {
  TRY(db::Statement rows,
      database.query("SELECT id, user, title, created, updated FROM conversations WHERE user = ?"
                     " AND (updated, id) < (?, ?) ORDER BY updated DESC, id DESC LIMIT ?",
                     user_id, after.updated.ns, after.id, limit));
  std::vector<Conversation> page;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return page;
    page.push_back(read_conversation(rows));
  }
}

base::Result<Message> load_message(db::Database& database, std::string_view conversation_id,
                                   std::string_view id) {
  TRY(db::Statement rows, database.query("SELECT " + std::string(kColumns) +
                                             " FROM messages WHERE id = ? AND conversation = ?",
                                         id, conversation_id));
  TRY(const bool there, rows.step());
  if (!there) return message_not_found(id);
  return read_message(rows);
}

base::Result<std::vector<Message>> load_messages(db::Database& database,
                                                 std::string_view conversation_id) {
  TRY(db::Statement rows, database.query("SELECT " + std::string(kColumns) +
                                             " FROM messages WHERE conversation = ? ORDER BY seq",
                                         conversation_id));
  return read_messages(std::move(rows));
}

base::Result<std::vector<Message>> load_path(db::Database& database,
                                             std::string_view conversation_id,
                                             std::string_view id) {
  // A parent is always older than its child, so the order of arrival is the way down from the root.
  TRY(db::Statement rows,
      database.query("WITH RECURSIVE up AS (SELECT * FROM messages WHERE id = ?1 AND conversation "
                     "= ?2 UNION ALL"
                     " SELECT m.* FROM messages m JOIN up ON m.id = up.parent) SELECT " +
                         std::string(kColumns) + " FROM up ORDER BY seq",
                     id, conversation_id));
  TRY(std::vector<Message> path, read_messages(std::move(rows)));
  if (path.empty()) return message_not_found(id);
  return path;
}

base::Result<std::string> newest_message_id(db::Database& database,
                                            std::string_view conversation_id) {
  TRY(db::Statement rows,
      database.query("SELECT id FROM messages WHERE conversation = ? ORDER BY seq DESC LIMIT 1",
                     conversation_id));
  TRY(const bool there, rows.step());
  return there ? rows.text(0) : std::string();
}

base::Result<int64_t> count_messages(db::Database& database, std::string_view conversation_id) {
  TRY(db::Statement rows,
      database.query("SELECT count(*) FROM messages WHERE conversation = ?", conversation_id));
  TRY(const bool there, rows.step());
  return there ? rows.integer(0) : 0;
}

base::Status insert(db::Database& database, const Conversation& row) {
  return database.run("INSERT INTO conversations VALUES(?,?,?,?,?)", row.id, row.user_id, row.title,
                      row.created.ns, row.updated.ns);
}

base::Status insert(db::Database& database, const Message& row) {
  return database.run(
      "INSERT INTO messages(" + std::string(kColumns) + ") VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
      row.id, row.conversation_id, row.parent_id, static_cast<int>(row.role), row.content,
      row.model, row.release_id, static_cast<int>(row.status), row.prompt_tokens,
      row.completion_tokens, row.cost_usd, row.finish_reason, row.error, row.created.ns);
}

base::Status touch(db::Database& database, std::string_view conversation_id, base::Time updated) {
  return database.run("UPDATE conversations SET updated = ? WHERE id = ?", updated.ns,
                      conversation_id);
}

}  // namespace chat
