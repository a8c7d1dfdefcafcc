#include "identity/identity.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>
#include "files/files.h"

namespace identity {
namespace {

using base::Code;

class IdentityTest : public testing::Test {
 protected:
  void SetUp() override {
    reopen();
    const auto founding = identity_->found("Example Lab", "Ada");
    ASSERT_TRUE(founding);
    founding_ = *founding;
  }
  void TearDown() override { identity_.reset(); }
  void reopen() {
    identity_.reset();
    auto opened = Identity::open((dir_ / "identity.db").string(), clock_);
    ASSERT_TRUE(opened) << opened.error().text();
    identity_ = std::move(*opened);
  }
  NewKey key(std::optional<base::Time> expires = {}) {
    auto made =
        identity_->create_key(founding_.owner.id, founding_.project.id, "first", {}, expires);
    EXPECT_TRUE(made) << made.error().text();
    return std::move(*made);
  }
  std::string reason_of_key(const base::Secret& secret) const {
    const auto caller = identity_->authenticate_key(secret.reveal());
    return caller ? "" : caller.error().reason;
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("identity-test");
  const std::filesystem::path dir_ = folder_.path();
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::unique_ptr<Identity> identity_;
  Identity::Founding founding_;
};

TEST_F(IdentityTest, FoundingHappensOnce) {
  EXPECT_TRUE(founding_.created);
  EXPECT_EQ(founding_.owner.role, Role::Owner);
  const auto again = identity_->found("Other", "Bob");
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->created);
  EXPECT_EQ(again->owner.id, founding_.owner.id);
  reopen();
  EXPECT_EQ(identity_->founding()->organisation.name, "Example Lab");
}

TEST_F(IdentityTest, KeyNamesItsCallerAlsoAfterRestart) {
  const NewKey made = key();
  EXPECT_TRUE(made.secret.reveal().starts_with("sk-charter-"));
  EXPECT_GE(made.secret.reveal().size(), 11u + 43u);
  EXPECT_TRUE(
      made.key.redacted.ends_with(made.secret.reveal().substr(made.secret.reveal().size() - 4)));
  for (int restart = 0; restart < 2; ++restart) {
    const auto caller = identity_->authenticate_key(made.secret.reveal());
    ASSERT_TRUE(caller);
    EXPECT_EQ(caller->user_id, founding_.owner.id);
    EXPECT_EQ(caller->org_id, founding_.organisation.id);
    EXPECT_EQ(caller->project_id, founding_.project.id);
    EXPECT_EQ(caller->key_id, made.key.id);
    EXPECT_EQ(caller->account, "2000:" + founding_.organisation.id);
    EXPECT_EQ(caller->role, Role::Owner);
    EXPECT_TRUE(caller->session_id.empty());
    reopen();
  }
}

TEST_F(IdentityTest, WrongKeysAreRefusedWithoutEchoingThem) {
  const NewKey made = key();
  std::string close(made.secret.reveal());
  close.back() = close.back() == 'a' ? 'b' : 'a';
  for (const std::string& bad :
       {std::string(), std::string("sk-charter-"), close, std::string(5000, 'x'),
        "sk-charter-" + std::string(5000, 'x'), made.key.redacted}) {
    const auto caller = identity_->authenticate_key(bad);
    ASSERT_FALSE(caller);
    EXPECT_EQ(caller.error().code, Code::Unauthenticated);
    EXPECT_EQ(caller.error().reason, "invalid_api_key");
    if (bad.size() > 11) EXPECT_EQ(caller.error().text().find(bad), std::string::npos);
  }
}

TEST_F(IdentityTest, RevocationCountsAtOnceAndStays) {
  const NewKey made = key();
  EXPECT_EQ(reason_of_key(made.secret), "");
  EXPECT_TRUE(identity_->revoke_key(made.key.id));
  EXPECT_EQ(reason_of_key(made.secret), "invalid_api_key");
  EXPECT_TRUE(identity_->revoke_key(made.key.id));
  reopen();
  EXPECT_EQ(reason_of_key(made.secret), "invalid_api_key");
  EXPECT_EQ(identity_->keys(founding_.organisation.id).front().revoked, clock_.now());
  const auto unknown = identity_->revoke_key("key_none");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, Code::NotFound);
}

TEST_F(IdentityTest, KeysExpire) {
  const NewKey made = key(clock_.now() + base::seconds(60));
  EXPECT_EQ(reason_of_key(made.secret), "");
  clock_.advance(base::seconds(60));
  EXPECT_EQ(reason_of_key(made.secret), "invalid_api_key");
  EXPECT_FALSE(
      identity_->create_key(founding_.owner.id, founding_.project.id, "late", {}, clock_.now()));
}

TEST_F(IdentityTest, KeysBelongToOneOrganisation) {
  EXPECT_FALSE(identity_->create_key("user_none", founding_.project.id, "x"));
  EXPECT_FALSE(identity_->create_key(founding_.owner.id, "proj_none", "x"));
  EXPECT_FALSE(identity_->create_key(founding_.owner.id, founding_.project.id, ""));
  EXPECT_FALSE(identity_->create_key(founding_.owner.id, founding_.project.id, "a\nb"));
  EXPECT_FALSE(identity_->create_key(founding_.owner.id, founding_.project.id, "\xff"));
  const auto scoped = identity_->create_key(founding_.owner.id, founding_.project.id, "读",
                                            {"model.read", "model.request"});
  ASSERT_TRUE(scoped);
  reopen();
  EXPECT_EQ(identity_->authenticate_key(scoped->secret.reveal())->scopes,
            (std::vector<std::string>{"model.read", "model.request"}));
  const auto misspelt =
      identity_->create_key(founding_.owner.id, founding_.project.id, "x", {"chat"});
  ASSERT_FALSE(misspelt);
  EXPECT_NE(misspelt.error().message.find("model.request"), std::string::npos);
}

TEST_F(IdentityTest, OwnerLinkSignsInOnceAndForADayOnly) {
  const auto link = identity_->create_owner_link(founding_.owner.id);
  ASSERT_TRUE(link);
  const auto session = identity_->redeem_owner_link(link->reveal(), "Browser/1.0");
  ASSERT_TRUE(session);
  const auto twice = identity_->redeem_owner_link(link->reveal(), "Browser/1.0");
  ASSERT_FALSE(twice);
  EXPECT_EQ(twice.error().reason, "invalid_owner_link");
  const auto caller = identity_->authenticate_session(session->token.reveal());
  ASSERT_TRUE(caller);
  EXPECT_EQ(caller->user_id, founding_.owner.id);
  EXPECT_EQ(caller->project_id, founding_.project.id);
  EXPECT_TRUE(caller->key_id.empty());

  const auto old = identity_->create_owner_link(founding_.owner.id);
  const auto newer = identity_->create_owner_link(founding_.owner.id);
  EXPECT_FALSE(identity_->redeem_owner_link(old->reveal(), ""))
      << "a new link replaces the one before";
  reopen();
  clock_.advance(base::seconds(24 * 3600));
  EXPECT_FALSE(identity_->redeem_owner_link(newer->reveal(), ""));
  EXPECT_FALSE(identity_->redeem_owner_link("", ""));
  EXPECT_FALSE(identity_->create_owner_link("user_none"));
}

TEST_F(IdentityTest, OneLinkGivesOneSessionHoweverManyTry) {
  const auto link = identity_->create_owner_link(founding_.owner.id);
  std::atomic<int> sessions{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 4; ++t)
      threads.emplace_back([&] {
        sessions += identity_->redeem_owner_link(link->reveal(), "race").has_value() ? 1 : 0;
      });
  }
  EXPECT_EQ(sessions, 1);
}

