// Who is asking: organisations, projects, users, service accounts, API keys, sessions, ways to sign
// in, limits. All of it is held in memory and written through to identity.db, so that
// authenticating a request costs no disk, and a revocation counts from the moment its call returns.
// Secrets are 256 random bits and are stored only as keyed hashes; what must be read again is
// sealed. An administrative act takes who does it, and leaves an audit row. Thread-safe.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"
#include "crypto/seal.h"
#include "identity/audit.h"
#include "identity/keys.h"
#include "identity/limits.h"
#include "identity/oidc.h"
#include "identity/people.h"
#include "identity/webauthn.h"

namespace identity {

struct Session {
  std::string id = {};  // "sess_…"
  std::string user_id = {};
  std::string agent = {};  // the browser, as it calls itself
  base::Time created = {}, expires = {};
  std::string method = {};           // how it began: "link" "invitation" "passkey" "oidc"
  bool needs_second_factor = false;  // nothing is allowed until confirm_session()
  base::Time last_seen = {};         // to the minute
};

struct NewSession {
  Session session = {};
  base::Secret token = {};  // the cookie's value
};

struct Passkey {
  std::string id = {};  // "passkey_…"
  std::string user_id = {};
  std::string name = {};
  base::Time created = {};
  std::optional<base::Time> last_used = {};
};

// Where somebody signs in from; shown in the list of sessions and counted against guessing.
struct Visitor {
  std::string_view address = {}, agent = {};
};

// An authenticated caller: all that the gateway needs to admit, hold and record a request.
struct Caller {
  std::string user_id = {}, org_id = {}, project_id = {};  // a service account's id as user_id
  std::string key_id = {};                                 // empty for a session
  std::string session_id = {};                             // empty for a key
  std::string account = {};  // the ledger account that pays: "2000:" + org_id
  Role role = Role::Member;
  std::vector<std::string> scopes = {};  // empty: everything that its role may
  std::vector<std::string> models = {};  // that it may ask for; empty: all
  KeyKind key_kind = KeyKind::User;
  std::shared_ptr<const EffectiveLimits> limits = {};  // null: none
  bool local = false;                                  // the operator, through the control socket
};

class Identity {
 public:
  // Opens or makes the file, and `secrets.key` in its folder (0600), which hashes and seals. Keys
  // that an older Charter hashed without it are hashed again.
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
  std::optional<Founding> founding() const;  // empty before found()

  // Errors: Unauthenticated, reason invalid_api_key (also: expired, revoked, project archived). The
  // key itself is in no message.
  base::Result<Caller> authenticate_key(std::string_view secret) const;
  // Reason invalid_session, or second_factor_required.
  base::Result<Caller> authenticate_session(std::string_view token) const;
  // A caller without a secret, for work that its owner left behind (a batch, a background answer).
  // Errors as if its key were presented now: a revoked key's work stops.
  base::Result<Caller> caller_of_key(std::string_view key_id) const;

  // --- keys (keys.cc)
  base::Result<NewKey> create_key(const KeyRequest& request, const Actor& by = {});
  base::Result<NewKey> create_key(std::string_view user_id, std::string_view project_id,
                                  std::string_view name, std::vector<std::string> scopes = {},
                                  std::optional<base::Time> expires = {});
  base::Status revoke_key(std::string_view key_id,
                          const Actor& by = {});  // twice is harmless; unknown: NotFound
  // A new secret for the same key; the old one works for `grace` longer.
  base::Result<NewKey> rotate_key(std::string_view key_id, base::Duration grace,
                                  const Actor& by = {});
  // Counts from the next request on. A revoked key: FailedPrecondition, reason KEY_REVOKED.
  base::Result<Key> change_key(std::string_view key_id, const KeyChange& change,
                               const Actor& by = {});
  std::vector<Key> keys(std::string_view org_id) const;
  std::optional<Key> find_key(std::string_view key_id) const;

  // --- people (people.cc)
  base::Result<User> create_user(std::string_view org_id, std::string_view name, Role role,
                                 std::string_view email = {}, const Actor& by = {});
  // The last owner can be neither demoted nor removed: FailedPrecondition, reason LAST_OWNER.
  base::Status set_role(std::string_view user_id, Role role, const Actor& by = {});
  // Ends the user's sessions and keys.
  base::Status remove_user(std::string_view user_id, const Actor& by = {});
  base::Status set_language(std::string_view user_id, std::string_view language);
  base::Status rename_user(std::string_view user_id, std::string_view name, const Actor& by = {});
  std::optional<User> find_user(std::string_view user_id) const;
  std::optional<Organisation> find_organisation(std::string_view org_id) const;
  std::vector<User> users(std::string_view org_id) const;  // without those removed

  // An invitation is a link that works once. Errors: AlreadyExists when the address is a user's.
  struct InvitationRequest {
    std::string org_id = {}, email = {};
    Role role = Role::Member;
    std::vector<ProjectGrant> projects = {};
    base::Duration life = base::seconds(7 * 24 * 3600);
  };
  struct NewInvitation {
    Invitation invitation = {};
    base::Secret token = {};
  };
  base::Result<NewInvitation> invite(const InvitationRequest& request, const Actor& by = {});
  base::Status withdraw_invitation(std::string_view invitation_id, const Actor& by = {});
  std::vector<Invitation> invitations(std::string_view org_id) const;
  std::optional<Invitation> find_invitation(std::string_view invitation_id) const;
  // Whom a link invites, without spending it. Unauthenticated, reason invalid_invitation.
  base::Result<Invitation> read_invitation(std::string_view token) const;
  base::Result<NewSession> accept_invitation(std::string_view token, std::string_view name,
                                             const Visitor& from);

