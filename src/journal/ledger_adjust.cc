// What happens to a charge afterwards: corrections when it turns out that other counts were used,
// and refunds. Each is an entry of its own; nothing that was written changes.
#include <algorithm>
#include <future>

#include "base/check.h"
#include "journal/ledger_state.h"
#include "money/accounts.h"

namespace journal {
namespace {

using base::Code;

// A request as its entries leave it: what it is counted as, and who has what of its money.
struct Standing {
  Entry charge = {};  // the first entry
  Usage usage = {};   // its counts with all differences
  Amount amount = {};
  Parts parts = {};  // customer, loss, builder and revenue, net
  bool refunded = false;
};

Amount plus(Amount a, Amount b) {
  const auto sum = money::checked_add(a, b);
  CHECK(sum);
  return *sum;
}

Amount minus(Amount a, Amount b) {
  const auto difference = money::checked_sub(a, b);
  CHECK(difference);
  return *difference;
}

void add(Standing* standing, const Entry& entry) {
  if (entry.kind == EntryKind::Charge) {
    standing->charge = entry;
    standing->usage = entry.usage;
    standing->amount = entry.amount;
    standing->parts = parts_of(entry);
    return;
  }
  Usage& u = standing->usage;
  u.prompt_tokens += entry.usage.prompt_tokens;
  u.completion_tokens += entry.usage.completion_tokens;
  u.cached_tokens += entry.usage.cached_tokens;
  u.reasoning_tokens += entry.usage.reasoning_tokens;
  u.units += entry.usage.units;
  standing->refunded |= entry.kind == EntryKind::Refund;
  const auto move = entry.given_back ? minus : plus;
  Parts& parts = standing->parts;
  const Parts by = parts_of(entry);
  standing->amount = move(standing->amount, entry.amount);
  parts.customer = move(parts.customer, by.customer);
  parts.loss = move(parts.loss, by.loss);
  parts.revenue = move(parts.revenue, by.revenue);
  // What a builder could not give back any more is not the builder's again.
  parts.builder =
      move(parts.builder, entry.given_back ? plus(by.builder, by.shortfall) : by.builder);
}

base::Status add_all(db::Statement rows, std::optional<Standing>* standing) {
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return {};
    TRY(const Entry entry, read_entry(rows));
    if (!*standing) standing->emplace();
    add(&**standing, entry);
  }
}

// `seq` is that of its charge, when it is known; else every entry is looked at.
base::Result<std::optional<Standing>> read_standing(db::Database& database,
                                                    std::string_view request_id, int64_t seq) {
  const std::string select =
      "SELECT " + std::string(kEntryColumns) + std::string(kEntryTables) + "WHERE e.name = ? AND ";
  std::optional<Standing> standing;
  if (seq == 0) {
    TRY(db::Statement all,
        database.query(select + "e.kind IN (1, 3, 4) ORDER BY e.seq", request_id));
    TRY_VOID(add_all(std::move(all), &standing));
    return standing;
  }
  TRY(db::Statement charge, database.query(select + "e.seq = ?", request_id, seq));
  TRY_VOID(add_all(std::move(charge), &standing));
  if (!standing) return standing;
  TRY(db::Statement differences,
      database.query(select + "e.kind IN (3, 4) AND e.of = ? ORDER BY e.seq", request_id,
                     standing->charge.at.ns));
  TRY_VOID(add_all(std::move(differences), &standing));
  return standing;
}

Usage difference(const Usage& from, const Usage& to) {
  Usage usage = from;  // whom it is for does not change
  usage.prompt_tokens = to.prompt_tokens - from.prompt_tokens;
  usage.completion_tokens = to.completion_tokens - from.completion_tokens;
  usage.cached_tokens = to.cached_tokens - from.cached_tokens;
  usage.reasoning_tokens = to.reasoning_tokens - from.reasoning_tokens;
  usage.units = to.units - from.units;
  return usage;
}

Entry entry_on(const Standing& standing, EntryKind kind, const Usage& truth,
               std::string_view reason) {
  const Entry& charge = standing.charge;
  Entry entry;
  entry.kind = kind;
  entry.name = charge.name;
  entry.account = charge.account;
  entry.of = charge.at;
  entry.price = charge.price;
  entry.epoch = charge.epoch;
  entry.share = charge.share;
  entry.usage = difference(standing.usage, truth);
  entry.reason = reason;
  return entry;
}

// Of the whole amount, so that however it is cut the builder has the same in the end.
Amount builder_part(const Entry& charge, Amount amount) {
  return charge.share.builder.empty() ? Amount{} : money::share_floor(amount, charge.share.bps);
}

// More was used: from the balance as far as it goes, the rest is our loss.
Parts parts_of_more(const Standing& standing, Amount more, Amount available) {
  Parts parts;
  parts.customer = std::min(more, available);
  parts.loss = minus(more, parts.customer);
  const Amount builder = builder_part(standing.charge, plus(standing.amount, more));
  parts.builder =
      std::min(more, money::checked_sub(builder, standing.parts.builder).value_or(Amount{}));
  parts.revenue = minus(more, parts.builder);
  return parts;
}

// Less was used: what was lost comes back first, then the customer's; the builder gives back as far
// as there is something left to take.
Parts parts_of_less(const Standing& standing, Amount less, Amount builder_has) {
  Parts parts;
  parts.loss = std::min(less, standing.parts.loss);
  parts.customer = minus(less, parts.loss);
  const Amount rest = minus(standing.amount, less);
  const Amount builder_keeps = rest.is_zero()          ? Amount{}
                               : standing.charge.parts ? standing.parts.builder
                                                       : builder_part(standing.charge, rest);
  const Amount owed =
      std::min(less, money::checked_sub(standing.parts.builder, builder_keeps).value_or(Amount{}));
  parts.builder = std::min(owed, builder_has);
  parts.shortfall = minus(owed, parts.builder);
  parts.revenue = minus(less, owed);
  return parts;
}

}  // namespace

