// identity.db and its picture in memory. Included only by the .cc files of this folder.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <shared_mutex>
#include <tuple>
#include <unordered_map>

#include "crypto/hmac.h"
#include "crypto/sha256.h"
#include "db/writer.h"
#include "identity/attempts.h"
#include "identity/challenges.h"
#include "identity/identity.h"

namespace identity {

using LastUsed = std::shared_ptr<std::atomic<int64_t>>;  // nanoseconds; 0: never

struct StoredKey {
  Key key;
  LastUsed last_used = std::make_shared<std::atomic<int64_t>>(0);
};

// A key has one secret, and for a while after a rotation two.
struct KeySecret {
  std::string key_id;
  crypto::Digest hash{};
  std::optional<base::Time> expires;
};

struct StoredSession {
  Session session;
  crypto::Digest hash{};
  LastUsed last_seen = std::make_shared<std::atomic<int64_t>>(0);
};

struct OwnerLink {
  std::string user_id;
  base::Time expires;
  crypto::Digest hash{};
};

struct StoredInvitation {
  Invitation invitation;
  crypto::Digest hash{};
};

struct StoredTotp {
  std::string user_id;
  base::Bytes sealed_seed;
  bool confirmed = false;
  int64_t last_step = 0;
  std::vector<std::string> recovery_hashes;  // hex
};

struct StoredPasskey {
  Passkey passkey;
  PasskeyCredential credential;
};

struct DigestHash {
  size_t operator()(const crypto::Digest& digest) const {
    return base::load_le<size_t>(digest.data());
  }
};
struct DigestEqual {
  bool operator()(const crypto::Digest& a, const crypto::Digest& b) const {
    return crypto::equal_constant_time(a, b);
  }
};
template <class T>
using ByDigest = std::unordered_map<crypto::Digest, T, DigestHash, DigestEqual>;
template <class T>
using ById = std::map<std::string, T, std::less<>>;
using LimitsKey = std::tuple<ScopeKind, std::string, std::string>;  // kind, id, model

struct Tables {
  ById<Organisation> organisations;
  ById<Project> projects;
  ById<User> users;
  std::map<std::pair<std::string, std::string>, Member> members;  // by project and user
  ById<ServiceAccount> service_accounts;
  ById<StoredInvitation> invitations;
  ById<StoredKey> keys;
  ByDigest<KeySecret> key_secrets;
  ByDigest<StoredSession> sessions;
  ByDigest<OwnerLink> links;
  ById<StoredTotp> totp;  // by user
  ById<StoredPasskey> passkeys;
  std::map<std::pair<std::string, std::string>, std::string> subjects;  // issuer, subject → user
  std::map<LimitsKey, ScopeLimits> limits;
};

base::Status prepare_schema(db::Database& database);
// Secrets that were hashed without a key are hashed again with it: the stored hash is what is
// hashed, so nobody has to show the secret.
base::Status key_old_hashes(db::Database& database, const base::Secret& hash_key);
base::Status drop_expired(db::Database& database, base::Time now);
base::Result<Tables> load_tables(db::Database& database);

std::string list_text(const std::vector<std::string>& items);  // a JSON array
base::Status insert(db::Database& database, const Organisation& row);
base::Status insert(db::Database& database, const Project& row);
base::Status insert(db::Database& database, const User& row);
base::Status insert(db::Database& database, const Member& row);  // or replaces
base::Status insert(db::Database& database, const ServiceAccount& row);
base::Status insert(db::Database& database, const StoredInvitation& row);
base::Status insert(db::Database& database, const StoredKey& row);
base::Status insert(db::Database& database, const KeySecret& row);
base::Status insert(db::Database& database, const StoredSession& row);
base::Status insert(db::Database& database, const OwnerLink& row);
base::Status insert(db::Database& database, const StoredTotp& row);  // or replaces
base::Status insert(db::Database& database, const StoredPasskey& row);
base::Status insert(db::Database& database, const ScopeLimits& row);  // or replaces
base::Status insert(db::Database& database, const AuditEvent& row);

constexpr size_t kSecretLetters = 43;  // base 62: 256 bits
constexpr size_t kSecretBytesMax = 200;
constexpr size_t kNameBytesMax = 200;

base::Status check_name(std::string_view name, std::string_view what);
std::unexpected<base::Error> unknown(std::string_view what, std::string_view id);
inline bool is_over(const std::optional<base::Time>& end, base::Time now) {
  return end && *end <= now;
}
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

struct Identity::State {
  State(const base::Clock& the_clock, crypto::SealKey key, Tables loaded, db::Database database);

  // HMAC-SHA-256 of SHA-256 of the secret.
  crypto::Digest hash(std::string_view secret) const;
  // One change: its rows and its audit row in one transaction. An event without a type leaves none.
  using Rows = std::function<base::Status(db::Database&)>;
  base::Status write(const Rows& rows, AuditEvent event = {}, const Actor& by = {});

  // With `mutex` held:
  const Project* first_project(std::string_view org_id) const;
  bool may_use(const User& user, const Project& project) const;
  std::shared_ptr<const EffectiveLimits> limits_of(const Caller& caller) const;
  int owners(std::string_view org_id) const;

  // With `change` held: ends the keys that `fits` picks, in memory and then on disk.
  base::Status revoke_where(const std::function<bool(const Key&)>& fits);
  base::Result<NewSession> begin_session(const User& user, std::string_view method,
                                         bool verified_user, const Visitor& from,
                                         const Rows& more_rows, AuditEvent event = {});

  const base::Clock& clock;
  const crypto::SealKey seal_key;
  const base::Secret hash_key;
  Challenges challenges;
  Attempts attempts;                // by address: sign-ins that failed
  Attempts code_attempts;           // by user: wrong second factors
  std::mutex change;                // one change at a time: checked in memory, written, then shown
  mutable std::shared_mutex mutex;  // guards tables
  Tables tables;
  std::string path;
  db::Writer writer;
  std::unique_ptr<db::ReadPool> reading;  // goes first, so that the last to close tidies the file
};

// What was done to whom, for the audit trail.
AuditEvent act(std::string_view type, std::string_view org_id, std::string_view subject,
               json::Object details = {}, std::string_view project_id = {});

}  // namespace identity
