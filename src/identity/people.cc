// Users and invitations.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

// An address as it is kept and compared. Only its outline is judged: what is a mailbox, its server
// decides.
base::Result<std::string> clean_email(std::string_view email) {
  std::string out(email);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  const size_t at = out.find('@');
  const bool outline = at != std::string::npos && at > 0 && at + 1 < out.size() &&
                       out.find('@', at + 1) == std::string::npos && out.size() <= 254 &&
                       std::ranges::none_of(out, [](char c) {
                         return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f;
                       });
  if (!out.empty() && !outline)
    return base::fail(Code::InvalidArgument, "this is not an e-mail address", "email",
                      "invalid_value");
  return out;
}

const User* user_with_email(const Tables& tables, std::string_view org_id, std::string_view email) {
  for (const auto& [id, user] : tables.users)
    if (!email.empty() && user.email == email && user.org_id == org_id && !user.removed)
      return &user;
  return nullptr;
}

std::unexpected<base::Error> taken(const std::string& email) {
  return base::fail(Code::AlreadyExists, "somebody with this address is a user already", email,
                    "EMAIL_TAKEN");
}

std::unexpected<base::Error> last_owner(std::string_view user_id) {
  return base::fail(Code::FailedPrecondition,
                    "this is the last owner; make somebody else an owner first",
                    std::string(user_id), "LAST_OWNER");
}

}  // namespace

int Identity::State::owners(std::string_view org_id) const {
  return static_cast<int>(std::ranges::count_if(tables.users, [org_id](const auto& entry) {
    const User& user = entry.second;
    return user.org_id == org_id && user.role == Role::Owner && !user.removed;
  }));
}

base::Result<User> Identity::create_user(std::string_view org_id, std::string_view name, Role role,
                                         std::string_view email, const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  TRY(const std::string address, clean_email(email));
  std::lock_guard change(state_->change);
  if (!find_organisation(org_id)) return unknown("organisation", org_id);
  {
    std::shared_lock lock(state_->mutex);
    if (user_with_email(state_->tables, org_id, address)) return taken(address);
  }
  User user;
  user.id = crypto::random_id("user_"), user.org_id = org_id, user.name = name, user.role = role;
  user.created = state_->clock.now(), user.email = address;
  TRY_VOID(state_->write(
      [&](db::Database& database) { return insert(database, user); },
      act("user.added", org_id, user.id, {{"role", role_name(role)}, {"email", address}}), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.users[user.id] = user;
  return user;
}

base::Status Identity::set_role(std::string_view user_id, Role role, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  {
    std::shared_lock lock(state_->mutex);
    if (user->role == Role::Owner && role != Role::Owner && state_->owners(user->org_id) == 1)
      return last_owner(user_id);
  }
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE users SET role = ? WHERE id = ?", static_cast<int>(role),
                            user_id);
      },
      act("user.updated", user->org_id, user_id,
          {{"role", role_name(role)}, {"old_role", role_name(user->role)}}),
      by));
  {
    std::unique_lock lock(state_->mutex);
    state_->tables.users.find(user_id)->second.role = role;
  }
  if (role != Role::Member) return {};
  return state_->revoke_where(
      [user_id](const Key& key) { return key.user_id == user_id && key.kind == KeyKind::Admin; });
}

base::Status Identity::remove_user(std::string_view user_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  const base::Time now = state_->clock.now();
  {
    std::unique_lock lock(state_->mutex);
    Tables& tables = state_->tables;
    if (user->role == Role::Owner && state_->owners(user->org_id) == 1) return last_owner(user_id);
    tables.users.find(user_id)->second.removed = now;
    std::erase_if(tables.sessions,
                  [&](const auto& entry) { return entry.second.session.user_id == user_id; });
    std::erase_if(tables.links, [&](const auto& entry) { return entry.second.user_id == user_id; });
    std::erase_if(tables.members, [&](const auto& entry) { return entry.first.second == user_id; });
    std::erase_if(tables.passkeys,
                  [&](const auto& entry) { return entry.second.passkey.user_id == user_id; });
    std::erase_if(tables.subjects, [&](const auto& entry) { return entry.second == user_id; });
    tables.totp.erase(std::string(user_id));
  }
  TRY_VOID(state_->revoke_where([user_id](const Key& key) { return key.user_id == user_id; }));
  return state_->write(
      [&](db::Database& database) -> base::Status {
        for (const char* table :
             {"sessions", "owner_links", "members", "passkeys", "subjects", "totp"})
          TRY_VOID(database.run("DELETE FROM " + std::string(table) + " WHERE user = ?", user_id));
        return database.run("UPDATE users SET removed = ? WHERE id = ?", now.ns, user_id);
      },
      act("user.deleted", user->org_id, user_id), by);
}

