// Properties of keys, against a model of random histories: what a key may never widens, what is
// revoked or over never comes back, and nothing else is refused.
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <optional>

#include "files/files.h"
#include "identity/identity.h"

namespace identity {
namespace {

std::vector<std::string> some_scopes() {
  std::vector<std::string> out;
  for (const ScopeInfo& scope : all_scopes())
    if (*rc::gen::inRange(0, 4) == 0) out.emplace_back(scope.name);
  return out;
}

TEST(ScopeProperties, FewerScopesNeverAllowMore) {
  ASSERT_TRUE(rc::check([] {
    const std::vector<std::string> wide = some_scopes();
    std::vector<std::string> narrow;
    for (const std::string& scope : wide)
      if (*rc::gen::arbitrary<bool>()) narrow.push_back(scope);
    if (narrow.empty()) return;  // a key without scopes is not narrowed at all
    for (const ScopeInfo& needed : all_scopes()) {
      RC_ASSERT(!scopes_allow(narrow, needed.name) || scopes_allow(wide, needed.name));
      if (std::ranges::find(narrow, needed.name) != narrow.end())
        RC_ASSERT(scopes_allow(narrow, needed.name));
      else if (scopes_allow(narrow, needed.name))
        RC_ASSERT(needed.name.ends_with(".read"));  // of what may be written, or administered
    }
    RC_ASSERT(!scopes_allow(narrow, "no.such.scope"));
  }));
}

// What the model knows of a key and its secrets.
struct Known {
  std::string id;
  std::vector<std::string> scopes, models;
  std::optional<base::Time> expires;
  bool revoked = false;
  struct Secret {
    std::string text;
    std::optional<base::Time> until;
    bool refused = false;  // once
  };
  std::vector<Secret> secrets;
};

bool over(const std::optional<base::Time>& end, base::Time now) { return end && *end <= now; }

class History {
 public:
  History() {
    reopen();
    founding_ = identity_->found("Lab", "Ada").value();
  }
  void step() {
    switch (*rc::gen::inRange(0, 8)) {
      case 0:
      case 1:
        return create();
      case 2:
        return rotate();
      case 3:
        return revoke();
      case 4:
        return change();
      case 5:
        return reopen();
      default:
        clock_.advance(base::seconds(*rc::gen::inRange(1, 400)));
    }
  }
  void check() {
    for (Known& key : keys_) {
      for (Known::Secret& secret : key.secrets) {
        const auto caller = identity_->authenticate_key(secret.text);
        const bool good =
            !key.revoked && !over(key.expires, clock_.now()) && !over(secret.until, clock_.now());
        RC_ASSERT(caller.has_value() == good);
        RC_ASSERT(!(secret.refused && good));  // never again
        secret.refused = !good;
        if (!caller) continue;
        RC_ASSERT(caller->key_id == key.id);
        RC_ASSERT(caller->scopes == key.scopes);
        RC_ASSERT(caller->models == key.models);
      }
    }
  }

 private:
  Known* any() {
    return keys_.empty() ? nullptr : &keys_[*rc::gen::inRange<size_t>(0, keys_.size())];
  }
  void create() {
    KeyRequest request;
    request.owner_id = founding_.owner.id;
    request.project_id = founding_.project.id;
    request.name = "k";
    request.scopes = some_scopes();
    if (*rc::gen::arbitrary<bool>())
      request.expires = clock_.now() + base::seconds(*rc::gen::inRange(1, 1000));
    const auto made = identity_->create_key(request);
    RC_ASSERT(made.has_value());
    keys_.push_back({made->key.id, request.scopes, {}, request.expires, false, {}});
    keys_.back().secrets.push_back({std::string(made->secret.reveal()), {}, false});
  }
  void rotate() {
    Known* key = any();
    if (key == nullptr) return;
    const base::Duration grace = base::seconds(*rc::gen::inRange(0, 600));
    const auto made = identity_->rotate_key(key->id, grace);
    RC_ASSERT(made.has_value() == !key->revoked);
    if (!made) return;
    const base::Time until = clock_.now() + grace;
    for (Known::Secret& old : key->secrets) old.until = std::min(old.until.value_or(until), until);
    key->secrets.push_back({std::string(made->secret.reveal()), {}, false});
  }
  void revoke() {
    Known* key = any();
    if (key == nullptr) return;
    RC_ASSERT(identity_->revoke_key(key->id).has_value());
    key->revoked = true;
  }
  void change() {
    Known* key = any();
    if (key == nullptr) return;
    KeyChange change;
    change.models = std::vector<std::string>(*rc::gen::inRange<size_t>(0, 3), "m");
    RC_ASSERT(identity_->change_key(key->id, change).has_value() == !key->revoked);
    if (!key->revoked) key->models = *change.models;
  }
  void reopen() {
    identity_.reset();
    identity_ = Identity::open(files::join(folder_.path(), "identity.db"), clock_).value();
  }

  files::TemporaryDirectory folder_ = *files::TemporaryDirectory::create("identity-property");
  base::ManualClock clock_{base::Time{1'700'000'000'000'000'000}};
  std::unique_ptr<Identity> identity_;
  Identity::Founding founding_;
  std::vector<Known> keys_;
};

TEST(KeyProperties, RandomHistoriesMatchTheModel) {
  ASSERT_TRUE(rc::check([] {
    History history;
    const int steps = *rc::gen::inRange(1, 12);
    for (int i = 0; i < steps; ++i) {
      history.step();
      history.check();
    }
  }));
}

}  // namespace
}  // namespace identity
