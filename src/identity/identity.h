// Who is asking: organisations, projects, users, API keys, sessions and one-time owner links. All
// of it is held in memory and written through to identity.db, so that authenticating a request
// costs no disk, and a revocation counts from the moment its call returns. Secrets are 256 random
// bits and are stored only as their SHA-256. Thread-safe.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "identity/keys.h"
#include "identity/limits.h"
#include "identity/people.h"

namespace identity {

struct Session {
  std::string id = {};  // "sess_…"
  std::string user_id = {};
  std::string agent = {};  // the browser, as it calls itself
  base::Time created = {}, expires = {};
};

struct NewSession {
  Session session = {};
  base::Secret token = {};  // the cookie's value
};

// An authenticated caller: all that the gateway needs to admit, hold and record a request.
struct Caller {
  std::string user_id = {}, org_id = {}, project_id = {};
  std::string key_id = {};      // empty for a session
  std::string session_id = {};  // empty for a key
  std::string account = {};     // the ledger account that pays: "2000:" + org_id
  Role role = Role::Member;
  std::vector<std::string> scopes = {};  // empty: everything that its role may
  KeyKind key_kind = KeyKind::User;
  std::shared_ptr<const EffectiveLimits> limits = {};  // null: none
};

class Identity {
 public:
  static base::Result<std::unique_ptr<Identity>> open(const std::string& path,
                                                      const base::Clock& clock);
  ~Identity();

  // The first organisation, project and owner. Does nothing when there is one: `created` tells.
  struct Founding {
    Organisation organisation = {};
    Project project = {};
    User owner = {};
    bool created = false;
  };
  base::Result<Founding> found(std::string_view organisation_name, std::string_view owner_name);

  // Errors: Unauthenticated, reason invalid_api_key (also: expired, revoked). The key itself is in
  // no message.
  base::Result<Caller> authenticate_key(std::string_view secret) const;
  base::Result<Caller> authenticate_session(
      std::string_view token) const;  // reason invalid_session

  base::Result<NewKey> create_key(std::string_view user_id, std::string_view project_id,
                                  std::string_view name, std::vector<std::string> scopes = {},
                                  std::optional<base::Time> expires = {});
  base::Status revoke_key(std::string_view key_id);  // twice is harmless; unknown: NotFound
  std::vector<Key> keys(std::string_view org_id) const;

  // A link that signs its user in once, within 24 hours. The token goes into GET /signin?token=…
  base::Result<base::Secret> create_owner_link(std::string_view user_id);
  // Spends the token and starts a session. Errors: Unauthenticated, reason invalid_owner_link.
  base::Result<NewSession> redeem_owner_link(std::string_view token, std::string_view agent);

  std::vector<Session> sessions(std::string_view user_id) const;
  base::Status end_session(std::string_view session_id);
  base::Status end_all_sessions(std::string_view user_id);

  base::Result<User> create_user(std::string_view org_id, std::string_view name, Role role);
  base::Result<Project> create_project(std::string_view org_id, std::string_view name);
  base::Status set_language(std::string_view user_id, std::string_view language);
  std::optional<User> find_user(std::string_view user_id) const;
  std::optional<Organisation> find_organisation(std::string_view org_id) const;
  std::optional<Project> find_project(std::string_view project_id) const;
  std::vector<User> users(std::string_view org_id) const;
  std::vector<Project> projects(std::string_view org_id) const;
  std::optional<Founding> founding() const;  // empty before found()

 private:
  struct State;
  explicit Identity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

// The keys in a file, while another process may be using it.
base::Result<std::vector<Key>> read_keys(const std::string& path);

}  // namespace identity
