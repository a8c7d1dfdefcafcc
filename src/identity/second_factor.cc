// One-time passwords: set up, confirmed, asked for, and recovery codes for when the app is lost.
#include <algorithm>

#include "crypto/random.h"
#include "identity/store.h"
#include "identity/totp.h"

namespace identity {
namespace {

using base::Code;

constexpr int kRecoveryCodes = 10;
constexpr size_t kRecoveryLetters = 12;  // 71 bits
constexpr base::Duration kSessionLife = base::seconds(30 * 24 * 3600);

std::string seal_purpose(std::string_view user_id) { return "totp " + std::string(user_id); }

std::unexpected<base::Error> wrong_code() {
  return base::fail(Code::Unauthenticated,
                    "this code is wrong or was used already; is your device's clock right?", {},
                    "wrong_code");
}

// As a person types it: blanks and dashes do not count.
std::string typed(std::string_view code) {
  std::string out;
  for (const char c : code.substr(0, 64))
    if (c != ' ' && c != '-') out += c;
  return out;
}

}  // namespace

base::Result<Identity::TotpSetup> Identity::begin_totp(std::string_view user_id) {
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user || user->removed) return unknown("user", user_id);
  if (has_totp(user_id))
    return base::fail(Code::AlreadyExists,
                      "an authenticator app is set up already; remove it first", user->id,
                      "TOTP_EXISTS");
  const base::Bytes seed = crypto::random_bytes(kTotpSeedBytes);
  const base::Secret secret{std::string(base::as_text(seed))};
  StoredTotp stored{
      user->id, crypto::seal(state_->seal_key, seal_purpose(user->id), secret), false, 0, {}};
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, stored); }));
  std::unique_lock lock(state_->mutex);
  state_->tables.totp[user->id] = std::move(stored);
  return TotpSetup{base::Secret(base32(seed)), totp_uri(seed, "Charter", user->name)};
}

base::Result<std::vector<base::Secret>> Identity::confirm_totp(std::string_view user_id,
                                                               std::string_view code,
                                                               const Actor& by) {
  const base::Time now = state_->clock.now();
  TRY_VOID(state_->code_attempts.check(user_id, now));
  std::lock_guard change(state_->change);
  StoredTotp stored;
  {
    std::shared_lock lock(state_->mutex);
    const auto found = state_->tables.totp.find(user_id);
    if (found == state_->tables.totp.end() || found->second.confirmed)
      return base::fail(Code::FailedPrecondition, "begin to set up an authenticator app first",
                        std::string(user_id), "TOTP_NOT_BEGUN");
    stored = found->second;
  }
  TRY(const base::Secret seed,
      crypto::open(state_->seal_key, seal_purpose(user_id), stored.sealed_seed));
  const auto step = match_totp(base::as_bytes(seed.reveal()), typed(code), now, stored.last_step);
  if (!step) return state_->code_attempts.failed(user_id, now), wrong_code();
  stored.confirmed = true;
  stored.last_step = *step;
  std::vector<base::Secret> codes;
  for (int i = 0; i < kRecoveryCodes; ++i) {
    codes.emplace_back(crypto::random_base62(kRecoveryLetters));
    stored.recovery_hashes.push_back(crypto::hex(state_->hash(codes.back().reveal())));
  }
  TRY_VOID(state_->write([&](db::Database& database) { return insert(database, stored); },
                         act("user.totp.added", find_user(user_id)->org_id, user_id), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.totp[stored.user_id] = stored;
  return codes;
}

base::Status Identity::remove_totp(std::string_view user_id, const Actor& by) {
  std::lock_guard change(state_->change);
  const auto user = find_user(user_id);
  if (!user) return unknown("user", user_id);
  TRY_VOID(state_->write(
      [&](db::Database& database) {
        return database.run("DELETE FROM totp WHERE user = ?", user_id);
      },
      act("user.totp.removed", user->org_id, user_id), by));
  std::unique_lock lock(state_->mutex);
  state_->tables.totp.erase(user->id);
  return {};
}

bool Identity::has_totp(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  const auto found = state_->tables.totp.find(user_id);
  return found != state_->tables.totp.end() && found->second.confirmed;
}

int64_t Identity::recovery_codes_left(std::string_view user_id) const {
  std::shared_lock lock(state_->mutex);
  const auto found = state_->tables.totp.find(user_id);
  return found == state_->tables.totp.end()
             ? 0
             : static_cast<int64_t>(found->second.recovery_hashes.size());
}

base::Status Identity::confirm_session(std::string_view token, std::string_view code) {
  if (token.empty() || token.size() > kSecretBytesMax) return wrong_code();
  const base::Time now = state_->clock.now();
  const crypto::Digest hash = state_->hash(token);
  std::lock_guard change(state_->change);
  StoredTotp stored;
  Session session;
  {
    std::shared_lock lock(state_->mutex);
    const auto found = state_->tables.sessions.find(hash);
    if (found == state_->tables.sessions.end() || found->second.session.expires <= now)
      return base::fail(Code::Unauthenticated, "sign in again: this attempt took too long", {},
                        "invalid_session");
    session = found->second.session;
    if (!session.needs_second_factor) return {};
    // Without an app there is nothing to ask for: it was removed in the meantime.
    if (const auto totp = state_->tables.totp.find(session.user_id);
        totp != state_->tables.totp.end())
      stored = totp->second;
  }
  TRY_VOID(state_->code_attempts.check(session.user_id, now));
  if (stored.user_id.empty()) return wrong_code();
  TRY(const base::Secret seed,
      crypto::open(state_->seal_key, seal_purpose(session.user_id), stored.sealed_seed));
  const std::string answer = typed(code);
  if (const auto step = match_totp(base::as_bytes(seed.reveal()), answer, now, stored.last_step)) {
    stored.last_step = *step;
  } else if (std::erase(stored.recovery_hashes, crypto::hex(state_->hash(answer))) == 0) {
    state_->code_attempts.failed(session.user_id, now);
    return wrong_code();
  }
  state_->code_attempts.succeeded(session.user_id);
  session.needs_second_factor = false;
  session.expires = now + kSessionLife;
  TRY_VOID(state_->write([&](db::Database& database) -> base::Status {
    TRY_VOID(insert(database, stored));
    return database.run("UPDATE sessions SET needs_second_factor = 0, expires = ? WHERE id = ?",
                        session.expires.ns, session.id);
  }));
  std::unique_lock lock(state_->mutex);
  state_->tables.totp[stored.user_id] = stored;
  if (const auto found = state_->tables.sessions.find(hash); found != state_->tables.sessions.end())
    found->second.session = session;
  return {};
}

}  // namespace identity
