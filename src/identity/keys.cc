// API keys: made, rotated, revoked.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

// As it is shown: the last `stored` are read from the atomics, too.
Key shown(const StoredKey& stored) {
  Key key = stored.key;
  if (const int64_t at = stored.last_used->load()) key.last_used = base::Time{at};
  return key;
}

base::Status check_expiry(const std::optional<base::Time>& expires, base::Time now) {
  if (!is_over(expires, now)) return {};
  return base::fail(Code::InvalidArgument, "the key would have expired already; give a later time",
                    "expires", "BAD_EXPIRY");
}

struct Owner {
  std::string org_id, project_id, user_id;
};

// Whose the key is, and whether that one may have it.
base::Result<Owner> owner_of(const Identity& identity, const KeyRequest& request) {
  if (request.kind == KeyKind::Service) {
    const auto account = identity.find_service_account(request.owner_id);
    if (!account || account->removed) return unknown("service account", request.owner_id);
    const auto project = identity.find_project(account->project_id);
    return Owner{project->org_id, project->id, account->id};
  }
  const auto user = identity.find_user(request.owner_id);
  if (!user || user->removed) return unknown("user", request.owner_id);
  if (request.kind == KeyKind::Admin) {
    if (user->role != Role::Member) return Owner{user->org_id, "", user->id};
    return base::fail(Code::PermissionDenied,
                      "an admin key needs an administrator; give the user the role first",
                      request.owner_id, "NOT_AN_ADMINISTRATOR");
  }
  const auto project = identity.find_project(request.project_id);
  if (!project || project->org_id != user->org_id)
    return unknown("project of this user's organisation", request.project_id);
  if (!identity.may_use(user->id, project->id))
    return base::fail(Code::PermissionDenied, "the user is not a member of this project",
                      request.project_id, "NOT_A_MEMBER");
  return Owner{user->org_id, project->id, user->id};
}

std::string new_secret(KeyKind kind) {
  return std::string(key_kind_prefix(kind)) + crypto::random_base62(kSecretLetters);
}

std::string redacted(KeyKind kind, std::string_view secret) {
  return std::string(key_kind_prefix(kind)) + "…" + std::string(secret.substr(secret.size() - 4));
}

json::Object key_details(const Key& key) {
  json::Array scopes, models;
  for (const std::string& scope : key.scopes) scopes.emplace_back(scope);
  for (const std::string& model : key.models) models.emplace_back(model);
  return {{"kind", key_kind_name(key.kind)},
          {"name", key.name},
          {"scopes", std::move(scopes)},
          {"allowed_models", std::move(models)}};
}

}  // namespace

base::Result<NewKey> Identity::create_key(const KeyRequest& request, const Actor& by) {
  TRY_VOID(check_name(request.name, "name"));
  TRY_VOID(check_scopes(request.scopes));
  TRY_VOID(check_models(request.models));
  std::lock_guard change(state_->change);
  TRY(Owner owner, owner_of(*this, request));
  const base::Time now = state_->clock.now();
  TRY_VOID(check_expiry(request.expires, now));
  const std::string secret = new_secret(request.kind);
  StoredKey stored;
  Key& key = stored.key;
  key.id = crypto::random_id("key_"), key.kind = request.kind;
  key.org_id = std::move(owner.org_id), key.project_id = std::move(owner.project_id);
  key.user_id = std::move(owner.user_id);
  key.name = request.name, key.redacted = redacted(request.kind, secret);
  key.scopes = request.scopes, key.models = request.models;
  key.created = now, key.expires = request.expires;
  const KeySecret held{key.id, state_->hash(secret), {}};
  TRY_VOID(state_->write(
      [&](db::Database& database) -> base::Status {
        TRY_VOID(insert(database, stored));
        return insert(database, held);
      },
      act("api_key.created", key.org_id, key.id, key_details(key), key.project_id), by));
  NewKey made{key, base::Secret(secret)};
  std::unique_lock lock(state_->mutex);
  state_->tables.key_secrets[held.hash] = held;
  state_->tables.keys[made.key.id] = std::move(stored);
  return made;
}

base::Result<NewKey> Identity::create_key(std::string_view user_id, std::string_view project_id,
                                          std::string_view name, std::vector<std::string> scopes,
                                          std::optional<base::Time> expires) {
  return create_key(KeyRequest{KeyKind::User,
                               std::string(user_id),
                               std::string(project_id),
                               std::string(name),
                               std::move(scopes),
                               expires,
                               {}});
}

