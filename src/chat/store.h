// The rows of chat.db. Included only by the .cc files of this folder.
#pragma once

#include <vector>

#include "chat/conversations.h"
#include "db/database.h"

namespace chat {

base::Status prepare_schema(db::Database& database);
std::unexpected<base::Error> conversation_not_found(std::string_view id);
std::unexpected<base::Error> message_not_found(std::string_view id);

base::Result<Conversation> load_conversation(db::Database& database, std::string_view user_id,
                                             std::string_view id);
base::Result<std::vector<Conversation>> load_page(db::Database& database, std::string_view user_id,
                                                  int64_t limit,
                                                  const Conversations::Cursor& after);
base::Result<Message> load_message(db::Database& database, std::string_view conversation_id,
                                   std::string_view id);
base::Result<std::vector<Message>> load_messages(db::Database& database,
                                                 std::string_view conversation_id);
base::Result<std::vector<Message>> load_path(db::Database& database,
                                             std::string_view conversation_id, std::string_view id);
base::Result<std::string> newest_message_id(db::Database& database,
                                            std::string_view conversation_id);  // may be empty
base::Result<int64_t> count_messages(db::Database& database, std::string_view conversation_id);

base::Status insert(db::Database& database, const Conversation& row);
base::Status insert(db::Database& database, const Message& row);
base::Status touch(db::Database& database, std::string_view conversation_id, base::Time updated);

}  // namespace chat
