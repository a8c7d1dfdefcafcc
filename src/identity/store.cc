// Rows of identity.db, read into memory when it opens and written one by one.
#include "identity/store.h"

#include "json/json.h"

namespace identity {

std::string list_text(const std::vector<std::string>& items) {
  json::Array list;
  for (const std::string& item : items) list.emplace_back(item);
  return json::dump(json::Value(std::move(list)));
}

namespace {

using Row = db::Statement;

template <class Read>
base::Status each_row(db::Database& database, std::string_view sql, const Read& read) {
  TRY(db::Statement rows, database.query(sql));
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return {};
    TRY_VOID(read(rows));
  }
}

std::optional<base::Time> optional_time(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return base::Time{row.integer(column)};
}

std::optional<int64_t> optional_ns(const std::optional<base::Time>& time) {
  if (!time) return std::nullopt;
  return time->ns;
}

std::unexpected<base::Error> damaged(std::string_view what) {
  return base::fail(base::Code::Corrupt, std::string(what) + " cannot be read", "identity.db");
}

base::Result<std::vector<std::string>> read_list(const std::string& text, std::string_view what) {
  TRY(const json::Value value, json::parse(text));
  std::vector<std::string> list;
  if (!value.is_array()) return damaged(what);
  for (const json::Value& item : value.as_array()) {
    if (!item.is_string()) return damaged(what);
    list.push_back(item.as_string());
  }
  return list;
}

base::Result<std::vector<ProjectGrant>> read_grants(const std::string& text) {
  TRY(const json::Value value, json::parse(text));
  std::vector<ProjectGrant> grants;
  if (!value.is_array()) return damaged("an invitation's projects");
  for (const json::Value& item : value.as_array()) {
    TRY(const std::string id, json::get_string(item, "id"));
    TRY(const std::string role_text, json::get_string(item, "role"));
    TRY(const ProjectRole role, parse_project_role(role_text));
    grants.push_back({id, role});
  }
  return grants;
}

std::string grants_text(const std::vector<ProjectGrant>& grants) {
  json::Array list;
  for (const ProjectGrant& grant : grants)
    list.emplace_back(
        json::Object{{"id", grant.project_id}, {"role", project_role_name(grant.role)}});
  return json::dump(json::Value(std::move(list)));
}

// Kinds and roles are numbers in the file, and indices once they are read.
base::Status check_numbers(db::Database& database) {
  for (const char* query : {"SELECT 1 FROM users WHERE role NOT BETWEEN 0 AND 2",
                            "SELECT 1 FROM members WHERE role NOT BETWEEN 0 AND 1",
                            "SELECT 1 FROM service_accounts WHERE role NOT BETWEEN 0 AND 1",
                            "SELECT 1 FROM invitations WHERE role NOT BETWEEN 0 AND 2",
                            "SELECT 1 FROM keys WHERE kind NOT BETWEEN 0 AND 3",
                            "SELECT 1 FROM limits WHERE kind NOT BETWEEN 0 AND 3"}) {
    TRY(db::Statement rows, database.query(query));
    TRY(const bool wrong, rows.step());
    if (wrong) return damaged("a role or a kind");
  }
  return {};
}

base::Status load_people(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database, "SELECT id, name, created FROM organisations",
                    [&](const Row& r) -> base::Status {
                      tables->organisations[r.text(0)] = {r.text(0), r.text(1), {r.integer(2)}};
                      return {};
                    }));
  TRY_VOID(each_row(database, "SELECT id, org, name, created, archived FROM projects",
                    [&](const Row& r) -> base::Status {
                      tables->projects[r.text(0)] = {
                          r.text(0), r.text(1), r.text(2), {r.integer(3)}, optional_time(r, 4)};
                      return {};
                    }));
  TRY_VOID(each_row(database,
                    "SELECT id, org, name, role, language, created, email, removed FROM users",
                    [&](const Row& r) -> base::Status {
                      tables->users[r.text(0)] = {
                          r.text(0), r.text(1),      r.text(2), static_cast<Role>(r.integer(3)),
                          r.text(4), {r.integer(5)}, r.text(6), optional_time(r, 7)};
                      return {};
                    }));
  TRY_VOID(
      each_row(database, "SELECT project, user, role, added FROM members",
               [&](const Row& r) -> base::Status {
                 tables->members[{r.text(0), r.text(1)}] = {
                     r.text(0), r.text(1), static_cast<ProjectRole>(r.integer(2)), {r.integer(3)}};
                 return {};
               }));
  return each_row(
      database, "SELECT id, project, name, role, created, removed FROM service_accounts",
      [&](const Row& r) -> base::Status {
        tables->service_accounts[r.text(0)] = {
            r.text(0),      r.text(1),          r.text(2), static_cast<ProjectRole>(r.integer(3)),
            {r.integer(4)}, optional_time(r, 5)};
        return {};
      });
}

