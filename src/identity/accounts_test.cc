// Projects, people, kinds of keys, second factors, limits, the audit trail; and files of an older
// Charter.
#include <gtest/gtest.h>

#include "crypto/random.h"
#include "files/files.h"
#include "identity/store.h"
#include "identity/totp.h"

namespace identity {
namespace {

using base::Code;

class AccountsTest : public testing::Test {
 protected:
  void SetUp() override {
    reopen();
    founding_ = identity_->found("Lab", "Ada").value();
    clock_.advance(base::seconds(1));
  }
  void reopen() {
    identity_.reset();
    identity_ = Identity::open(path(), clock_).value();
  }
  std::string path() const { return files::join(folder_.path(), "identity.db"); }
  const std::string& org() const { return founding_.organisation.id; }
  NewKey key(KeyKind kind, const std::string& owner, const std::string& project) {
    auto made = identity_->create_key(KeyRequest{kind, owner, project, "k", {}, {}});
    EXPECT_TRUE(made) << made.error().text();
    return *std::move(made);
  }
  bool works(const NewKey& made) {
    return identity_->authenticate_key(made.secret.reveal()).has_value();
  }
  User member(std::string_view email = "") {
    return identity_->create_user(org(), "Bob", Role::Member, email).value();
  }
  NewSession sign_in(const std::string& user) {
    return identity_->redeem_owner_link(identity_->create_owner_link(user)->reveal(), "B").value();
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("accounts-test");
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::unique_ptr<Identity> identity_;
  Identity::Founding founding_;
};

TEST_F(AccountsTest, EveryKindOfKeyHasItsPrefixAndRights) {
  const std::string project = identity_->create_project(org(), "P")->id;
  const auto service = identity_->create_service_account(project, "ci", ProjectRole::Member);
  const NewKey user = key(KeyKind::User, founding_.owner.id, project);
  const NewKey proj = key(KeyKind::Project, founding_.owner.id, project);
  const NewKey svc = key(KeyKind::Service, service->id, "");
  const NewKey admin = key(KeyKind::Admin, founding_.owner.id, "");
  EXPECT_TRUE(user.secret.reveal().starts_with("sk-charter-"));
  EXPECT_TRUE(proj.secret.reveal().starts_with("sk-proj-"));
  EXPECT_TRUE(svc.secret.reveal().starts_with("sk-svcacct-"));
  EXPECT_TRUE(admin.secret.reveal().starts_with("sk-admin-"));
  EXPECT_EQ(identity_->authenticate_key(user.secret.reveal())->role, Role::Owner);
  EXPECT_EQ(identity_->authenticate_key(proj.secret.reveal())->role, Role::Member);
  const Caller program = *identity_->authenticate_key(svc.secret.reveal());
  EXPECT_EQ(program.user_id, service->id);
  EXPECT_EQ(program.project_id, project);
  EXPECT_EQ(identity_->authenticate_key(admin.secret.reveal())->key_kind, KeyKind::Admin);

  ASSERT_TRUE(identity_->archive_project(project));
  EXPECT_FALSE(works(user) || works(proj) || works(svc));
  EXPECT_TRUE(works(admin));
  EXPECT_FALSE(identity_->archive_project(founding_.project.id)) << "the first one stays";
}

TEST_F(AccountsTest, RotationKeepsTheOldSecretForItsGraceOnly) {
  const NewKey first = key(KeyKind::User, founding_.owner.id, founding_.project.id);
  const NewKey second = *identity_->rotate_key(first.key.id, base::seconds(3600));
  EXPECT_EQ(second.key.id, first.key.id);
  EXPECT_TRUE(works(first) && works(second));
  const NewKey third = *identity_->rotate_key(first.key.id, base::seconds(7200));
  reopen();
  clock_.advance(base::seconds(3599));
  EXPECT_TRUE(works(first) && works(second) && works(third));
  clock_.advance(base::seconds(1));
  EXPECT_FALSE(works(first)) << "a later rotation gives no more time";
  EXPECT_TRUE(works(second) && works(third));
  reopen();
  EXPECT_FALSE(works(first));
  ASSERT_TRUE(identity_->revoke_key(first.key.id));
  EXPECT_FALSE(works(second) || works(third));
  EXPECT_FALSE(identity_->rotate_key(first.key.id, {}));
}

TEST_F(AccountsTest, MembersUseTheirProjectsOnly) {
  const User bob = member("Bob@Example.com");
  EXPECT_EQ(bob.email, "bob@example.com");
  EXPECT_EQ(identity_->create_user(org(), "B", Role::Member, "BOB@example.com").error().code,
            Code::AlreadyExists);
  const std::string project = identity_->create_project(org(), "P")->id;
  const KeyRequest request{KeyKind::User, bob.id, project, "k", {}, {}};
  EXPECT_EQ(identity_->create_key(request).error().code, Code::PermissionDenied);
  EXPECT_EQ(identity_->create_key({KeyKind::Admin, bob.id, "", "k", {}, {}}).error().code,
            Code::PermissionDenied);
  ASSERT_TRUE(identity_->set_member(project, bob.id, ProjectRole::Owner));
  const NewKey made = *identity_->create_key(request);
  const NewKey of_default = key(KeyKind::User, bob.id, founding_.project.id);
  ASSERT_TRUE(identity_->remove_member(project, bob.id));
  EXPECT_FALSE(works(made));
  EXPECT_TRUE(works(of_default));
  const NewSession session = sign_in(bob.id);
  ASSERT_TRUE(identity_->remove_user(bob.id));
  EXPECT_FALSE(works(of_default));
  EXPECT_FALSE(identity_->authenticate_session(session.token.reveal()));
  EXPECT_FALSE(identity_->create_owner_link(bob.id));
  reopen();
  EXPECT_FALSE(works(of_default));
  EXPECT_EQ(identity_->users(org()).size(), 1u);
}

TEST_F(AccountsTest, ThereIsAlwaysAnOwner) {
  EXPECT_EQ(identity_->set_role(founding_.owner.id, Role::Member).error().reason, "LAST_OWNER");
  EXPECT_EQ(identity_->remove_user(founding_.owner.id).error().reason, "LAST_OWNER");
  const User bob = member();
  ASSERT_TRUE(identity_->set_role(bob.id, Role::Owner));
  const NewKey admin = key(KeyKind::Admin, founding_.owner.id, "");
  ASSERT_TRUE(identity_->set_role(founding_.owner.id, Role::Member));
  EXPECT_FALSE(works(admin)) << "who is no administrator has no admin key";
}

TEST_F(AccountsTest, AnInvitationIsAcceptedOnce) {
  const std::string project = identity_->create_project(org(), "P")->id;
  const Actor by{ActorKind::Session, "sess_1", founding_.owner.id, "10.0.0.1", "B", "req_1"};
  auto made = identity_->invite(
      {org(), "eve@example.com", Role::Admin, {{project, ProjectRole::Member}}}, by);
  ASSERT_TRUE(made);
  EXPECT_EQ(made->invitation.invited_by, founding_.owner.id);
  reopen();
  EXPECT_EQ(identity_->read_invitation(made->token.reveal())->email, "eve@example.com");
  const auto session = identity_->accept_invitation(made->token.reveal(), "Eve", {"1.2.3.4", "B"});
  ASSERT_TRUE(session) << session.error().text();
  const auto caller = identity_->authenticate_session(session->token.reveal());
  EXPECT_EQ(caller->role, Role::Admin);
  EXPECT_FALSE(identity_->accept_invitation(made->token.reveal(), "Mallory", {}));
  EXPECT_EQ(identity_->find_invitation(made->invitation.id)->accepted_by, caller->user_id);
  EXPECT_FALSE(identity_->invite({org(), "EVE@example.com", Role::Member, {}}, by));
  auto late = identity_->invite({org(), "", Role::Member, {}}, by);
  clock_.advance(base::seconds(7 * 24 * 3600));
  EXPECT_FALSE(identity_->accept_invitation(late->token.reveal(), "Late", {}));
  auto gone = identity_->invite({org(), "", Role::Member, {}}, by);
  ASSERT_TRUE(identity_->withdraw_invitation(gone->invitation.id));
  EXPECT_FALSE(identity_->read_invitation(gone->token.reveal()));
}

class SecondFactorTest : public AccountsTest {
 protected:
  std::string code(int steps = 0) const {
    return hotp(base::ByteSpan(seed_),
                static_cast<uint64_t>(clock_.now().seconds() / kTotpStepSeconds + steps));
  }
  void set_up() {
    const auto setup = identity_->begin_totp(founding_.owner.id);
    ASSERT_TRUE(setup);
    seed_ = decode(setup->seed_base32.reveal());
    const auto codes = identity_->confirm_totp(founding_.owner.id, code());
    ASSERT_TRUE(codes) << codes.error().text();
    recovery_ = *codes;
    clock_.advance(base::seconds(60));
  }
  static base::Bytes decode(std::string_view text) {
    base::Bytes out;
    uint32_t bits = 0;
    int count = 0;
    for (const char c : text) {
      bits = bits << 5 | static_cast<uint32_t>(c >= 'A' ? c - 'A' : c - '2' + 26);
      if ((count += 5) >= 8) out.push_back(static_cast<uint8_t>(bits >> (count -= 8)));
    }
    return out;
  }
  base::Bytes seed_;
  std::vector<base::Secret> recovery_;
};

TEST_F(SecondFactorTest, ASessionWaitsForItsCode) {
  set_up();
  reopen();
  const NewSession session = sign_in(founding_.owner.id);
  const auto refused = identity_->authenticate_session(session.token.reveal());
  EXPECT_EQ(refused.error().reason, "second_factor_required");
  EXPECT_EQ(identity_->confirm_session(session.token.reveal(), "000000").error().reason,
            "wrong_code");
  ASSERT_TRUE(identity_->confirm_session(session.token.reveal(), code()));
  EXPECT_TRUE(identity_->authenticate_session(session.token.reveal()));
  const NewSession other = sign_in(founding_.owner.id);
  EXPECT_FALSE(identity_->confirm_session(other.token.reveal(), code())) << "a code counts once";
  ASSERT_TRUE(identity_->confirm_session(other.token.reveal(), recovery_[3].reveal()));
  const NewSession third = sign_in(founding_.owner.id);
  EXPECT_FALSE(identity_->confirm_session(third.token.reveal(), recovery_[3].reveal()));
  EXPECT_EQ(identity_->recovery_codes_left(founding_.owner.id), 9);
  clock_.advance(base::seconds(600));
  EXPECT_FALSE(identity_->confirm_session(third.token.reveal(), code())) << "it took too long";
}

TEST_F(SecondFactorTest, GuessingStops) {
  set_up();
  const NewSession session = sign_in(founding_.owner.id);
  for (int i = 0; i < 5; ++i)
    EXPECT_EQ(identity_->confirm_session(session.token.reveal(), "000000").error().code,
              Code::Unauthenticated);
  EXPECT_EQ(identity_->confirm_session(session.token.reveal(), code()).error().code,
            Code::RateLimited);
  clock_.advance(base::seconds(15 * 60));
  const NewSession later = sign_in(founding_.owner.id);
  EXPECT_TRUE(identity_->confirm_session(later.token.reveal(), code()));
}

TEST_F(AccountsTest, LimitsComeWithTheirCaller) {
  const NewKey made = key(KeyKind::User, founding_.owner.id, founding_.project.id);
  EXPECT_EQ(identity_->authenticate_key(made.secret.reveal())->limits, nullptr);
  ScopeLimits row{ScopeKind::Organisation, org(), "", {}, {}};
  row.budgets.per_month = money::Amount::usd(20);
  ASSERT_TRUE(identity_->set_limits(row));
  row = {ScopeKind::Key, made.key.id, "m", {}, {}};
  row.rates.requests_per_minute = 3;
  ASSERT_TRUE(identity_->set_limits(row));
  ASSERT_TRUE(identity_->set_limits({ScopeKind::Project, founding_.project.id, "", {1}, {}}));
  ASSERT_TRUE(identity_->set_limits({ScopeKind::Project, founding_.project.id, "", {}, {}}));
  reopen();
  const auto limits = identity_->authenticate_key(made.secret.reveal())->limits;
  ASSERT_TRUE(limits);
  ASSERT_EQ(limits->rows.size(), 2u);
  EXPECT_EQ(limits->rows[0].budgets.per_month, money::Amount::usd(20));
  EXPECT_EQ(limits->rows[1], row);
  EXPECT_EQ(identity_->limits(org()).size(), 2u);
  EXPECT_FALSE(identity_->set_limits({ScopeKind::User, "user_none", "", {1}, {}}));
  EXPECT_FALSE(identity_->set_limits({ScopeKind::Key, made.key.id, "", {-1}, {}}));
}

TEST_F(AccountsTest, TheAuditTrailSaysWhoDidWhatAndOnlyGrows) {
  const Actor by{ActorKind::Session, "sess_1", founding_.owner.id, "10.0.0.1", "B", "req_1"};
  const std::string project = identity_->create_project(org(), "P", by)->id;
  const auto made =
      identity_->create_key({KeyKind::User, founding_.owner.id, project, "k", {}, {}}, by);
  ASSERT_TRUE(identity_->revoke_key(made->key.id, by));
  const auto page = identity_->audit({.org_id = org(), .limit = 2});
  ASSERT_TRUE(page);
  ASSERT_EQ(page->events.size(), 2u);
  EXPECT_TRUE(page->has_more);
  EXPECT_EQ(page->events[0].type, "api_key.deleted");
  EXPECT_EQ(page->events[1].type, "api_key.created");
  EXPECT_EQ(page->events[1].actor.address, "10.0.0.1");
  EXPECT_EQ(page->events[1].project_id, project);
  const auto next = identity_->audit({.org_id = org(), .after = page->events[1].id, .limit = 100});
  EXPECT_EQ(next->events.front().type, "project.created");
  const auto back =
      identity_->audit({.org_id = org(), .before = next->events.front().id, .limit = 1});
  EXPECT_EQ(back->events.front().id, page->events[1].id);
  EXPECT_TRUE(back->has_more);
  EXPECT_EQ(identity_->audit({.org_id = org(), .types = {"project.created"}})->events.size(), 1u);
  EXPECT_FALSE(identity_->audit({.org_id = org(), .after = "audit_log-none"}));
  identity_.reset();
  auto database = db::Database::open(path());
  EXPECT_FALSE(database->execute("DELETE FROM audit"));
  EXPECT_FALSE(database->execute("UPDATE audit SET type = 'x'"));
}

TEST_F(AccountsTest, LastUseIsKeptToTheMinute) {
  const NewKey made = key(KeyKind::User, founding_.owner.id, founding_.project.id);
  EXPECT_FALSE(identity_->find_key(made.key.id)->last_used);
  EXPECT_TRUE(works(made));
  reopen();
  EXPECT_EQ(identity_->find_key(made.key.id)->last_used, clock_.now());
}

TEST_F(AccountsTest, WithoutTheKeyFileNothingOpens) {
  const NewKey made = key(KeyKind::User, founding_.owner.id, founding_.project.id);
  identity_.reset();
  ASSERT_TRUE(files::remove_file(files::join(folder_.path(), "secrets.key")));
  reopen();
  EXPECT_FALSE(works(made));
  identity_.reset();
  ASSERT_TRUE(files::write_atomic(files::join(folder_.path(), "secrets.key"), "short"));
  EXPECT_FALSE(Identity::open(path(), clock_));
}

// A file as the first version wrote it, with a key, a session and a link hashed by SHA-256 alone.
TEST(OldFiles, KeysSessionsAndLinksGoOn) {
  auto folder = *files::TemporaryDirectory::create("accounts-test");
  const std::string path = files::join(folder.path(), "identity.db");
  const base::ManualClock clock{base::Time{1'700'000'000'000'000'000}};
  {
    auto database = db::Database::open(path).value();
    ASSERT_TRUE(database.execute(R"sql(
CREATE TABLE organisations(id TEXT PRIMARY KEY, name TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE projects(
  id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES organisations(id), name TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE users(
  id TEXT PRIMARY KEY, org TEXT NOT NULL REFERENCES organisations(id), name TEXT NOT NULL, role INTEGER NOT NULL,
  language TEXT NOT NULL, created INTEGER NOT NULL) STRICT;
CREATE TABLE keys(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, org TEXT NOT NULL REFERENCES organisations(id),
  project TEXT NOT NULL REFERENCES projects(id), user TEXT NOT NULL REFERENCES users(id), name TEXT NOT NULL,
  redacted TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL, expires INTEGER, revoked INTEGER) STRICT;
CREATE TABLE sessions(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, user TEXT NOT NULL REFERENCES users(id), agent TEXT NOT NULL,
  created INTEGER NOT NULL, expires INTEGER NOT NULL) STRICT;
CREATE TABLE owner_links(
  hash BLOB PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id), expires INTEGER NOT NULL) STRICT;
INSERT INTO organisations VALUES('org_1', 'Old', 1);
INSERT INTO projects VALUES('proj_1', 'org_1', 'Default project', 1);
INSERT INTO users VALUES('user_1', 'org_1', 'Ada', 2, 'en', 1);
PRAGMA user_version = 1;
)sql"));
    const auto hash = [](std::string_view secret) { return crypto::sha256(secret); };
    ASSERT_TRUE(database.run(
        "INSERT INTO keys VALUES('key_1',?,'org_1','proj_1','user_1','k','sk-charter-…aaaa','[]',1,"
        "NULL,NULL)",
        base::ByteSpan(hash("sk-charter-aaaa"))));
    ASSERT_TRUE(database.run("INSERT INTO sessions VALUES('sess_1',?,'user_1','B',1,?)",
                             base::ByteSpan(hash("cookie")), INT64_MAX));
    ASSERT_TRUE(database.run("INSERT INTO owner_links VALUES(?,'user_1',?)",
                             base::ByteSpan(hash("link")), INT64_MAX));
  }
  for (int round = 0; round < 2; ++round) {
    auto identity = Identity::open(path, clock);
    ASSERT_TRUE(identity) << identity.error().text();
    EXPECT_EQ((*identity)->authenticate_key("sk-charter-aaaa")->key_id, "key_1");
    EXPECT_EQ((*identity)->authenticate_session("cookie")->user_id, "user_1");
    EXPECT_EQ((*identity)->redeem_owner_link("link", "").has_value(), round == 0);
  }
}

}  // namespace
}  // namespace identity
