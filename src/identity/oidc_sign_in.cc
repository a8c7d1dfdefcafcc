// Who a user of another provider is here.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

struct Found {
  std::optional<User> user;              // who it is already
  std::optional<Invitation> invitation;  // or becomes
};

Found find_subject(const Tables& tables, const OidcClaims& claims, base::Time now) {
  const auto known = tables.subjects.find({claims.issuer, claims.subject});
  if (known != tables.subjects.end()) return {tables.users.find(known->second)->second, {}};
  if (claims.email.empty()) return {};
  for (const auto& [id, stored] : tables.invitations)
    if (stored.invitation.email == claims.email && stored.invitation.status(now) == "pending")
      return {{}, stored.invitation};
  for (const auto& [id, user] : tables.users)
    if (user.email == claims.email && !user.removed) return {user, {}};
  return {};
}

User new_user(const Invitation& invitation, const OidcClaims& claims, base::Time now) {
  User user;
  user.id = crypto::random_id("user_"), user.org_id = invitation.org_id;
  user.name = check_name(claims.name, "name") ? claims.name : invitation.email;
  user.role = invitation.role, user.created = now, user.email = invitation.email;
  return user;
}

}  // namespace

base::Result<NewSession> Identity::sign_in_with(const OidcClaims& claims, const Visitor& from) {
  const base::Time now = state_->clock.now();
  std::lock_guard change(state_->change);
  Found found;
  {
    std::shared_lock lock(state_->mutex);
    found = find_subject(state_->tables, claims, now);
  }
  if ((!found.user && !found.invitation) || (found.user && found.user->removed))
    return base::fail(base::Code::PermissionDenied,
                      "nobody here has this account; ask an administrator for an invitation to "
                      "your address",
                      {}, "not_invited");
  const bool is_new = !found.user;
  const User user = is_new ? new_user(*found.invitation, claims, now) : *found.user;
  std::vector<Member> members;
  if (is_new)
    for (const ProjectGrant& grant : found.invitation->projects)
      members.push_back({grant.project_id, user.id, grant.role, now});
  TRY(NewSession made,
      state_->begin_session(user, "oidc", false, from, [&](db::Database& database) -> base::Status {
        if (is_new) {
          TRY_VOID(insert(database, user));
          TRY_VOID(database.run("UPDATE invitations SET accepted = ?, accepted_by = ? WHERE id = ?",
                                now.ns, user.id, found.invitation->id));
        }
        for (const Member& member : members) TRY_VOID(insert(database, member));
        return database.run("INSERT OR REPLACE INTO subjects VALUES(?,?,?)", claims.issuer,
                            claims.subject, user.id);
      }));
  std::unique_lock lock(state_->mutex);
  Tables& tables = state_->tables;
  tables.subjects[{claims.issuer, claims.subject}] = user.id;
  if (!is_new) return made;
  tables.users[user.id] = user;
  for (const Member& member : members) tables.members[{member.project_id, member.user_id}] = member;
  Invitation& shown = tables.invitations.find(found.invitation->id)->second.invitation;
  shown.accepted = now, shown.accepted_by = user.id;
  return made;
}

}  // namespace identity
