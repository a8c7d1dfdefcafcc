// Signing in by link or invitation, and the sessions that come of it.
#include <algorithm>

#include "base/utf8.h"
#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

constexpr base::Duration kSessionLife = base::seconds(30 * 24 * 3600);
constexpr base::Duration kUnconfirmedLife = base::seconds(10 * 60);
constexpr base::Duration kOwnerLinkLife = base::seconds(24 * 3600);

}  // namespace

base::Result<NewSession> Identity::State::begin_session(const User& user, std::string_view method,
                                                        bool verified_user, const Visitor& from,
                                                        const Rows& more_rows, AuditEvent event) {
  const base::Time now = clock.now();
  const std::string cookie = crypto::random_base62(kSecretLetters);
  StoredSession stored;
  stored.hash = hash(cookie);
  Session& session = stored.session;
  session.id = crypto::random_id("sess_"), session.user_id = user.id, session.method = method;
  session.agent = base::replace_invalid_utf8(from.agent.substr(0, kNameBytesMax));
  session.created = session.last_seen = now;
  {
    std::shared_lock lock(mutex);
    const auto totp = tables.totp.find(user.id);
    session.needs_second_factor =
        !verified_user && totp != tables.totp.end() && totp->second.confirmed;
  }
  session.expires = now + (session.needs_second_factor ? kUnconfirmedLife : kSessionLife);
  if (event.type.empty()) event = act("login.succeeded", user.org_id, user.id);
  event.details = json::Object{{"method", method}, {"session", session.id}};
  Actor by{ActorKind::Session, session.id, user.id, std::string(from.address), session.agent, ""};
  TRY_VOID(write(
      [&](db::Database& database) -> base::Status {
        if (more_rows) TRY_VOID(more_rows(database));
        return insert(database, stored);
      },
      std::move(event), by));
  std::unique_lock lock(mutex);
  tables.sessions[stored.hash] = stored;
  return NewSession{session, base::Secret(cookie)};
}

base::Result<base::Secret> Identity::create_owner_link(std::string_view user_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  const std::string token = crypto::random_base62(kSecretLetters);
  const OwnerLink link{std::string(user_id), state_->clock.now() + kOwnerLinkLife,
                       state_->hash(token)};
  TRY_VOID(state_->write(
      [&](db::Database& database) -> base::Status {
        TRY_VOID(database.run("DELETE FROM owner_links WHERE user = ?", link.user_id));
        return insert(database, link);
      },
      act("sign_in_link.created", user->org_id, user_id), by));
  std::unique_lock lock(state_->mutex);
  std::erase_if(state_->tables.links,
                [&](const auto& entry) { return entry.second.user_id == link.user_id; });
  state_->tables.links[link.hash] = link;
  return base::Secret(token);
}

base::Result<NewSession> Identity::redeem_owner_link(std::string_view token, std::string_view agent,
                                                     std::string_view address) {
  const base::Time now = state_->clock.now();
  TRY_VOID(state_->attempts.check(address, now));
  const auto refused = [&] {
    state_->attempts.failed(address, now);
    return base::fail(Code::Unauthenticated,
                      "this sign-in link was used already or is too old; `charter key owner-link` "
                      "makes a new one",
                      {}, "invalid_owner_link");
  };
  if (token.size() > kSecretBytesMax) return refused();
  std::lock_guard change(state_->change);
  const crypto::Digest hash = state_->hash(token);
  User user;
  {
    std::shared_lock lock(state_->mutex);
    const auto found = state_->tables.links.find(hash);
    if (found == state_->tables.links.end() || found->second.expires <= now) return refused();
    user = state_->tables.users.find(found->second.user_id)->second;
  }
  TRY(NewSession made,
      state_->begin_session(user, "link", false, {address, agent}, [&](db::Database& database) {
        return database.run("DELETE FROM owner_links WHERE hash = ?", base::ByteSpan(hash));
      }));
  std::unique_lock lock(state_->mutex);
  state_->tables.links.erase(hash);
  return made;
}

base::Result<NewSession> Identity::accept_invitation(std::string_view token, std::string_view name,
                                                     const Visitor& from) {
  const base::Time now = state_->clock.now();
  TRY_VOID(state_->attempts.check(from.address, now));
  TRY_VOID(check_name(name, "name"));
  std::lock_guard change(state_->change);
  auto invitation = read_invitation(token);
  if (!invitation) {
    state_->attempts.failed(from.address, now);
    return std::unexpected(invitation.error());
  }
  User user;
  user.id = crypto::random_id("user_"), user.org_id = invitation->org_id, user.name = name;
  user.role = invitation->role, user.created = now, user.email = invitation->email;
  std::vector<Member> members;
  for (const ProjectGrant& grant : invitation->projects)
    members.push_back({grant.project_id, user.id, grant.role, now});
  TRY(NewSession made,
      state_->begin_session(
          user, "invitation", false, from,
          [&](db::Database& database) -> base::Status {
            TRY_VOID(insert(database, user));
            for (const Member& member : members) TRY_VOID(insert(database, member));
            return database.run("UPDATE invitations SET accepted = ?, accepted_by = ? WHERE id = ?",
                                now.ns, user.id, invitation->id);
          },
          act("invite.accepted", user.org_id, invitation->id)));
  std::unique_lock lock(state_->mutex);
  state_->tables.users[user.id] = user;
  for (const Member& member : members)
    state_->tables.members[{member.project_id, member.user_id}] = member;
  Invitation& shown = state_->tables.invitations.find(invitation->id)->second.invitation;
  shown.accepted = now, shown.accepted_by = user.id;
  return made;
}

std::vector<Session> Identity::sessions(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Session> rows;
  for (const auto& [hash, stored] : state_->tables.sessions) {
    if (stored.session.user_id != user_id || stored.session.expires <= state_->clock.now())
      continue;
    rows.push_back(stored.session);
    rows.back().last_seen = std::max(rows.back().last_seen, base::Time{stored.last_seen->load()});
  }
  std::ranges::sort(rows, [](const Session& a, const Session& b) {
    return std::tie(b.created, a.id) < std::tie(a.created, b.id);
  });
  return rows;
}

base::Status Identity::end_session(std::string_view session_id, const Actor& by) {
  std::lock_guard change(state_->change);
  std::string user_id;
  {
    std::unique_lock lock(state_->mutex);
    const auto ended = std::erase_if(state_->tables.sessions, [&](const auto& entry) {
      if (entry.second.session.id != session_id) return false;
      user_id = entry.second.session.user_id;
      return true;
    });
    if (ended == 0) return unknown("session", session_id);
  }
  return state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM sessions WHERE id = ?", session_id);
      },
      act("logout.succeeded", find_user(user_id)->org_id, user_id, {{"session", session_id}}), by);
}

base::Status Identity::end_all_sessions(std::string_view user_id,
                                        std::string_view except_session_id, const Actor& by) {
  std::lock_guard change(state_->change);
  {
    std::unique_lock lock(state_->mutex);
    std::erase_if(state_->tables.sessions, [&](const auto& entry) {
      return entry.second.session.user_id == user_id &&
             entry.second.session.id != except_session_id;
    });
  }
  const auto user = find_user(user_id);
  return state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM sessions WHERE user = ? AND id <> ?", user_id,
                            except_session_id);
      },
      act("logout.everywhere", user ? user->org_id : "", user_id), by);
}

}  // namespace identity