base::Status Identity::set_language(std::string_view user_id, std::string_view language) {
  if (language != "" && language != "en" && language != "zh-Hans" && language != "zh-Hant")
    return base::fail(Code::InvalidArgument, "a language is \"en\", \"zh-Hans\" or \"zh-Hant\"",
                      "language", "BAD_LANGUAGE");
  std::lock_guard change(state_->change);
  if (!find_user(user_id)) return unknown("user", user_id);
  TRY_VOID(state_->write([&](db::Database& database) {
    return database.run("UPDATE users SET language = ? WHERE id = ?", language, user_id);
  }));
  std::unique_lock lock(state_->mutex);
  state_->tables.users.find(user_id)->second.language = language;
  return {};
}

base::Status Identity::rename_user(std::string_view user_id, std::string_view name,
                                   const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        return database.run("UPDATE users SET name = ? WHERE id = ?", name, user_id);
      },
      act("user.updated", user->org_id, user_id, {{"name", name}}), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.users.find(user_id)->second.name = name;
  return {};
}

std::vector<User> Identity::users(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<User> rows;
  for (const auto& [id, user] : state_->tables.users)
    if (user.org_id == org_id && !user.removed) rows.push_back(user);
  std::ranges::sort(rows, older<User>);
  return rows;
}

base::Result<Identity::NewInvitation> Identity::invite(const InvitationRequest& request,
                                                       const Actor& by) {
  TRY(const std::string email, clean_email(request.email));
  std::lock_guard change(state_->change);
  if (!find_organisation(request.org_id)) return unknown("organisation", request.org_id);
  for (const ProjectGrant& grant : request.projects) {
    const auto project = find_project(grant.project_id);
    if (!project || project->org_id != request.org_id || project->archived)
      return unknown("project", grant.project_id);
  }
  {
    std::shared_lock lock(state_->mutex);
    if (user_with_email(state_->tables, request.org_id, email)) return taken(email);
  }
  const std::string token = crypto::random_base62(kSecretLetters);
  StoredInvitation stored;
  const base::Time now = state_->clock.now();
  stored.hash = state_->hash(token);
  stored.invitation = {crypto::random_id("invite_"),
                       request.org_id,
                       email,
                       request.role,
                       request.projects,
                       by.user_id,
                       now,
                       now + request.life,
                       {},
                       {}};
  const Invitation& invitation = stored.invitation;
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, stored); },
                         act("invite.sent", request.org_id, invitation.id,
                             {{"email", email}, {"role", role_name(request.role)}}),
                         by));
  std::unique_lock lock(state_->mutex);
  state_->tables.invitations[invitation.id] = stored;
  return NewInvitation{invitation, base::Secret(token)};
}

base::Status Identity::withdraw_invitation(std::string_view invitation_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto invitation = find_invitation(invitation_id);
  if (!invitation) return unknown("invitation", invitation_id);
  if (invitation->accepted)
    return base::fail(Code::FailedPrecondition,
                      "this invitation was accepted; remove the user instead",
                      std::string(invitation_id), "INVITATION_ACCEPTED");
  {
    std::unique_lock lock(state_->mutex);
    state_->tables.invitations.erase(std::string(invitation_id));
  }
  return state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM invitations WHERE id = ?", invitation_id);
      },
      act("invite.deleted", invitation->org_id, invitation_id), by);
}

std::vector<Invitation> Identity::invitations(std::string_view org_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Invitation> rows;
  for (const auto& [id, stored] : state_->tables.invitations)
    if (stored.invitation.org_id == org_id) rows.push_back(stored.invitation);
  std::ranges::sort(rows, older<Invitation>);
  return rows;
}

std::optional<Invitation> Identity::find_invitation(std::string_view invitation_id) const {
  std::shared_lock lock(state_->mutex);
  const auto found = state_->tables.invitations.find(invitation_id);
  if (found == state_->tables.invitations.end()) return std::nullopt;
  return found->second.invitation;
}

base::Result<Invitation> Identity::read_invitation(std::string_view token) const {
  const crypto::Digest hash = state_->hash(token);
  std::shared_lock lock(state_->mutex);
  for (const auto& [id, stored] : state_->tables.invitations)
    if (token.size() <= kSecretBytesMax && crypto::equal_constant_time(stored.hash, hash) &&
        stored.invitation.status(state_->clock.now()) == "pending")
      return stored.invitation;
  return base::fail(Code::Unauthenticated,
                    "this invitation was used already, withdrawn, or is too old; ask for a new one",
                    {}, "invalid_invitation");
}

}  // namespace identity
