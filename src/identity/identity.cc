#include "identity/identity.h"

#include <algorithm>
#include <tuple>

#include "base/utf8.h"
#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

constexpr std::string_view kKeyPrefix = "sk-charter-";
constexpr size_t kSecretLetters = 43;  // base 62: 256 bits
constexpr size_t kSecretBytesMax = 200;
constexpr size_t kNameBytesMax = 200;
constexpr base::Duration kSessionLife = base::seconds(30 * 24 * 3600);
constexpr base::Duration kOwnerLinkLife = base::seconds(24 * 3600);

base::Status check_name(std::string_view name, std::string_view what) {
  const bool printable = std::ranges::none_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kNameBytesMax || !printable || !base::is_utf8(name))
    return base::fail(Code::InvalidArgument, "a name has 1 to 200 bytes of printable text",
                      std::string(what), "BAD_NAME");
  return {};
}

std::unexpected<base::Error> unknown(std::string_view what, std::string_view id) {
  return base::fail(Code::NotFound, "there is no " + std::string(what) + " with this id",
                    std::string(id), "UNKNOWN_ID");
}

std::unexpected<base::Error> bad_key(std::string_view why) {
  return base::fail(
      Code::Unauthenticated,
      "the API key " + std::string(why) + "; check it, or make a new one with `charter key create`",
      {}, "invalid_api_key");
}

bool is_over(const std::optional<base::Time>& end, base::Time now) { return end && *end <= now; }

template <class Map>
std::optional<typename Map::mapped_type> copy_of(const Map& map, std::string_view id) {
  const auto found = map.find(id);
  if (found == map.end()) return std::nullopt;
  return found->second;
}

template <class Row>
bool older(const Row& a, const Row& b) {
  return std::tie(a.created, a.id) < std::tie(b.created, b.id);
}

template <class Map>
std::vector<typename Map::mapped_type> of_organisation(const Map& map, std::string_view org_id) {
  std::vector<typename Map::mapped_type> rows;
  for (const auto& [id, row] : map)
    if (row.org_id == org_id) rows.push_back(row);
  std::ranges::sort(rows, older<typename Map::mapped_type>);
  return rows;
}

std::vector<Key> all_keys(const Tables& tables) {
  std::vector<Key> rows;
  for (const auto& [id, stored] : tables.keys) rows.push_back(stored.key);
  std::ranges::sort(rows, older<Key>);
  return rows;
}

}  // namespace

std::string_view role_name(Role role) {
  switch (role) {
    case Role::Member:
      return "member";
    case Role::Admin:
      return "admin";
    case Role::Owner:
      return "owner";
  }
  return "member";
}

Identity::Identity(std::unique_ptr<State> state) : state_(std::move(state)) {}
Identity::~Identity() = default;

base::Result<std::unique_ptr<Identity>> Identity::open(const std::string& path,
                                                       const base::Clock& clock) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Full}));
  TRY_VOID(prepare_schema(database));
  TRY_VOID(drop_expired(database, clock.now()));
  TRY(Tables tables, load_tables(database));
  auto state = std::make_unique<State>(clock, std::move(tables), std::move(database));
  return std::unique_ptr<Identity>(new Identity(std::move(state)));
}

std::optional<Identity::Founding> Identity::founding() const {
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const User* first = nullptr;
  for (const auto& [id, user] : tables.users)
    if (user.role == Role::Owner && (first == nullptr || user.created < first->created))
      first = &user;
  if (first == nullptr) return std::nullopt;
  return Founding{tables.organisations.at(first->org_id),
                  of_organisation(tables.projects, first->org_id).at(0), *first, false};
}

base::Result<Identity::Founding> Identity::found(std::string_view organisation_name,
                                                 std::string_view owner_name) {
  TRY_VOID(check_name(organisation_name, "organisation"));
  TRY_VOID(check_name(owner_name, "owner"));
  std::lock_guard change(state_->change);
  if (auto there = founding()) return *there;
  const base::Time now = state_->clock.now();
  Founding made;
  made.created = true;
  made.organisation = {crypto::random_id("org_"), std::string(organisation_name), now};
  made.project = {crypto::random_id("proj_"), made.organisation.id, "Default project", now};
  made.owner = {crypto::random_id("user_"),
                made.organisation.id,
                std::string(owner_name),
                Role::Owner,
                "",
                now};
  TRY_VOID(state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(insert(database, made.organisation));
    TRY_VOID(insert(database, made.project));
    return insert(database, made.owner);
  }));
  std::unique_lock lock(state_->mutex);
  state_->tables.organisations[made.organisation.id] = made.organisation;
  state_->tables.projects[made.project.id] = made.project;
  state_->tables.users[made.owner.id] = made.owner;
  return made;
}

