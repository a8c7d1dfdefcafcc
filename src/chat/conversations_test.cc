#include "chat/conversations.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <set>
#include <thread>

#include "db/database.h"
#include "files/files.h"

namespace chat {
namespace {

using base::Code;

class ChatTest : public testing::Test {
 protected:
  void SetUp() override { reopen(); }
  void TearDown() override { chat_.reset(); }
  void reopen(const Limits& limits = {}) {
    chat_.reset();
    auto opened = Conversations::open(path(), clock_, limits);
    ASSERT_TRUE(opened) << opened.error().text();
    chat_ = std::move(*opened);
  }
  std::string path() const { return (dir_ / "chat.db").string(); }
  Conversations::Turn ask(const std::string& id, std::string_view text,
                          std::string_view parent = {}) {
    auto turn = chat_->ask("ada", id, text, "chat", parent);
    EXPECT_TRUE(turn) << turn.error().text();
    clock_.advance(base::milliseconds(1));
    return std::move(*turn);
  }
  std::string content_on_disk(const std::string& message_id) {
    auto reader = db::Database::open_readonly(path());
    auto rows = reader->query("SELECT content FROM messages WHERE id = ?", message_id);
    return rows && *rows->step() ? rows->text(0) : "(none)";
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("chat-test");
  const std::filesystem::path dir_ = folder_.path();
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::unique_ptr<Conversations> chat_;
};

TEST_F(ChatTest, AnswerStreamsAndEnds) {
  const auto conversation = chat_->create("ada", "");
  ASSERT_TRUE(conversation);
  const auto turn = ask(conversation->id, "  What is 2+2?\nPlease.");
  EXPECT_EQ(turn.assistant.parent_id, turn.user.id);
  EXPECT_EQ(turn.assistant.status, MessageStatus::Partial);
  chat_->append_text(turn.assistant.id, "It is ");
  chat_->append_text(turn.assistant.id, "4.");
  EXPECT_EQ(chat_->messages("ada", conversation->id)->back().content, "It is 4.")
      << "what streams is seen at once";
  ASSERT_TRUE(chat_->finish(turn.assistant.id, {.finish_reason = "stop",
                                                .release_id = "rel_1",
                                                .prompt_tokens = 9,
                                                .completion_tokens = 3,
                                                .cost_usd = "0.00018"}));
  chat_->append_text(turn.assistant.id, "never seen");
  reopen();
  const auto messages = chat_->messages("ada", conversation->id);
  ASSERT_EQ(messages->size(), 2u);
  const Message& answer = messages->back();
  EXPECT_EQ(answer.content, "It is 4.");
  EXPECT_EQ(answer.status, MessageStatus::Complete);
  EXPECT_EQ(answer.model, "chat");
  EXPECT_EQ(answer.release_id, "rel_1");
  EXPECT_EQ(answer.completion_tokens, 3);
  EXPECT_EQ(answer.cost_usd, "0.00018");
  EXPECT_EQ(chat_->get("ada", conversation->id)->title, "What is 2+2?");
}

TEST_F(ChatTest, TextIsWrittenOnceASecondAndACrashKeepsIt) {
  const auto conversation = chat_->create("ada", "t");
  const auto turn = ask(conversation->id, "hi");
  chat_->append_text(turn.assistant.id, "one ");
  EXPECT_EQ(content_on_disk(turn.assistant.id), "");
  clock_.advance(base::seconds(1));
  chat_->append_text(turn.assistant.id, "two ");
  chat_->append_text(turn.assistant.id, "three");
  reopen();  // without finish(): as after a crash
  const auto answer = chat_->message("ada", conversation->id, turn.assistant.id);
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->content, "one two ");
  EXPECT_EQ(answer->status, MessageStatus::Stopped);
}

TEST_F(ChatTest, NobodyElseSeesAConversation) {
  const auto conversation = chat_->create("ada", "secret");
  const auto turn = ask(conversation->id, "q");
  const std::string& id = conversation->id;
  const auto refused = [](const auto& result) {
    return !result && result.error().code == Code::NotFound &&
           result.error().reason == "conversation_not_found";
  };
  EXPECT_TRUE(refused(chat_->get("bob", id)));
  EXPECT_TRUE(refused(chat_->messages("bob", id)));
  EXPECT_TRUE(refused(chat_->message("bob", id, turn.user.id)));
  EXPECT_TRUE(refused(chat_->path("bob", id, turn.user.id)));
  EXPECT_TRUE(refused(chat_->rename("bob", id, "mine")));
  EXPECT_TRUE(refused(chat_->remove("bob", id)));
  EXPECT_TRUE(refused(chat_->ask("bob", id, "q", "chat")));
  EXPECT_TRUE(refused(chat_->regenerate("bob", id, turn.assistant.id, "chat")));
  EXPECT_TRUE(chat_->list("bob", 10)->empty());
  const auto own = chat_->create("bob", "");
  const auto foreign = chat_->ask("bob", own->id, "q", "chat", turn.assistant.id);
  ASSERT_FALSE(foreign);
  EXPECT_EQ(foreign.error().reason, "message_not_found");
  EXPECT_EQ(chat_->message("bob", own->id, turn.user.id).error().reason, "message_not_found");
  EXPECT_EQ(chat_->path("bob", own->id, turn.user.id).error().reason, "message_not_found");
  EXPECT_EQ(chat_->get("ada", id)->title, "secret");
}

TEST_F(ChatTest, BranchesAreSiblingsAndPathsLeadToTheRoot) {
  const auto conversation = chat_->create("ada", "");
  const std::string& id = conversation->id;
  const auto first = ask(id, "first");
  const auto second = ask(id, "second");
  EXPECT_EQ(second.user.parent_id, first.assistant.id);
  const auto edited = ask(id, "second, edited", first.assistant.id);
  const auto other_start = ask(id, "another start", Conversations::kRoot);
  EXPECT_EQ(other_start.user.parent_id, "");
  const auto again = chat_->regenerate("ada", id, second.assistant.id, "solver");
  ASSERT_TRUE(again);
  EXPECT_EQ(again->parent_id, second.user.id);
  EXPECT_EQ(again->model, "solver");
  EXPECT_FALSE(chat_->regenerate("ada", id, second.user.id, "chat"));
  const auto path = chat_->path("ada", id, again->id);
  ASSERT_TRUE(path);
  std::vector<std::string> ids;
  for (const Message& message : *path) ids.push_back(message.id);
  EXPECT_EQ(ids, (std::vector{first.user.id, first.assistant.id, second.user.id, again->id}));
  EXPECT_EQ(chat_->path("ada", id, edited.assistant.id)->size(), 4u);
  EXPECT_EQ(chat_->messages("ada", id)->size(), 9u);
}

TEST_F(ChatTest, ListIsNewestFirstAndPaged) {
  std::vector<std::string> ids;
  for (int i = 0; i < 7; ++i) {
    ids.push_back(chat_->create("ada", "c" + std::to_string(i))->id);
    if (i % 2 == 0) clock_.advance(base::seconds(1));  // some share their moment
  }
  ask(ids[0], "this one moves up");
  const auto first = chat_->list("ada", 3);
  ASSERT_EQ(first->size(), 3u);
  EXPECT_EQ(first->front().id, ids[0]);
  std::set<std::string> seen;
  Conversations::Cursor cursor;
  for (;;) {
    const auto page = chat_->list("ada", 3, cursor);
    ASSERT_TRUE(page);
    if (page->empty()) break;
    for (const auto& row : *page) EXPECT_TRUE(seen.insert(row.id).second);
    cursor = {page->back().updated, page->back().id};
  }
  EXPECT_EQ(seen.size(), 7u);
}

TEST_F(ChatTest, RenameAndRemove) {
  const auto conversation = chat_->create("ada", "old");
  const auto turn = ask(conversation->id, "q");
  EXPECT_TRUE(chat_->rename("ada", conversation->id, "新的標題"));
  EXPECT_EQ(chat_->get("ada", conversation->id)->title, "新的標題");
  EXPECT_FALSE(chat_->rename("ada", conversation->id, ""));
  EXPECT_TRUE(chat_->remove("ada", conversation->id));
  EXPECT_FALSE(chat_->get("ada", conversation->id));
  EXPECT_EQ(content_on_disk(turn.user.id), "(none)") << "its messages go with it";
  chat_->append_text(turn.assistant.id, "late");
  const auto late = chat_->finish(turn.assistant.id, {});
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().reason, "message_not_found");
  EXPECT_FALSE(chat_->remove("ada", conversation->id));
}

TEST_F(ChatTest, LimitsAreSaid) {
  reopen({.title_bytes_max = 10, .content_bytes_max = 20, .messages_max = 4});
  EXPECT_EQ(chat_->create("ada", "much too long").error().code, Code::TooLarge);
  const auto conversation = chat_->create("ada", "ok");
  EXPECT_EQ(chat_->ask("ada", conversation->id, std::string(21, 'x'), "chat").error().code,
            Code::TooLarge);
  EXPECT_EQ(chat_->ask("ada", conversation->id, "\xff", "chat").error().code,
            Code::InvalidArgument);
  EXPECT_EQ(chat_->ask("ada", conversation->id, "", "chat").error().code, Code::InvalidArgument);
  ask(conversation->id, "1");
  const auto second = ask(conversation->id, "2");
  EXPECT_EQ(chat_->ask("ada", conversation->id, "3", "chat").error().reason,
            "conversation_too_long");
  EXPECT_EQ(chat_->regenerate("ada", conversation->id, second.assistant.id, "chat").error().reason,
            "conversation_too_long");
}

TEST_F(ChatTest, ManyStreamsAtOnce) {
  const auto conversation = chat_->create("ada", "t");
  std::vector<std::string> answers;
  for (int i = 0; i < 4; ++i)
    answers.push_back(ask(conversation->id, "q" + std::to_string(i)).assistant.id);
  {
    std::vector<std::jthread> threads;
    for (const std::string& id : answers)
      threads.emplace_back([&, id] {
        for (int i = 0; i < 200; ++i) chat_->append_text(id, "字");
        EXPECT_TRUE(chat_->finish(id, {.finish_reason = "stop"}));
      });
  }
  for (const std::string& id : answers)
    EXPECT_EQ(chat_->message("ada", conversation->id, id)->content.size(), 600u);
}

}  // namespace
}  // namespace chat