base::Status load_keys(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database,
                    "SELECT id, kind, org, project, user, name, redacted, scopes, created, "
                    "expires, revoked, last_used, models FROM keys",
                    [&](const Row& r) -> base::Status {
                      StoredKey stored;
                      Key& key = stored.key;
                      key.id = r.text(0), key.kind = static_cast<KeyKind>(r.integer(1));
                      key.org_id = r.text(2), key.project_id = r.text(3), key.user_id = r.text(4);
                      key.name = r.text(5), key.redacted = r.text(6);
                      TRY(key.scopes, read_list(r.text(7), "a key's scopes"));
                      key.created = {r.integer(8)}, key.expires = optional_time(r, 9);
                      key.revoked = optional_time(r, 10);
                      stored.last_used->store(r.integer(11));
                      TRY(key.models, read_list(r.text(12), "a key's models"));
                      tables->keys[key.id] = std::move(stored);
                      return {};
                    }));
  return each_row(database, "SELECT hash, key, expires FROM key_secrets",
                  [&](const Row& r) -> base::Status {
                    TRY(const crypto::Digest hash, crypto::digest_from_bytes(r.bytes(0)));
                    const auto key = tables->keys.find(r.text(1));
                    if (key == tables->keys.end()) return damaged("a key's secret");
                    tables->key_secrets[hash] = {r.text(1), hash, optional_time(r, 2)};
                    if (!r.is_null(2)) key->second.key.old_secret_until = optional_time(r, 2);
                    return {};
                  });
}

base::Status load_sessions(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database,
                    "SELECT id, hash, user, agent, created, expires, method, needs_second_factor, "
                    "last_seen FROM sessions",
                    [&](const Row& r) -> base::Status {
                      TRY(const crypto::Digest hash, crypto::digest_from_bytes(r.bytes(1)));
                      StoredSession stored{{r.text(0),
                                            r.text(2),
                                            r.text(3),
                                            {r.integer(4)},
                                            {r.integer(5)},
                                            r.text(6),
                                            r.integer(7) != 0,
                                            {r.integer(8)}},
                                           hash};
                      stored.last_seen->store(r.integer(8));
                      tables->sessions[hash] = std::move(stored);
                      return {};
                    }));
  TRY_VOID(each_row(database, "SELECT hash, user, expires FROM owner_links",
                    [&](const Row& r) -> base::Status {
                      TRY(const crypto::Digest hash, crypto::digest_from_bytes(r.bytes(0)));
                      tables->links[hash] = {r.text(1), {r.integer(2)}, hash};
                      return {};
                    }));
  return each_row(
      database,
      "SELECT id, hash, org, email, role, projects, invited_by, created, expires, accepted, "
      "accepted_by FROM invitations",
      [&](const Row& r) -> base::Status {
        StoredInvitation stored;
        TRY(stored.hash, crypto::digest_from_bytes(r.bytes(1)));
        TRY(std::vector<ProjectGrant> grants, read_grants(r.text(5)));
        stored.invitation = {
            r.text(0),           r.text(2), r.text(3),      static_cast<Role>(r.integer(4)),
            std::move(grants),   r.text(6), {r.integer(7)}, {r.integer(8)},
            optional_time(r, 9), r.text(10)};
        tables->invitations[stored.invitation.id] = std::move(stored);
        return {};
      });
}