base::Result<Caller> Identity::authenticate_key(std::string_view secret) const {
  if (!secret.starts_with(kKeyPrefix) || secret.size() > kSecretBytesMax)
    return bad_key("is not known");
  const crypto::Digest hash = crypto::sha256(secret);
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const auto found = tables.key_ids.find(hash);
  if (found == tables.key_ids.end()) return bad_key("is not known");
  const Key& key = tables.keys.find(found->second)->second.key;
  if (key.revoked) return bad_key("was revoked");
  if (is_over(key.expires, state_->clock.now())) return bad_key("has expired");
  const auto user = tables.users.find(key.user_id);
  return Caller{.user_id = key.user_id,
                .org_id = key.org_id,
                .project_id = key.project_id,
                .key_id = key.id,
                .account = "2000:" + key.org_id,
                .role = user->second.role,
                .scopes = key.scopes};
}

base::Result<Caller> Identity::authenticate_session(std::string_view token) const {
  const auto refused = [] {
    return base::fail(
        Code::Unauthenticated,
        "you are not signed in; open a sign-in link (`charter key owner-link` makes one)", {},
        "invalid_session");
  };
  if (token.empty() || token.size() > kSecretBytesMax) return refused();
  const crypto::Digest hash = crypto::sha256(token);
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const auto found = tables.sessions.find(hash);
  if (found == tables.sessions.end()) return refused();
  const Session& session = found->second.session;
  if (session.expires <= state_->clock.now()) return refused();
  const User& user = tables.users.find(session.user_id)->second;
  const auto projects = of_organisation(tables.projects, user.org_id);
  return Caller{.user_id = user.id,
                .org_id = user.org_id,
                .project_id = projects.empty() ? "" : projects.front().id,
                .session_id = session.id,
                .account = "2000:" + user.org_id,
                .role = user.role};
}

base::Result<NewKey> Identity::create_key(std::string_view user_id, std::string_view project_id,
                                          std::string_view name, std::vector<std::string> scopes,
                                          std::optional<base::Time> expires) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user) return unknown("user", user_id);
  const auto project = find_project(project_id);
  if (!project || project->org_id != user->org_id)
    return unknown("project of this user's organisation", project_id);
  const base::Time now = state_->clock.now();
  if (is_over(expires, now))
    return base::fail(Code::InvalidArgument,
                      "the key would have expired already; give a later time", "expires",
                      "BAD_EXPIRY");

  const std::string secret = std::string(kKeyPrefix) + crypto::random_base62(kSecretLetters);
  StoredKey stored;
  stored.hash = crypto::sha256(secret);
  stored.key = {crypto::random_id("key_"),
                user->org_id,
                project->id,
                user->id,
                std::string(name),
                std::string(kKeyPrefix) + "…" + secret.substr(secret.size() - 4),
                std::move(scopes),
                now,
                expires,
                {}};
  TRY_VOID(state_->writer.run([&](db::Database& database) { return insert(database, stored); }));
  std::unique_lock lock(state_->mutex);
  state_->tables.key_ids[stored.hash] = stored.key.id;
  state_->tables.keys[stored.key.id] = stored;
  return NewKey{stored.key, base::Secret(secret)};
}

base::Status Identity::revoke_key(std::string_view key_id) {
  std::lock_guard change(state_->change);
  const base::Time now = state_->clock.now();
  {
    // In memory first: a key that must go is refused even while the disk is full.
    std::unique_lock lock(state_->mutex);
    const auto found = state_->tables.keys.find(key_id);
    if (found == state_->tables.keys.end()) return unknown("key", key_id);
    if (!found->second.key.revoked) found->second.key.revoked = now;
  }
  return state_->writer.run([&](db::Database& database) {
    return database.run("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", now.ns,
                        key_id);
  });
}

std::vector<Key> Identity::keys(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Key> rows = all_keys(state_->tables);
  std::erase_if(rows, [&](const Key& key) { return key.org_id != org_id; });
  return rows;
}

base::Result<std::vector<Key>> read_keys(const std::string& path) {
  TRY(db::Database database, db::Database::open_readonly(path));
  TRY(const Tables tables, load_tables(database));
  return all_keys(tables);
}

base::Result<base::Secret> Identity::create_owner_link(std::string_view user_id) {
  std::lock_guard change(state_->change);
  if (!find_user(user_id)) return unknown("user", user_id);
  const std::string token = crypto::random_base62(kSecretLetters);
  const OwnerLink link{std::string(user_id), state_->clock.now() + kOwnerLinkLife,
                       crypto::sha256(token)};
  TRY_VOID(state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(database.run("DELETE FROM owner_links WHERE user = ?", link.user_id));
    return insert(database, link);
  }));
  std::unique_lock lock(state_->mutex);
  std::erase_if(state_->tables.links,
                [&](const auto& entry) { return entry.second.user_id == link.user_id; });
  state_->tables.links[link.hash] = link;
  return base::Secret(token);
}

