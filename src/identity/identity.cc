#include "identity/identity.h"

#include <algorithm>

#include "crypto/random.h"
#include "files/files.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

constexpr std::string_view kSealFile = "secrets.key";
constexpr int kFailuresOfAddressMax = 20;
constexpr int kFailuresOfUserMax = 5;

// The key file beside the database. It is made once; losing it makes every API key, session and
// sealed secret void, and nothing else.
base::Result<crypto::SealKey> load_seal_key(const std::string& database_path) {
  const std::string path = files::join(files::parent(database_path), kSealFile);
  if (!files::exists(path)) {
    const crypto::SealKey made = crypto::SealKey::generate();
    TRY_VOID(files::write_atomic(path, made.bytes().reveal(), 0600));
    return made;
  }
  TRY(const std::string bytes, files::read_file(path, 4096));
  const base::Secret held{bytes};
  auto key = crypto::SealKey::from_bytes(base::as_bytes(held.reveal()));
  if (!key) return base::wrap(key.error(), "the key file is damaged; put the right one back", path);
  return key;
}

std::unexpected<base::Error> bad_key(std::string_view why) {
  return base::fail(
      Code::Unauthenticated,
      "the API key " + std::string(why) + "; check it, or make a new one with `charter key create`",
      {}, "invalid_api_key");
}

void note_time(const LastUsed& at, base::Time now) {
  constexpr int64_t kGrainNs = int64_t{60} * 1'000'000'000;
  if (now.ns - at->load(std::memory_order_relaxed) >= kGrainNs)
    at->store(now.ns, std::memory_order_relaxed);
}

// The caller of a key that is good; `tables` is locked.
base::Result<Caller> caller_of(const Tables& tables, const Key& key, base::Time now) {
  if (key.revoked) return bad_key("was revoked");
  if (is_over(key.expires, now)) return bad_key("has expired");
  if (!key.project_id.empty()) {
    const auto project = tables.projects.find(key.project_id);
    if (project == tables.projects.end() || project->second.archived)
      return bad_key("belongs to an archived project");
  }
  Caller caller{.user_id = key.user_id,
                .org_id = key.org_id,
                .project_id = key.project_id,
                .key_id = key.id,
                .account = "2000:" + key.org_id,
                .scopes = key.scopes,
                .models = key.models,
                .key_kind = key.kind};
  if (key.kind == KeyKind::Service) return caller;
  const auto user = tables.users.find(key.user_id);
  if (user == tables.users.end() || user->second.removed) return bad_key("lost its user");
  // A project's key has its maker's place in the project, and not the maker's rights beyond it.
  if (key.kind != KeyKind::Project) caller.role = user->second.role;
  return caller;
}

}  // namespace

Identity::State::State(const base::Clock& the_clock, crypto::SealKey key, Tables loaded,
                       db::Database database)
    : clock(the_clock),
      seal_key(std::move(key)),
      hash_key(seal_key.derive("hashes of secrets")),
      attempts(kFailuresOfAddressMax, base::seconds(60)),
      code_attempts(kFailuresOfUserMax, base::seconds(15 * 60)),
      tables(std::move(loaded)),
      path(database.path()),
      writer(std::move(database)),
      reading(std::make_unique<db::ReadPool>(path, 2)) {}

crypto::Digest Identity::State::hash(std::string_view secret) const {
  return crypto::hmac_sha256(base::as_bytes(hash_key.reveal()), crypto::sha256(secret));
}

base::Status Identity::State::write(const Rows& rows, AuditEvent event, const Actor& by) {
  event.actor = by;
  event.id = crypto::random_id("audit_log-");
  event.at = clock.now();
  return writer.run([&](db::Database& database) -> base::Status {
    if (rows) TRY_VOID(rows(database));
    return event.type.empty() ? base::Status() : insert(database, event);
  });
}

AuditEvent act(std::string_view type, std::string_view org_id, std::string_view subject,
               json::Object details, std::string_view project_id) {
  AuditEvent event;
  event.type = type, event.org_id = org_id, event.project_id = project_id, event.subject = subject;
  event.details = std::move(details);
  return event;
}

Identity::Identity(std::unique_ptr<State> state) : state_(std::move(state)) {}
Identity::~Identity() { flush_last_used(); }

base::Result<std::unique_ptr<Identity>> Identity::open(const std::string& path,
                                                       const base::Clock& clock) {
  TRY(db::Database database, db::Database::open(path, {.sync = db::Sync::Full}));
  TRY_VOID(prepare_schema(database));
  TRY(crypto::SealKey key, load_seal_key(path));
  TRY_VOID(key_old_hashes(database, key.derive("hashes of secrets")));
  TRY_VOID(drop_expired(database, clock.now()));
  TRY(Tables tables, load_tables(database));
  auto state =
      std::make_unique<State>(clock, std::move(key), std::move(tables), std::move(database));
  return std::unique_ptr<Identity>(new Identity(std::move(state)));
}