  // --- projects (projects.cc)
  base::Result<Project> create_project(std::string_view org_id, std::string_view name,
                                       const Actor& by = {});
  base::Status rename_project(std::string_view project_id, std::string_view name,
                              const Actor& by = {});
  // Its keys are refused from then on. The organisation's first project stays.
  base::Status archive_project(std::string_view project_id, const Actor& by = {});
  std::optional<Project> find_project(std::string_view project_id) const;
  std::vector<Project> projects(std::string_view org_id) const;  // the archived ones too

  base::Status set_member(std::string_view project_id, std::string_view user_id, ProjectRole role,
                          const Actor& by = {});  // adds, or changes the role
  // The keys that the user made in the project end with it.
  base::Status remove_member(std::string_view project_id, std::string_view user_id,
                             const Actor& by = {});
  std::vector<Member> members(std::string_view project_id) const;
  bool may_use(std::string_view user_id, std::string_view project_id) const;

  base::Result<ServiceAccount> create_service_account(std::string_view project_id,
                                                      std::string_view name, ProjectRole role,
                                                      const Actor& by = {});
  base::Status remove_service_account(std::string_view account_id, const Actor& by = {});
  std::vector<ServiceAccount> service_accounts(std::string_view project_id) const;
  std::optional<ServiceAccount> find_service_account(std::string_view account_id) const;

  // --- signing in (sessions.cc)
  // A link that signs its user in once, within 24 hours. The token goes into GET /signin?token=…
  base::Result<base::Secret> create_owner_link(std::string_view user_id, const Actor& by = {});
  // Spends the token and starts a session. Errors: Unauthenticated, reason invalid_owner_link;
  // RateLimited after many wrong ones from one address.
  base::Result<NewSession> redeem_owner_link(std::string_view token, std::string_view agent,
                                             std::string_view address = {});
  std::vector<Session> sessions(std::string_view user_id) const;
  base::Status end_session(std::string_view session_id, const Actor& by = {});
  base::Status end_all_sessions(std::string_view user_id, std::string_view except_session_id = {},
                                const Actor& by = {});

  // --- second factor (second_factor.cc)
  struct TotpSetup {
    base::Secret seed_base32 = {}, uri = {};
  };
  // Takes effect with confirm_totp(), which proves that the app has the seed.
  base::Result<TotpSetup> begin_totp(std::string_view user_id);
  base::Result<std::vector<base::Secret>> confirm_totp(std::string_view user_id,
                                                       std::string_view code,
                                                       const Actor& by = {});  // recovery codes
  base::Status remove_totp(std::string_view user_id, const Actor& by = {});
  bool has_totp(std::string_view user_id) const;
  int64_t recovery_codes_left(std::string_view user_id) const;
  // A code of the app, or a recovery code, lifts needs_second_factor. Errors: Unauthenticated,
  // reason wrong_code; RateLimited after five wrong ones.
  base::Status confirm_session(std::string_view token, std::string_view code);

  // --- passkeys (passkeys.cc). Challenges live for five minutes and are spent by one answer.
  base::Result<json::Value> begin_passkey_registration(std::string_view user_id,
                                                       const RelyingParty& party);
  base::Result<Passkey> finish_passkey_registration(std::string_view user_id, std::string_view name,
                                                    const json::Value& response,
                                                    const RelyingParty& party,
                                                    const Actor& by = {});
  json::Value begin_passkey_sign_in(const RelyingParty& party);
  // A passkey verifies its user, so no second factor is asked for.
  base::Result<NewSession> finish_passkey_sign_in(const json::Value& response,
                                                  const RelyingParty& party, const Visitor& from);
  std::vector<Passkey> passkeys(std::string_view user_id) const;
  base::Status remove_passkey(std::string_view user_id, std::string_view passkey_id,
                              const Actor& by = {});

  // --- another provider (oidc_sign_in.cc). Its user is, in this order: who signed in with this
  // subject before; whom a pending invitation names; whose address it is. Else PermissionDenied,
  // reason not_invited.
  base::Result<NewSession> sign_in_with(const OidcClaims& claims, const Visitor& from);

  // --- limits (limits.cc). A row without any number is removed.
  base::Status set_limits(const ScopeLimits& row, const Actor& by = {});
  std::vector<ScopeLimits> limits(std::string_view org_id) const;  // of all that is in it
  std::optional<ScopeLimits> find_limits(ScopeKind kind, std::string_view id,
                                         std::string_view model = {}) const;
  std::shared_ptr<const EffectiveLimits> limits_of(const Caller& caller) const;

  // --- audit (audit.cc)
  // For acts that no other function of this class writes down (an upstream's key, a deposit).
  base::Status record(AuditEvent event);
  struct AuditPage {
    std::vector<AuditEvent> events = {};  // newest first
    bool has_more = false;
  };
  base::Result<AuditPage> audit(const AuditQuery& query) const;

  // Writes when keys and sessions were last used; the server calls it once a minute.
  void flush_last_used();
  const crypto::SealKey& seal_key() const;

 private:
  struct State;
  explicit Identity(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace identity
