// Passkeys: registered by who is signed in, and then a way to sign in.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"

namespace identity {
namespace {

using base::Code;

constexpr int64_t kTimeoutMs = 300'000;
constexpr size_t kPasskeysOfUserMax = 20;

std::string registering(std::string_view user_id) { return "register " + std::string(user_id); }
constexpr std::string_view kSigningIn = "sign in";

std::string id_text(const base::Bytes& bytes) { return base::base64url(bytes); }

std::unexpected<base::Error> refused(std::string_view why) {
  return base::fail(Code::Unauthenticated, "the passkey was not accepted: " + std::string(why), {},
                    "PASSKEY_REFUSED");
}

}  // namespace

base::Result<json::Value> Identity::begin_passkey_registration(std::string_view user_id,
                                                               const RelyingParty& party) {
  std::shared_lock lock(state_->mutex);
  const Tables& tables = state_->tables;
  const auto user = tables.users.find(user_id);
  if (user == tables.users.end() || user->second.removed) return unknown("user", user_id);
  json::Array known;
  for (const auto& [id, stored] : tables.passkeys)
    if (stored.passkey.user_id == user_id)
      known.emplace_back(
          json::Object{{"type", "public-key"}, {"id", id_text(stored.credential.id)}});
  const auto algorithm = [](int id) { return json::Object{{"type", "public-key"}, {"alg", id}}; };
  return json::Object{
      {"rp", json::Object{{"id", party.id}, {"name", "Charter"}}},
      {"user",
       json::Object{{"id", base::base64url(base::as_bytes(user_id))},
                    {"name", user->second.email.empty() ? user->second.name : user->second.email},
                    {"displayName", user->second.name}}},
      {"challenge", state_->challenges.issue(registering(user_id), state_->clock.now())},
      {"pubKeyCredParams", json::Array{algorithm(-8), algorithm(-7)}},
      {"timeout", kTimeoutMs},
      {"excludeCredentials", std::move(known)},
      {"authenticatorSelection", json::Object{{"residentKey", "required"},
                                              {"requireResidentKey", true},
                                              {"userVerification", "required"}}},
      {"attestation", "none"}};
}

base::Result<Passkey> Identity::finish_passkey_registration(std::string_view user_id,
                                                            std::string_view name,
                                                            const json::Value& response,
                                                            const RelyingParty& party,
                                                            const Actor& by) {
  TRY_VOID(check_name(name, "name"));
  TRY(const std::string challenge, read_challenge(response));
  TRY(PasskeyCredential credential, verify_registration(response, party, challenge));
  const base::Time now = state_->clock.now();
  TRY_VOID(state_->challenges.spend(challenge, registering(user_id), now));
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  {
    std::shared_lock lock(state_->mutex);
    size_t count = 0;
    for (const auto& [id, stored] : state_->tables.passkeys) {
      if (stored.credential.id == credential.id) return refused("it is registered already");
      count += stored.passkey.user_id == user_id;
    }
    if (count >= kPasskeysOfUserMax)
      return base::fail(Code::FailedPrecondition, "there are 20 passkeys already; remove one first",
                        user->id, "TOO_MANY_PASSKEYS");
  }
  StoredPasskey stored{{crypto::random_id("passkey_"), user->id, std::string(name), now, {}},
                       std::move(credential)};
  TRY_VOID(state_->write(
      [&](db::Database& database) { return insert(database, stored); },
      act("user.passkey.added", user->org_id, user_id, {{"passkey", stored.passkey.id}}), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.passkeys[stored.passkey.id] = stored;
  return stored.passkey;
}

json::Value Identity::begin_passkey_sign_in(const RelyingParty& party) {
  return json::Object{{"rpId", party.id},
                      {"challenge", state_->challenges.issue(kSigningIn, state_->clock.now())},
                      {"timeout", kTimeoutMs},
                      {"userVerification", "required"},
                      {"allowCredentials", json::Array()}};
}

base::Result<NewSession> Identity::finish_passkey_sign_in(const json::Value& response,
                                                          const RelyingParty& party,
                                                          const Visitor& from) {
  const base::Time now = state_->clock.now();
  TRY_VOID(state_->attempts.check(from.address, now));
  std::lock_guard change(state_->change);
  const auto verified = [&]() -> base::Result<StoredPasskey> {
    TRY(const AssertionClaim claim, read_assertion_claim(response));
    StoredPasskey stored;
    {
      std::shared_lock lock(state_->mutex);
      const auto found = std::ranges::find_if(state_->tables.passkeys, [&](const auto& entry) {
        return entry.second.credential.id == claim.credential_id;
      });
      if (found == state_->tables.passkeys.end()) return refused("it is not known here");
      stored = found->second;
    }
    if (!claim.user_handle.empty() && claim.user_handle != stored.passkey.user_id)
      return refused("it belongs to somebody else");
    TRY(const std::string challenge, read_challenge(response));
    TRY(stored.credential.sign_count,
        verify_assertion(response, party, challenge, stored.credential));
    TRY_VOID(state_->challenges.spend(challenge, kSigningIn, now));
    return stored;
  }();
  if (!verified) {
    state_->attempts.failed(from.address, now);
    return std::unexpected(verified.error());
  }
  const auto user = find_user(verified->passkey.user_id);
  TRY(NewSession made,
      state_->begin_session(*user, "passkey", true, from, [&](db::Database& database) {
        return database.run("UPDATE passkeys SET sign_count = ?, last_used = ? WHERE id = ?",
                            verified->credential.sign_count, now.ns, verified->passkey.id);
      }));
  std::unique_lock lock(state_->mutex);
  StoredPasskey& shown = state_->tables.passkeys.find(verified->passkey.id)->second;
  shown.credential.sign_count = verified->credential.sign_count;
  shown.passkey.last_used = now;
  return made;
}

std::vector<Passkey> Identity::passkeys(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  std::vector<Passkey> rows;
  for (const auto& [id, stored] : state_->tables.passkeys)
    if (stored.passkey.user_id == user_id) rows.push_back(stored.passkey);
  std::ranges::sort(rows, older<Passkey>);
  return rows;
}

base::Status Identity::remove_passkey(std::string_view user_id, std::string_view passkey_id,
                                      const Actor& by) {
  std::lock_guard change(state_->change);
  {
    std::unique_lock lock(state_->mutex);
    const auto found = state_->tables.passkeys.find(passkey_id);
    if (found == state_->tables.passkeys.end() || found->second.passkey.user_id != user_id)
      return unknown("passkey", passkey_id);
    state_->tables.passkeys.erase(found);
  }
  return state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM passkeys WHERE id = ?", passkey_id);
      },
      act("user.passkey.removed", find_user(user_id)->org_id, user_id, {{"passkey", passkey_id}}),
      by);
}

}  // namespace identity
