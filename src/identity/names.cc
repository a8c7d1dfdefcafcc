// The names of kinds and roles, the scopes, and the rules of names.
#include <algorithm>
#include <array>

#include "base/utf8.h"
#include "identity/store.h"

namespace identity {
namespace {

constexpr std::array<std::string_view, 3> kRoles{"member", "admin", "owner"};
constexpr std::array<std::string_view, 2> kProjectRoles{"member", "owner"};
constexpr std::array<std::string_view, 4> kKeyKinds{"user", "project", "service_account", "admin"};
constexpr std::array<std::string_view, 4> kKeyPrefixes{"sk-charter-", "sk-proj-", "sk-svcacct-",
                                                       "sk-admin-"};
constexpr std::array<std::string_view, 4> kScopeKinds{"organization", "project", "user", "key"};
constexpr std::array<std::string_view, 4> kActorKinds{"system", "api_key", "session", "local"};

constexpr std::string_view kUsageScope = "usage.read", kAdminScope = "api.admin";
constexpr ScopeInfo kScopes[] = {
    {"model.read", "list models"},
    {"model.request", "chat, completions, embeddings, moderations, responses"},
    {"responses.read", "read stored responses and conversations"},
    {"responses.write", "change and delete stored responses and conversations"},
    {"files.read", "read files and uploads"},
    {"files.write", "make and delete files and uploads"},
    {"batches.read", "read batches"},
    {"batches.write", "make and cancel batches"},
    {"fine_tuning.read", "read fine-tuning jobs"},
    {"fine_tuning.write", "make and cancel fine-tuning jobs"},
    {"vector_stores.read", "read and search vector stores"},
    {"vector_stores.write", "make, fill and delete vector stores"},
    {"webhooks.read", "read webhook endpoints"},
    {"webhooks.write", "make and delete webhook endpoints"},
    {"charter.read", "read the charter, proposals, channels and the log"},
    {"charter.write", "hand in statements that persons have signed"},
    {kUsageScope, "read usage and costs"},
    {kAdminScope, "the routes below /v1/organization"},
};

template <class Enum, size_t Count>
base::Result<Enum> parse_name(const std::array<std::string_view, Count>& names,
                              std::string_view name, std::string_view what) {
  const auto found = std::ranges::find(names, name);
  if (found != names.end()) return static_cast<Enum>(found - names.begin());
  std::string all;
  for (const std::string_view one : names) all.append(all.empty() ? "" : ", ").append(one);
  return base::fail(base::Code::InvalidArgument, "Supported values are: " + all, std::string(what),
                    "invalid_value");
}

}  // namespace

std::string_view role_name(Role role) { return kRoles[static_cast<size_t>(role)]; }
base::Result<Role> parse_role(std::string_view name) {
  return parse_name<Role>(kRoles, name == "reader" ? "member" : name, "role");
}

std::string_view project_role_name(ProjectRole role) {
  return kProjectRoles[static_cast<size_t>(role)];
}
base::Result<ProjectRole> parse_project_role(std::string_view name) {
  return parse_name<ProjectRole>(kProjectRoles, name, "role");
}

std::string_view key_kind_name(KeyKind kind) { return kKeyKinds[static_cast<size_t>(kind)]; }
std::string_view key_kind_prefix(KeyKind kind) { return kKeyPrefixes[static_cast<size_t>(kind)]; }
base::Result<KeyKind> parse_key_kind(std::string_view name) {
  return parse_name<KeyKind>(kKeyKinds, name == "service" ? "service_account" : name, "kind");
}

std::string_view scope_kind_name(ScopeKind kind) { return kScopeKinds[static_cast<size_t>(kind)]; }
base::Result<ScopeKind> parse_scope_kind(std::string_view name) {
  return parse_name<ScopeKind>(kScopeKinds, name, "scope");
}

std::string_view actor_kind_name(ActorKind kind) { return kActorKinds[static_cast<size_t>(kind)]; }

std::span<const ScopeInfo> all_scopes() { return kScopes; }

bool scopes_allow(std::span<const std::string> granted, std::string_view needed) {
  if (granted.empty()) return true;
  return std::ranges::any_of(granted, [needed](const std::string& scope) {
    if (scope == needed || (scope == kAdminScope && needed == kUsageScope)) return true;
    return scope.ends_with(".write") && needed.ends_with(".read") &&
           std::string_view(scope).substr(0, scope.size() - 6) ==
               needed.substr(0, needed.size() - 5);
  });
}

base::Status check_scopes(std::span<const std::string> scopes) {
  for (const std::string& scope : scopes) {
    const bool known =
        std::ranges::any_of(kScopes, [&](const ScopeInfo& info) { return info.name == scope; });
    if (known) continue;
    std::string all;
    for (const ScopeInfo& info : kScopes) all.append(all.empty() ? "" : ", ").append(info.name);
    return base::fail(base::Code::InvalidArgument,
                      "there is no scope \"" + scope + "\"; the scopes are " + all, "scopes",
                      "invalid_value");
  }
  return {};
}

base::Status check_models(std::span<const std::string> models) {
  const bool named = std::ranges::all_of(
      models, [](const std::string& name) { return check_name(name, "").has_value(); });
  if (named && models.size() <= kModelsMax) return {};
  return base::fail(base::Code::InvalidArgument,
                    "a key names at most 100 models, each by 1 to 200 bytes of printable text",
                    "allowed_models", "invalid_value");
}

std::string_view Invitation::status(base::Time now) const {
  return accepted ? "accepted" : expires <= now ? "expired" : "pending";
}

base::Status check_name(std::string_view name, std::string_view what) {
  const bool printable = std::ranges::none_of(
      name, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; });
  if (name.empty() || name.size() > kNameBytesMax || !printable || !base::is_utf8(name))
    return base::fail(base::Code::InvalidArgument, "a name has 1 to 200 bytes of printable text",
                      std::string(what), "BAD_NAME");
  return {};
}

std::unexpected<base::Error> unknown(std::string_view what, std::string_view id) {
  return base::fail(base::Code::NotFound, "there is no " + std::string(what) + " with this id",
                    std::string(id), "UNKNOWN_ID");
}

}  // namespace identity