base::Status load_factors(db::Database& database, Tables* tables) {
  TRY_VOID(each_row(database, "SELECT user, seed, confirmed, last_step, recovery FROM totp",
                    [&](const Row& r) -> base::Status {
                      StoredTotp stored{r.text(0), r.bytes(1), r.integer(2) != 0, r.integer(3), {}};
                      TRY(stored.recovery_hashes, read_list(r.text(4), "a recovery code"));
                      tables->totp[stored.user_id] = std::move(stored);
                      return {};
                    }));
  TRY_VOID(each_row(
      database,
      "SELECT id, user, name, credential, public_key, sign_count, created, last_used FROM passkeys",
      [&](const Row& r) -> base::Status {
        tables->passkeys[r.text(0)] = {
            {r.text(0), r.text(1), r.text(2), {r.integer(6)}, optional_time(r, 7)},
            {r.bytes(3), r.bytes(4), static_cast<uint32_t>(r.integer(5))}};
        return {};
      }));
  return each_row(database, "SELECT issuer, subject, user FROM subjects",
                  [&](const Row& r) -> base::Status {
                    tables->subjects[{r.text(0), r.text(1)}] = r.text(2);
                    return {};
                  });
}

std::optional<int64_t> optional_count(const Row& row, int column) {
  if (row.is_null(column)) return std::nullopt;
  return row.integer(column);
}

base::Status read_amount(const Row& row, int column, std::optional<money::Amount>* out) {
  if (row.is_null(column)) return {};
  TRY(*out, money::parse_decimal(row.text(column)));
  return {};
}

base::Status load_limits(db::Database& database, Tables* tables) {
  return each_row(
      database,
      "SELECT kind, id, model, requests_per_minute, tokens_per_minute, requests_per_day, "
      "tokens_per_day, pico_per_day, pico_per_month, pico_total FROM limits",
      [&](const Row& r) -> base::Status {
        ScopeLimits row{static_cast<ScopeKind>(r.integer(0)), r.text(1), r.text(2), {}, {}};
        row.rates = {optional_count(r, 3), optional_count(r, 4), optional_count(r, 5),
                     optional_count(r, 6)};
        TRY_VOID(read_amount(r, 7, &row.budgets.per_day));
        TRY_VOID(read_amount(r, 8, &row.budgets.per_month));
        TRY_VOID(read_amount(r, 9, &row.budgets.total));
        tables->limits[{row.kind, row.id, row.model}] = std::move(row);
        return {};
      });
}

std::optional<std::string> amount_text(const std::optional<money::Amount>& amount) {
  if (!amount) return std::nullopt;
  return amount->decimal();
}

}  // namespace

base::Result<Tables> load_tables(db::Database& database) {
  Tables tables;
  TRY_VOID(check_numbers(database));
  TRY_VOID(load_people(database, &tables));
  TRY_VOID(load_keys(database, &tables));
  TRY_VOID(load_sessions(database, &tables));
  TRY_VOID(load_factors(database, &tables));
  TRY_VOID(load_limits(database, &tables));
  return tables;
}

base::Status insert(db::Database& database, const Organisation& row) {
  return database.run("INSERT INTO organisations VALUES(?,?,?)", row.id, row.name, row.created.ns);
}

base::Status insert(db::Database& database, const Project& row) {
  return database.run("INSERT INTO projects VALUES(?,?,?,?,?)", row.id, row.org_id, row.name,
                      row.created.ns, optional_ns(row.archived));
}

base::Status insert(db::Database& database, const User& row) {
  return database.run("INSERT INTO users VALUES(?,?,?,?,?,?,?,?)", row.id, row.org_id, row.name,
                      static_cast<int>(row.role), row.language, row.created.ns, row.email,
                      optional_ns(row.removed));
}

base::Status insert(db::Database& database, const Member& row) {
  return database.run("INSERT OR REPLACE INTO members VALUES(?,?,?,?)", row.project_id, row.user_id,
                      static_cast<int>(row.role), row.added.ns);
}