TEST_F(IdentityTest, SessionsAreListedEndedAndExpire) {
  const auto sign_in = [&] {
    return std::move(*identity_->redeem_owner_link(
        identity_->create_owner_link(founding_.owner.id)->reveal(), "B"));
  };
  const NewSession first = sign_in();
  const NewSession second = sign_in();
  EXPECT_EQ(identity_->sessions(founding_.owner.id).size(), 2u);
  EXPECT_TRUE(identity_->end_session(first.session.id));
  EXPECT_FALSE(identity_->authenticate_session(first.token.reveal()));
  EXPECT_FALSE(identity_->end_session(first.session.id));
  reopen();
  EXPECT_FALSE(identity_->authenticate_session(first.token.reveal()));
  ASSERT_TRUE(identity_->authenticate_session(second.token.reveal()));
  clock_.advance(base::seconds(30 * 24 * 3600));
  EXPECT_FALSE(identity_->authenticate_session(second.token.reveal()));
  const NewSession third = sign_in();
  EXPECT_TRUE(identity_->end_all_sessions(founding_.owner.id));
  EXPECT_FALSE(identity_->authenticate_session(third.token.reveal()));
  EXPECT_FALSE(identity_->authenticate_session(""));
}

TEST_F(IdentityTest, NoSecretIsOnTheDisk) {
  const NewKey made = key();
  const auto link = identity_->create_owner_link(founding_.owner.id);
  const auto unused = std::string(link->reveal());
  const auto session = identity_->redeem_owner_link(unused, "B");
  const auto second = identity_->create_owner_link(founding_.owner.id);
  for (const auto& entry : std::filesystem::directory_iterator(dir_)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(file), {}};
    for (const std::string_view secret : {made.secret.reveal().substr(11), std::string_view(unused),
                                          session->token.reveal(), second->reveal()})
      EXPECT_EQ(bytes.find(secret), std::string::npos) << entry.path();
  }
}

TEST_F(IdentityTest, PeopleProjectsAndLanguage) {
  clock_.advance(base::seconds(1));
  const auto user = identity_->create_user(founding_.organisation.id, "Bob", Role::Member);
  ASSERT_TRUE(user);
  EXPECT_TRUE(identity_->create_project(founding_.organisation.id, "Second"));
  EXPECT_FALSE(identity_->create_user("org_none", "Eve", Role::Member));
  EXPECT_TRUE(identity_->set_language(user->id, "zh-Hant"));
  EXPECT_FALSE(identity_->set_language(user->id, "xx"));
  reopen();
  EXPECT_EQ(identity_->find_user(user->id)->language, "zh-Hant");
  EXPECT_EQ(identity_->users(founding_.organisation.id).size(), 2u);
  EXPECT_EQ(identity_->projects(founding_.organisation.id).size(), 2u);
  EXPECT_EQ(identity_->founding()->project.id, founding_.project.id);
}

}  // namespace
}  // namespace identity