std::optional<Identity::Founding> Identity::founding() const {
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const User* first = nullptr;
  for (const auto& [id, user] : tables.users)
    if (user.role == Role::Owner && !user.removed && (first == nullptr || older(user, *first)))
      first = &user;
  if (first == nullptr) return std::nullopt;
  return Founding{tables.organisations.at(first->org_id), *state_->first_project(first->org_id),
                  *first, false};
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
  made.project = {crypto::random_id("proj_"), made.organisation.id, "Default project", now,
                  std::nullopt};
  made.owner.id = crypto::random_id("user_"), made.owner.org_id = made.organisation.id;
  made.owner.name = owner_name, made.owner.role = Role::Owner, made.owner.created = now;
  TRY_VOID(state_->write(
      [&](db::Database& database) -> base::Status {
        TRY_VOID(insert(database, made.organisation));
        TRY_VOID(insert(database, made.project));
        return insert(database, made.owner);
      },
      act("organization.founded", made.organisation.id, made.owner.id)));
  std::unique_lock lock(state_->mutex);
  state_->tables.organisations[made.organisation.id] = made.organisation;
  state_->tables.projects[made.project.id] = made.project;
  state_->tables.users[made.owner.id] = made.owner;
  return made;
}

base::Result<Caller> Identity::authenticate_key(std::string_view secret) const {
  if (!secret.starts_with("sk-") || secret.size() > kSecretBytesMax) return bad_key("is not known");
  const crypto::Digest hash = state_->hash(secret);
  const base::Time now = state_->clock.now();
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const auto found = tables.key_secrets.find(hash);
  if (found == tables.key_secrets.end()) return bad_key("is not known");
  if (is_over(found->second.expires, now)) return bad_key("was replaced by a new one");
  const StoredKey& stored = tables.keys.find(found->second.key_id)->second;
  TRY(Caller caller, caller_of(tables, stored.key, now));
  note_time(stored.last_used, now);
  caller.limits = state_->limits_of(caller);
  return caller;
}

base::Result<Caller> Identity::caller_of_key(std::string_view key_id) const {
  std::shared_lock lock(state_->mutex);
  const auto found = state_->tables.keys.find(key_id);
  if (found == state_->tables.keys.end()) return bad_key("is not known");
  TRY(Caller caller, caller_of(state_->tables, found->second.key, state_->clock.now()));
  caller.limits = state_->limits_of(caller);
  return caller;
}

base::Result<Caller> Identity::authenticate_session(std::string_view token) const {
  const auto refused = [] {
    return base::fail(
        Code::Unauthenticated,
        "you are not signed in; open a sign-in link (`charter key owner-link` makes one)", {},
        "invalid_session");
  };
  if (token.empty() || token.size() > kSecretBytesMax) return refused();
  const crypto::Digest hash = state_->hash(token);
  const base::Time now = state_->clock.now();
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const auto found = tables.sessions.find(hash);
  if (found == tables.sessions.end()) return refused();
  const Session& session = found->second.session;
  const User& user = tables.users.find(session.user_id)->second;
  if (session.expires <= now || user.removed) return refused();
  if (session.needs_second_factor)
    return base::fail(Code::Unauthenticated, "enter the code of your authenticator app", {},
                      "second_factor_required");
  note_time(found->second.last_seen, now);
  const Project* project = state_->first_project(user.org_id);
  Caller caller{.user_id = user.id,
                .org_id = user.org_id,
                .project_id = project == nullptr ? "" : project->id,
                .session_id = session.id,
                .account = "2000:" + user.org_id,
                .role = user.role};
  caller.limits = state_->limits_of(caller);
  return caller;
}

std::optional<User> Identity::find_user(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.users, user_id);
}

std::optional<Organisation> Identity::find_organisation(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  return copy_of(state_->tables.organisations, org_id);
}

void Identity::flush_last_used() {
  std::vector<std::pair<std::string, int64_t>> keys, sessions;
  {
    std::shared_lock lock(state_->mutex);
    for (const auto& [id, stored] : state_->tables.keys)
      if (const int64_t at = stored.last_used->load()) keys.emplace_back(id, at);
    for (const auto& [hash, stored] : state_->tables.sessions)
      if (const int64_t at = stored.last_seen->load()) sessions.emplace_back(stored.session.id, at);
  }
  if (keys.empty() && sessions.empty()) return;
  // Losing these is harmless: the next flush writes them again.
  static_cast<void>(state_->writer.run([&](db::Database& database) -> base::Status {
    for (const auto& [id, at] : keys)
      TRY_VOID(database.run("UPDATE keys SET last_used = ?1 WHERE id = ?2 AND last_used IS NOT ?1",
                            at, id));
    for (const auto& [id, at] : sessions)
      TRY_VOID(database.run("UPDATE sessions SET last_seen = ?1 WHERE id = ?2 AND last_seen <> ?1",
                            at, id));
    return {};
  }));
}

const crypto::SealKey& Identity::seal_key() const { return state_->seal_key; }

}  // namespace identity