base::Status insert(db::Database& database, const ServiceAccount& row) {
  return database.run("INSERT INTO service_accounts VALUES(?,?,?,?,?,?)", row.id, row.project_id,
                      row.name, static_cast<int>(row.role), row.created.ns,
                      optional_ns(row.removed));
}

base::Status insert(db::Database& database, const StoredInvitation& row) {
  const Invitation& invitation = row.invitation;
  return database.run("INSERT INTO invitations VALUES(?,?,?,?,?,?,?,?,?,?,?)", invitation.id,
                      base::ByteSpan(row.hash), invitation.org_id, invitation.email,
                      static_cast<int>(invitation.role), grants_text(invitation.projects),
                      invitation.invited_by, invitation.created.ns, invitation.expires.ns,
                      optional_ns(invitation.accepted), invitation.accepted_by);
}

base::Status insert(db::Database& database, const StoredKey& row) {
  const Key& key = row.key;
  return database.run("INSERT INTO keys VALUES(?,?,?,?,?,?,?,?,?,?,?,NULL,?)", key.id,
                      static_cast<int>(key.kind), key.org_id, key.project_id, key.user_id, key.name,
                      key.redacted, list_text(key.scopes), key.created.ns, optional_ns(key.expires),
                      optional_ns(key.revoked), list_text(key.models));
}

base::Status insert(db::Database& database, const KeySecret& row) {
  return database.run("INSERT INTO key_secrets VALUES(?,?,?,1)", base::ByteSpan(row.hash),
                      row.key_id, optional_ns(row.expires));
}

base::Status insert(db::Database& database, const StoredSession& row) {
  const Session& session = row.session;
  return database.run(
      "INSERT INTO sessions(id, hash, user, agent, created, expires, keyed, method, "
      "needs_second_factor, last_seen) VALUES(?,?,?,?,?,?,1,?,?,?)",
      session.id, base::ByteSpan(row.hash), session.user_id, session.agent, session.created.ns,
      session.expires.ns, session.method, session.needs_second_factor, session.last_seen.ns);
}

base::Status insert(db::Database& database, const OwnerLink& row) {
  return database.run("INSERT INTO owner_links VALUES(?,?,?,1)", base::ByteSpan(row.hash),
                      row.user_id, row.expires.ns);
}

base::Status insert(db::Database& database, const StoredTotp& row) {
  return database.run("INSERT OR REPLACE INTO totp VALUES(?,?,?,?,?)", row.user_id,
                      base::ByteSpan(row.sealed_seed), row.confirmed, row.last_step,
                      list_text(row.recovery_hashes));
}

base::Status insert(db::Database& database, const StoredPasskey& row) {
  return database.run("INSERT INTO passkeys VALUES(?,?,?,?,?,?,?,?)", row.passkey.id,
                      row.passkey.user_id, row.passkey.name, base::ByteSpan(row.credential.id),
                      base::ByteSpan(row.credential.public_key), row.credential.sign_count,
                      row.passkey.created.ns, optional_ns(row.passkey.last_used));
}

base::Status insert(db::Database& database, const ScopeLimits& row) {
  return database.run("INSERT OR REPLACE INTO limits VALUES(?,?,?,?,?,?,?,?,?,?)",
                      static_cast<int>(row.kind), row.id, row.model, row.rates.requests_per_minute,
                      row.rates.tokens_per_minute, row.rates.requests_per_day,
                      row.rates.tokens_per_day, amount_text(row.budgets.per_day),
                      amount_text(row.budgets.per_month), amount_text(row.budgets.total));
}

base::Status insert(db::Database& database, const AuditEvent& row) {
  return database.run("INSERT INTO audit VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?,?)", row.id, row.at.ns,
                      row.type, row.org_id, row.project_id, row.subject, json::dump(row.details),
                      static_cast<int>(row.actor.kind), row.actor.id, row.actor.user_id,
                      row.actor.address, row.actor.agent, row.actor.request_id);
}

}  // namespace identity
