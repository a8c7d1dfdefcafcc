// identity.db and its picture in memory. Included only by the .cc files of this folder.
#pragma once

#include <map>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>

#include "crypto/hmac.h"
#include "crypto/sha256.h"
#include "db/writer.h"
#include "identity/identity.h"

namespace identity {

struct StoredKey {
  Key key;
  crypto::Digest hash{};
};

struct StoredSession {
  Session session;
  crypto::Digest hash{};
};

struct OwnerLink {
  std::string user_id;
  base::Time expires;
  crypto::Digest hash{};
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

struct Tables {
  std::map<std::string, Organisation, std::less<>> organisations;  // by id
  std::map<std::string, Project, std::less<>> projects;
  std::map<std::string, User, std::less<>> users;
  std::map<std::string, StoredKey, std::less<>> keys;
  ByDigest<std::string> key_ids;  // by hash of the secret
  ByDigest<StoredSession> sessions;
  ByDigest<OwnerLink> links;
};

base::Status prepare_schema(db::Database& database);
base::Status drop_expired(db::Database& database, base::Time now);
base::Result<Tables> load_tables(db::Database& database);

base::Status insert(db::Database& database, const Organisation& row);
base::Status insert(db::Database& database, const Project& row);
base::Status insert(db::Database& database, const User& row);
base::Status insert(db::Database& database, const StoredKey& row);
base::Status insert(db::Database& database, const StoredSession& row);
base::Status insert(db::Database& database, const OwnerLink& row);

struct Identity::State {
  State(const base::Clock& the_clock, Tables loaded, db::Database database)
      : clock(the_clock), tables(std::move(loaded)), writer(std::move(database)) {}

  const base::Clock& clock;
  std::mutex change;                // one change at a time: checked in memory, written, then shown
  mutable std::shared_mutex mutex;  // guards tables
  Tables tables;
  db::Writer writer;
};

}  // namespace identity