base::Result<NewKey> Identity::rotate_key(std::string_view key_id, base::Duration grace,
                                          const Actor& by) {
  std::lock_guard change(state_->change);
  const auto found = find_key(key_id);
  if (!found) return unknown("key", key_id);
  if (found->revoked)
    return base::fail(Code::FailedPrecondition, "a revoked key stays so; make a new one",
                      std::string(key_id), "KEY_REVOKED");
  Key key = *found;
  const base::Time until = state_->clock.now() + grace;
  const std::string secret = new_secret(key.kind);
  key.redacted = redacted(key.kind, secret);
  key.old_secret_until = until;
  const KeySecret held{key.id, state_->hash(secret), {}};
  TRY_VOID(state_->write(
      [&](db::Database& database) -> base::Status {
        // Of the old secrets none lasts longer, and one that was ending already does not last anew.
        TRY_VOID(database.run(
            "UPDATE key_secrets SET expires = min(coalesce(expires, ?1), ?1) WHERE key = ?2",
            until.ns, key.id));
        TRY_VOID(insert(database, held));
        return database.run("UPDATE keys SET redacted = ? WHERE id = ?", key.redacted, key.id);
      },
      act("api_key.updated", key.org_id, key.id, {{"old_secret_until", until.seconds()}},
          key.project_id),
      by));
  std::unique_lock lock(state_->mutex);
  for (auto& [hash, old] : state_->tables.key_secrets)
    if (old.key_id == key.id) old.expires = std::min(old.expires.value_or(until), until);
  state_->tables.key_secrets[held.hash] = held;
  state_->tables.keys.find(key.id)->second.key = key;
  return NewKey{std::move(key), base::Secret(secret)};
}

base::Result<Key> Identity::change_key(std::string_view key_id, const KeyChange& change,
                                       const Actor& by) {
  if (change.name) TRY_VOID(check_name(*change.name, "name"));
  if (change.models) TRY_VOID(check_models(*change.models));
  std::lock_guard lock_change(state_->change);
  const auto found = find_key(key_id);
  if (!found) return unknown("key", key_id);
  if (found->revoked)
    return base::fail(Code::FailedPrecondition, "a revoked key stays so; make a new one",
                      std::string(key_id), "KEY_REVOKED");
  Key key = *found;
  key.name = change.name.value_or(key.name), key.models = change.models.value_or(key.models);
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE keys SET name = ?, models = ? WHERE id = ?", key.name,
                            list_text(key.models), key.id);
      },
      act("api_key.updated", key.org_id, key.id, key_details(key), key.project_id), by));
  std::unique_lock lock(state_->mutex);
  Key& stored = state_->tables.keys.find(key.id)->second.key;
  stored.name = key.name, stored.models = key.models;
  return key;
}

base::Status Identity::State::revoke_where(const std::function<bool(const Key&)>& fits) {
  const base::Time now = clock.now();
  std::vector<std::string> ids;
  {
    // In memory first: a key that must go is refused even while the disk is full.
    std::unique_lock lock(mutex);
    for (auto& [id, stored] : tables.keys) {
      if (!fits(stored.key)) continue;
      if (!stored.key.revoked) stored.key.revoked = now;
      ids.push_back(id);
    }
  }
  return writer.run([&](db::Database& database) -> base::Status {
    for (const std::string& id : ids)
      TRY_VOID(
          database.run("UPDATE keys SET revoked = ? WHERE id = ? AND revoked IS NULL", now.ns, id));
    return {};
  });
}

base::Status Identity::revoke_key(std::string_view key_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto key = find_key(key_id);
  if (!key) return unknown("key", key_id);
  TRY_VOID(state_->revoke_where([key_id](const Key& one) { return one.id == key_id; }));
  if (key->revoked) return {};
  return state_->write(
      {}, act("api_key.deleted", key->org_id, key->id, key_details(*key), key->project_id), by);
}

std::vector<Key> Identity::keys(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Key> rows;
  for (const auto& [id, stored] : state_->tables.keys)
    if (stored.key.org_id == org_id) rows.push_back(shown(stored));
  std::ranges::sort(rows, older<Key>);
  return rows;
}

std::optional<Key> Identity::find_key(std::string_view key_id) const {
  std::shared_lock lock(state_->mutex);
  const auto found = state_->tables.keys.find(key_id);
  if (found == state_->tables.keys.end()) return std::nullopt;
  return shown(found->second);
}

}  // namespace identity
