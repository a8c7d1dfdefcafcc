// Budgets: caps on what a scope may spend in a UTC day, a UTC month, or ever. A pure state machine
// without a clock: the period follows from the time that is handed in. Held and spent together
// never pass a cap that was checked, in whatever order holds, settlements and releases come. Called
// by journal::Ledger under its lock, in one step with the balance.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "money/amount.h"

namespace money {

// Whose requests are counted together: all of an organisation, project, user or key, or those of
// them that ask for one model.
enum class Scope : uint8_t {
  Organisation,
  Project,
  User,
  Key,
  Model,  // of an organisation
  ProjectModel,
  UserModel,
  KeyModel,
};
inline constexpr size_t kScopes = 8;
std::string_view scope_name(Scope scope);  // "organization" "project" "user" "key" "model" ...
base::Result<Scope> scope_from(std::string_view name);
Scope with_model(Scope scope);  // Organisation: Model, Project: ProjectModel, ...

// Who a request is for and what it asks; an empty name is no scope. The id of a scope with a model
// is "ORG/MODEL", "PROJECT/MODEL" and so on.
struct Scopes {
  std::string org_id = {}, project_id = {}, user_id = {}, key_id = {};
  std::string model = {};
  friend bool operator==(const Scopes&, const Scopes&) = default;
};
// The id of a request's scope; empty when it has none. It may be kept in `buffer`.
std::string_view id_of(const Scopes& scopes, Scope scope, std::string* buffer);
std::string describe(Scope scope,
                     std::string_view id);  // "project proj_1", "model chat of key key_1"

enum class Period : uint8_t { Day, Month, Total };
inline constexpr size_t kPeriods = 3;
std::string_view period_name(Period period);  // "day" "month" "total"
base::Result<Period> period_from(std::string_view name);
base::Time period_start(Period period, base::Time at);               // Total: {0}
std::optional<base::Time> period_end(Period period, base::Time at);  // Total: none

// One cap on one of the scopes of a request. Who may set it, and where it is kept, is not known
// here.
struct BudgetCap {
  Scope scope = Scope::Organisation;
  Period period = Period::Month;
  Amount cap = {};
  friend bool operator==(const BudgetCap&, const BudgetCap&) = default;
};

struct BudgetUse {
  Amount spent = {};  // in the period
  Amount held = {};   // by requests under way, whichever period they end in
};

struct BudgetRefusal {
  BudgetCap cap = {};
  std::string id = {};  // of the scope
  BudgetUse use = {};
  Amount asked = {};
  std::optional<base::Time> resets = {};

  // Code::QuotaExceeded, reason insufficient_quota, where "project:proj_1"; the message names the
  // scope, the cap, what is left and when it resets.
  base::Error error() const;
};

// What one scope has spent, as it is kept on disk.
struct BudgetRow {
  Scope scope = Scope::Organisation;
  std::string id = {};
  base::Time day = {}, month = {};          // starts of the periods that the sums are for
  std::array<Amount, kPeriods> spent = {};  // by Period
  friend bool operator==(const BudgetRow&, const BudgetRow&) = default;
};

class Budgets {
 public:
  // Holds `amount` in every scope of the request, or in none: the refusal is that of the cap with
  // the least room. Scopes without a cap are counted too, so that a cap set later finds them right.
  std::optional<BudgetRefusal> hold(const Scopes& scopes, std::span<const BudgetCap> caps,
                                    Amount amount, base::Time now);
  void release(const Scopes& scopes, Amount held);
  // What was spent at `at`; a period that has ended by then starts again at zero. What belongs to
  // an earlier period than the one that is counted is not counted in it.
  void spend(const Scopes& scopes, Amount amount, base::Time at);
  // Gives back part of what was spent at `spent_at`, to the periods that are still those of then.
  void give_back(const Scopes& scopes, Amount amount, base::Time spent_at);

  // The least that any of the caps leaves; Amount::max() without caps.
  Amount room(const Scopes& scopes, std::span<const BudgetCap> caps, base::Time now) const;
  BudgetUse use(Scope scope, std::string_view id, Period period, base::Time now) const;

  // For the disk and back. `changed` are the scopes whose sums moved since the last call.
  std::vector<BudgetRow> rows() const;  // all that have spent, by scope and id
  std::vector<BudgetRow> take_changed();
  void restore(BudgetRow row);

 private:
  struct Counter {
    Amount held = {};
    base::Time day = {}, month = {};
    std::array<Amount, kPeriods> spent = {};
    bool changed = false;
  };
  struct Hash : std::hash<std::string_view> {
    using is_transparent = void;
  };
  using Counters = std::unordered_map<std::string, Counter, Hash, std::equal_to<>>;

  const Counter* find(Scope scope, std::string_view id) const;
  template <class Visit>
  void visit(const Scopes& scopes, Visit visit);
  static BudgetUse use_of(const Counter& counter, Period period, base::Time now);
  BudgetRow row_of(Scope scope, const std::string& id, const Counter& counter) const;

  std::array<Counters, kScopes> counters_;
  std::vector<std::pair<Scope, std::string>> changed_;
};

}  // namespace money
