// API keys and what they may do: kinds, scopes, models, expiry, rotation. A key's secret is 256
// random bits behind the prefix of its kind, and is kept only as a keyed hash.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace identity {

enum class KeyKind : unsigned char {
  User,     // "sk-charter-…": a person, with that person's rights, in one project
  Project,  // "sk-proj-…": a project's, made by one of its members; loses effect with that member
  Service,  // "sk-svcacct-…": a service account's
  Admin,    // "sk-admin-…": the routes below /v1/organization, and no others
};
std::string_view key_kind_name(KeyKind kind);    // "user" "project" "service_account" "admin"
std::string_view key_kind_prefix(KeyKind kind);  // "sk-charter-"
base::Result<KeyKind> parse_key_kind(std::string_view name);

struct Key {
  std::string id = {};                       // "key_…"
  std::string org_id = {}, project_id = {};  // an admin key has no project
  std::string user_id = {};                  // whose it is; a service account's id for its keys
  std::string name = {};
  std::string redacted = {};             // "sk-charter-…wXyZ"
  std::vector<std::string> scopes = {};  // empty: everything that its user may
  std::vector<std::string> models = {};  // public names that it may ask for; empty: all
  base::Time created = {};
  std::optional<base::Time> expires = {};
  std::optional<base::Time> revoked = {};
  KeyKind kind = KeyKind::User;
  std::optional<base::Time> last_used = {};         // to the minute
  std::optional<base::Time> old_secret_until = {};  // after a rotation: when the old one ends
};

struct NewKey {
  Key key = {};
  base::Secret secret = {};  // shown once, never again
};

struct KeyRequest {
  KeyKind kind = KeyKind::User;
  std::string owner_id = {};  // a user, or a service account
  std::string project_id = {};
  std::string name = {};
  std::vector<std::string> scopes = {};
  std::optional<base::Time> expires = {};
  std::vector<std::string> models = {};
};

// What a key can be given anew; absent: as it was.
struct KeyChange {
  std::optional<std::string> name = {};
  std::optional<std::vector<std::string>> models = {};
};

// The scopes that there are. A key with scopes may do only what they name; "x.write" includes
// "x.read", and "api.admin" includes "usage.read".
struct ScopeInfo {
  std::string_view name;
  std::string_view meaning;
};
std::span<const ScopeInfo> all_scopes();
bool scopes_allow(std::span<const std::string> granted, std::string_view needed);
base::Status check_scopes(
    std::span<const std::string> scopes);  // InvalidArgument names the wrong one

constexpr size_t kModelsMax = 100;
base::Status check_models(std::span<const std::string> models);  // their number and their length

}  // namespace identity