base::Result<NewSession> Identity::redeem_owner_link(std::string_view token,
                                                     std::string_view agent) {
  const auto refused = [] {
    return base::fail(Code::Unauthenticated,
                      "this sign-in link was used already or is too old; `charter key owner-link` "
                      "makes a new one",
                      {}, "invalid_owner_link");
  };
  if (token.size() > kSecretBytesMax) return refused();
  std::lock_guard change(state_->change);
  const crypto::Digest hash = crypto::sha256(token);
  const base::Time now = state_->clock.now();
  OwnerLink link;
  {
    std::shared_lock lock(state_->mutex);
    const auto found = state_->tables.links.find(hash);
    if (found == state_->tables.links.end() || found->second.expires <= now) return refused();
    link = found->second;
  }
  const std::string cookie = crypto::random_base62(kSecretLetters);
  StoredSession stored;
  stored.hash = crypto::sha256(cookie);
  const std::string shown_agent = base::replace_invalid_utf8(agent.substr(0, kNameBytesMax));
  stored.session = {crypto::random_id("sess_"), link.user_id, shown_agent, now, now + kSessionLife};
  TRY_VOID(state_->writer.run([&](db::Database& database) -> base::Status {
    TRY_VOID(database.run("DELETE FROM owner_links WHERE hash = ?", base::ByteSpan(hash)));
    return insert(database, stored);
  }));
  std::unique_lock lock(state_->mutex);
  state_->tables.links.erase(hash);
  state_->tables.sessions[stored.hash] = stored;
  return NewSession{stored.session, base::Secret(cookie)};
}

std::vector<Session> Identity::sessions(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Session> rows;
  for (const auto& [hash, stored] : state_->tables.sessions)
    if (stored.session.user_id == user_id && stored.session.expires > state_->clock.now())
      rows.push_back(stored.session);
  std::ranges::sort(rows, [](const Session& a, const Session& b) {
    return std::tie(b.created, a.id) < std::tie(a.created, b.id);
  });
  return rows;
}

base::Status Identity::end_session(std::string_view session_id) {
  std::lock_guard change(state_->change);
  {
    std::unique_lock lock(state_->mutex);
    const auto ended = std::erase_if(state_->tables.sessions, [&](const auto& entry) {
      return entry.second.session.id == session_id;
    });
    if (ended == 0) return unknown("session", session_id);
  }
  return state_->writer.run([&](db::Database& database) {
    return database.run("DELETE FROM sessions WHERE id = ?", session_id);
  });
}

base::Status Identity::end_all_sessions(std::string_view user_id) {
  std::lock_guard change(state_->change);
  {
    std::unique_lock lock(state_->mutex);
    std::erase_if(state_->tables.sessions,
                  [&](const auto& entry) { return entry.second.session.user_id == user_id; });
  }
  return state_->writer.run([&](db::Database& database) {
    return database.run("DELETE FROM sessions WHERE user = ?", user_id);
  });
}

base::Result<User> Identity::create_user(std::string_view org_id, std::string_view name,
                                         Role role) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  if (!find_organisation(org_id)) return unknown("organisation", org_id);
  const User user{crypto::random_id("user_"), std::string(org_id), std::string(name), role, "",
                  state_->clock.now()};
  TRY_VOID(state_->writer.run([&](db::Database& database) { return insert(database, user); }));
  std::unique_lock lock(state_->mutex);
  state_->tables.users[user.id] = user;
  return user;
}

base::Result<Project> Identity::create_project(std::string_view org_id, std::string_view name) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  if (!find_organisation(org_id)) return unknown("organisation", org_id);
  const Project project{crypto::random_id("proj_"), std::string(org_id), std::string(name),
                        state_->clock.now()};
  TRY_VOID(state_->writer.run([&](db::Database& database) { return insert(database, project); }));
  std::unique_lock lock(state_->mutex);
  state_->tables.projects[project.id] = project;
  return project;
}

base::Status Identity::set_language(std::string_view user_id, std::string_view language) {
  if (language != "" && language != "en" && language != "zh-Hans" && language != "zh-Hant")
    return base::fail(Code::InvalidArgument, "a language is \"en\", \"zh-Hans\" or \"zh-Hant\"",
                      "language", "BAD_LANGUAGE");
  std::lock_guard change(state_->change);
  if (!find_user(user_id)) return unknown("user", user_id);
  TRY_VOID(state_->writer.run([&](db::Database& database) {
    return database.run("UPDATE users SET language = ? WHERE id = ?", language, user_id);
  }));
  std::unique_lock lock(state_->mutex);
  state_->tables.users.find(user_id)->second.language = language;
  return {};
}

std::optional<User> Identity::find_user(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.users, user_id);
}

std::optional<Organisation> Identity::find_organisation(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.organisations, org_id);
}

std::optional<Project> Identity::find_project(std::string_view project_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.projects, project_id);
}

std::vector<User> Identity::users(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  return of_organisation(state_->tables.users, org_id);
}

std::vector<Project> Identity::projects(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  return of_organisation(state_->tables.projects, org_id);
}

}  // namespace identity
