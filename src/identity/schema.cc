// The schema of identity.db, by versions.
#include "identity/store.h"

namespace identity {
namespace {

constexpr std::string_view kSchema[] = {
    R"sql(
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
)sql",
    // Kinds of keys, people of projects, ways to sign in, limits, the audit trail. `keyed` is 0
    // where a hash is still a plain SHA-256: key_old_hashes() ends that.
    R"sql(
ALTER TABLE projects ADD COLUMN archived INTEGER;
ALTER TABLE users ADD COLUMN email TEXT NOT NULL DEFAULT '';
ALTER TABLE users ADD COLUMN removed INTEGER;
CREATE TABLE key_secrets(hash BLOB PRIMARY KEY, key TEXT NOT NULL, expires INTEGER, keyed INTEGER NOT NULL) STRICT;
INSERT INTO key_secrets SELECT hash, id, NULL, 0 FROM keys;
CREATE TABLE new_keys(
  id TEXT PRIMARY KEY, kind INTEGER NOT NULL, org TEXT NOT NULL REFERENCES organisations(id), project TEXT NOT NULL,
  user TEXT NOT NULL, name TEXT NOT NULL, redacted TEXT NOT NULL, scopes TEXT NOT NULL, created INTEGER NOT NULL,
  expires INTEGER, revoked INTEGER, last_used INTEGER) STRICT;
INSERT INTO new_keys SELECT id, 0, org, project, user, name, redacted, scopes, created, expires, revoked, NULL FROM keys;
DROP TABLE keys;
ALTER TABLE new_keys RENAME TO keys;
ALTER TABLE sessions ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN method TEXT NOT NULL DEFAULT 'link';
ALTER TABLE sessions ADD COLUMN needs_second_factor INTEGER NOT NULL DEFAULT 0;
ALTER TABLE sessions ADD COLUMN last_seen INTEGER NOT NULL DEFAULT 0;
ALTER TABLE owner_links ADD COLUMN keyed INTEGER NOT NULL DEFAULT 0;
CREATE TABLE members(
  project TEXT NOT NULL REFERENCES projects(id), user TEXT NOT NULL REFERENCES users(id), role INTEGER NOT NULL,
  added INTEGER NOT NULL, PRIMARY KEY(project, user)) STRICT;
CREATE TABLE service_accounts(
  id TEXT PRIMARY KEY, project TEXT NOT NULL REFERENCES projects(id), name TEXT NOT NULL, role INTEGER NOT NULL,
  created INTEGER NOT NULL, removed INTEGER) STRICT;
CREATE TABLE invitations(
  id TEXT PRIMARY KEY, hash BLOB NOT NULL UNIQUE, org TEXT NOT NULL REFERENCES organisations(id), email TEXT NOT NULL,
  role INTEGER NOT NULL, projects TEXT NOT NULL, invited_by TEXT NOT NULL, created INTEGER NOT NULL,
  expires INTEGER NOT NULL, accepted INTEGER, accepted_by TEXT NOT NULL) STRICT;
CREATE TABLE totp(
  user TEXT PRIMARY KEY REFERENCES users(id), seed BLOB NOT NULL, confirmed INTEGER NOT NULL, last_step INTEGER NOT NULL,
  recovery TEXT NOT NULL) STRICT;
CREATE TABLE passkeys(
  id TEXT PRIMARY KEY, user TEXT NOT NULL REFERENCES users(id), name TEXT NOT NULL, credential BLOB NOT NULL UNIQUE,
  public_key BLOB NOT NULL, sign_count INTEGER NOT NULL, created INTEGER NOT NULL, last_used INTEGER) STRICT;
CREATE TABLE subjects(
  issuer TEXT NOT NULL, subject TEXT NOT NULL, user TEXT NOT NULL REFERENCES users(id), PRIMARY KEY(issuer, subject)) STRICT;
CREATE TABLE limits(
  kind INTEGER NOT NULL, id TEXT NOT NULL, model TEXT NOT NULL, requests_per_minute INTEGER, tokens_per_minute INTEGER,
  requests_per_day INTEGER, tokens_per_day INTEGER, pico_per_day TEXT, pico_per_month TEXT, pico_total TEXT,
  PRIMARY KEY(kind, id, model)) STRICT;
CREATE TABLE audit(
  seq INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, at INTEGER NOT NULL, type TEXT NOT NULL, org TEXT NOT NULL,
  project TEXT NOT NULL, subject TEXT NOT NULL, details TEXT NOT NULL, actor_kind INTEGER NOT NULL, actor TEXT NOT NULL,
  actor_user TEXT NOT NULL, address TEXT NOT NULL, agent TEXT NOT NULL, request_id TEXT NOT NULL) STRICT;
CREATE INDEX audit_by_org ON audit(org, seq);
CREATE TRIGGER audit_stays BEFORE DELETE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
CREATE TRIGGER audit_stands BEFORE UPDATE ON audit BEGIN SELECT RAISE(ABORT, 'the audit trail only grows'); END;
)sql",
    // Models that a key may ask for: a JSON list of public names, empty for all.
    R"sql(
ALTER TABLE keys ADD COLUMN models TEXT NOT NULL DEFAULT '[]';
)sql"};

struct OldHash {
  base::Bytes before;
  crypto::Digest after;
};

base::Status key_hashes_of(db::Database& database, const std::string& table,
                           const base::Secret& hash_key) {
  std::vector<OldHash> old;
  {
    TRY(db::Statement rows, database.query("SELECT hash FROM " + table + " WHERE keyed = 0"));
    for (;;) {
      TRY(const bool more, rows.step());
      if (!more) break;
      base::Bytes hash = rows.bytes(0);
      const crypto::Digest keyed = crypto::hmac_sha256(base::as_bytes(hash_key.reveal()), hash);
      old.push_back({std::move(hash), keyed});
    }
  }
  for (const OldHash& row : old)
    TRY_VOID(database.run("UPDATE " + table + " SET hash = ?, keyed = 1 WHERE hash = ?",
                          base::ByteSpan(row.after), base::ByteSpan(row.before)));
  return {};
}

}  // namespace

base::Status prepare_schema(db::Database& database) { return database.migrate(kSchema); }

base::Status key_old_hashes(db::Database& database, const base::Secret& hash_key) {
  TRY_VOID(database.begin());
  for (const char* table : {"key_secrets", "sessions", "owner_links"}) {
    if (base::Status done = key_hashes_of(database, table, hash_key); !done) {
      database.rollback();
      return done;
    }
  }
  return database.commit();
}

base::Status drop_expired(db::Database& database, base::Time now) {
  TRY_VOID(database.run("DELETE FROM sessions WHERE expires <= ?", now.ns));
  TRY_VOID(database.run("DELETE FROM key_secrets WHERE expires <= ?", now.ns));
  return database.run("DELETE FROM owner_links WHERE expires <= ?", now.ns);
}

}  // namespace identity