// `truth`: what was used after all; null: all of the charge is given back.
base::Result<Amount> Ledger::adjust(std::string_view request_id, const Usage* truth,
                                    std::string_view reason,
                                    std::span<const money::BudgetCap> budgets, Durable durable) {
  const std::lock_guard one_at_a_time(state_->deposits);
  TRY_VOID(catch_up());
  int64_t seq = 0;
  {
    std::lock_guard lock(state_->mutex);
    const auto ended = state_->ended.find(request_id_of(request_id));
    if (ended != state_->ended.end()) seq = ended->second.seq;
  }
  std::optional<Standing> standing;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(standing, read_standing(database, request_id, seq));
    return {};
  }));
  if (!standing)
    return base::fail(Code::NotFound,
                      "no charge for this request is in the ledger; `charter usage` lists them",
                      std::string(request_id), "REQUEST_NOT_FOUND");
  if (truth != nullptr && standing->refunded)
    return base::fail(Code::FailedPrecondition, "this request was refunded",
                      std::string(request_id), "REQUEST_REFUNDED");
  Amount target;
  if (truth != nullptr) {
    TRY(target, money::cost(standing->charge.price, truth->prompt_tokens, truth->completion_tokens,
                            truth->cached_tokens));
  }
  Entry entry = entry_on(*standing, truth != nullptr ? EntryKind::Correction : EntryKind::Refund,
                         truth != nullptr ? *truth : standing->usage, reason);
  const bool nothing =
      target == standing->amount && entry.usage == difference(standing->usage, standing->usage);
  const State::Wake wake(*state_);
  std::lock_guard lock(state_->mutex);
  State& s = *state_;
  if (nothing) {
    s.when_durable(std::move(durable));
    return truth != nullptr ? target : Amount{};
  }
  entry.at = s.now();
  entry.given_back = target < standing->amount;
  if (entry.given_back) {
    entry.amount = minus(standing->amount, target);
    entry.parts = parts_of_less(*standing, entry.amount,
                                s.books.available(money::builder(entry.share.builder)));
  } else {
    entry.amount = minus(target, standing->amount);
    entry.parts =
        parts_of_more(*standing, entry.amount,
                      std::min(s.books.available(entry.account),
                               s.budgets.room(scopes_of(entry.usage), budgets, entry.of)));
  }
  const money::Scopes scopes = scopes_of(entry.usage);
  const Parts parts = *entry.parts;
  const base::Time of = entry.of;
  const bool given_back = entry.given_back;
  const Amount amount = entry.amount;
  entry.seq = s.rows + 1;  // the ids of its transfers follow from it
  const std::vector<money::Transfer> transfers = transfers_of(entry);
  if (const auto result = s.append(std::move(entry), transfers);
      result != money::TransferResult::Ok)
    return base::fail(Code::FailedPrecondition,
                      "the ledger refuses the transfer: " + std::string(money::result_name(result)),
                      std::string(request_id), std::string(money::result_name(result)));
  if (given_back)
    s.budgets.give_back(scopes, parts.customer, of);
  else
    s.budgets.spend(scopes, parts.customer, of);
  s.when_durable(std::move(durable));
  return truth != nullptr ? target : amount;
}

base::Result<Amount> Ledger::correct(std::string_view request_id, const Usage& truth,
                                     std::string_view reason,
                                     std::span<const money::BudgetCap> budgets, Durable durable) {
  return adjust(request_id, &truth, reason, budgets, std::move(durable));
}

base::Result<Amount> Ledger::refund(std::string_view request_id, std::string_view reason) {
  std::promise<base::Status> done;
  TRY(const Amount amount, adjust(request_id, nullptr, reason, {},
                                  [&done](const base::Status& status) { done.set_value(status); }));
  TRY_VOID(done.get_future().get());
  return amount;
}

}  // namespace journal
