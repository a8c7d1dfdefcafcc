#include "journal/ledger_index.h"

#include <algorithm>

#include "base/check.h"
#include "money/accounts.h"

namespace journal {
namespace {

using base::Code;
using money::Balances;
using money::Uint128;

constexpr int64_t kHourNs = int64_t{3600} * 1'000'000'000;
constexpr size_t kKnownMax = 16'384;

constexpr std::string_view kInsertEntry =
    "INSERT INTO entries VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)";

Amount must_add(Amount a, Amount b) {
  const auto sum = money::checked_add(a, b);
  CHECK(sum);
  return *sum;
}

Amount must_sub(Amount a, Amount b) {
  const auto difference = money::checked_sub(a, b);
  CHECK(difference);
  return *difference;
}

Uint128 first_half(const crypto::Digest& digest) {
  Uint128 out = 0;
  for (size_t i = 0; i < 16; ++i) out = (out << 8) | digest[i];
  return out;
}

std::string spell(const Balances& b) {
  return b.debits_pending.decimal() + " " + b.debits_posted.decimal() + " " +
         b.credits_pending.decimal() + " " + b.credits_posted.decimal();
}

std::string spell(const money::BudgetRow& row) {
  std::string text = std::to_string(row.day.ns) + " " + std::to_string(row.month.ns);
  for (const Amount spent : row.spent) text += " " + spent.decimal();
  return text;
}

std::string spell(const Sums& s) {
  std::string text;
  for (const int64_t value : {s.requests, s.prompt_tokens, s.completion_tokens, s.cached_tokens,
                              s.reasoning_tokens, s.units})
    text += std::to_string(value) + " ";
  return text + totals_of(s).amount.decimal();
}

std::string account_key(std::string_view name) { return "account " + std::string(name); }
std::string budget_key(const money::BudgetRow& row) {
  return "budget " + std::string(scope_name(row.scope)) + " " + row.id;
}

std::string parts_text(const std::optional<Parts>& parts) {
  if (!parts) return {};
  return parts->customer.decimal() + " " + parts->loss.decimal() + " " + parts->builder.decimal() +
         " " + parts->revenue.decimal() + " " + parts->shortfall.decimal();
}

base::Result<Amount> stored_amount(std::string_view text) {
  const auto amount = money::parse_decimal(text);
  if (!amount)
    return base::fail(Code::Corrupt, "\"" + std::string(text) + "\" is no amount of money",
                      "ledger.db", "LEDGER_DAMAGED");
  return *amount;
}

base::Result<std::optional<Parts>> parts_from(std::string_view text) {
  if (text.empty()) return std::nullopt;
  Parts parts;
  for (Amount* part :
       {&parts.customer, &parts.loss, &parts.builder, &parts.revenue, &parts.shortfall}) {
    const size_t blank = std::min(text.find(' '), text.size());
    TRY(*part, stored_amount(text.substr(0, blank)));
    text.remove_prefix(std::min(blank + 1, text.size()));
  }
  return parts;
}

}  // namespace

base::Result<Amount> read_amount(const db::Statement& row, int column) {
  return stored_amount(row.text(column));
}

void Sums::add(const Sums& other) {
  requests += other.requests;
  prompt_tokens += other.prompt_tokens;
  completion_tokens += other.completion_tokens;
  cached_tokens += other.cached_tokens;
  reasoning_tokens += other.reasoning_tokens;
  units += other.units;
  amount += other.amount;
}

Sums sums_of(const Entry& entry) {
  if (!counts_as_usage(entry.kind)) return {};
  const Usage& u = entry.usage;
  const auto amount = static_cast<__int128>(parts_of(entry).customer.pico());
  return {.requests = entry.kind == EntryKind::Charge ? 1 : 0,
          .prompt_tokens = u.prompt_tokens,
          .completion_tokens = u.completion_tokens,
          .cached_tokens = u.cached_tokens,
          .reasoning_tokens = u.reasoning_tokens,
          .units = u.units,
          .amount = entry.given_back ? -amount : amount};
}

UsageTotals totals_of(const Sums& s) {
  return {s.requests,
          s.prompt_tokens,
          s.completion_tokens,
          s.cached_tokens,
          s.reasoning_tokens,
          s.units,
          Amount::pico(s.amount < 0 ? 0 : static_cast<Uint128>(s.amount))};
}

base::Time hour_of(base::Time at) { return {at.ns - at.ns % kHourNs}; }

void Folded::add(const Entry& entry) {
  CHECK(entry.seq == rows + 1);
  rows = entry.seq;
  digest = entry.digest;
  last_at = std::max(last_at, entry.at);
  if (entry.kind == EntryKind::Release) {
    Balances& customer = accounts[entry.account];
    customer.debits_pending = must_sub(customer.debits_pending, entry.held);
    Balances& clearing = accounts[std::string(money::kClearing)];
    clearing.credits_pending = must_sub(clearing.credits_pending, entry.held);
    return;
  }
  for (const Leg& leg : legs_of(entry)) {
    Amount& debits = accounts[leg.debit].debits_posted;
    debits = must_add(debits, leg.amount);
    Amount& credits = accounts[leg.credit].credits_posted;
    credits = must_add(credits, leg.amount);
  }
  if (!counts_as_usage(entry.kind)) return;
  const Amount amount = parts_of(entry).customer;
  if (entry.kind == EntryKind::Charge) ++charges;
  if (entry.given_back)
    budgets.give_back(scopes_of(entry.usage), amount, entry.of);
  else
    budgets.spend(scopes_of(entry.usage), amount, counted_at(entry));
}

std::vector<money::AccountBalances> Folded::balances() const {
  std::vector<money::AccountBalances> rows_out;
  for (const auto& [name, balances] : accounts)
    if (balances != Balances{}) rows_out.push_back({name, balances});
  return rows_out;
}

IndexWriter::IndexWriter(db::Database* database, Folded folded)
    : database_(database),
      folded_(std::move(folded)),
      dimensions_{"SELECT id FROM dimensions WHERE hash = ?",
                  "INSERT INTO dimensions VALUES(NULL,?,?,?,?,?,?,?,?,?,?,?,?)"},
      terms_{"SELECT id FROM terms WHERE hash = ?",
             "INSERT INTO terms VALUES(NULL,?,?,?,?,?,?,?,?,?)"} {
  for (const auto& account : folded_.balances())
    checksum(account_key(account.account), spell(account.balances));
  for (const auto& row : folded_.budgets.rows()) checksum(budget_key(row), spell(row));
  folded_.budgets.take_changed();
}

void IndexWriter::checksum(std::string key, std::string_view row) {
  crypto::Sha256 sha;
  sha.update(key).update(std::string_view("=")).update(row);
  const Uint128 sum = row.empty() ? 0 : first_half(sha.finish());
  Uint128& known = row_checksums_[std::move(key)];
  checksum_ += sum - known;
  known = sum;
}

// The id of the row with these columns, which is made if it is not there.
template <class... Columns>
base::Result<int64_t> IndexWriter::id_in(Named* table, const Columns&... columns) {
  std::string key;
  const auto append = [&key](const auto& column) {
    if constexpr (requires { std::string_view(column); })
      key.append(std::string_view(column)).push_back('\0');
    else
      key.append(reinterpret_cast<const char*>(&column), sizeof column);
  };
  (append(columns), ...);
  if (const auto found = table->known.find(key); found != table->known.end()) return found->second;
  const crypto::Digest digest = crypto::sha256(key);
  const base::ByteSpan hash = base::ByteSpan(digest).first(16);
  int64_t id = 0;
  {
    TRY(db::Statement rows, database_->query(table->select, hash));
    TRY(const bool there, rows.step());
    if (there) id = rows.integer(0);
  }
  if (id == 0) {
    TRY_VOID(database_->run(table->insert, hash, columns...));
    id = database_->last_insert_id();
  }
  if (table->known.size() >= kKnownMax) table->known.clear();
  table->known.emplace(std::move(key), id);
  return id;
}

base::Status IndexWriter::insert(const Entry& entry, int64_t* dimensions) {
  const Usage& u = entry.usage;
  TRY(const int64_t dimensions_id,
      id_in(&dimensions_, entry.account, u.org_id, u.project_id, u.user_id, u.key_id, u.model,
            u.release_id, u.upstream, static_cast<int64_t>(u.kind), int64_t{u.batch},
            int64_t{u.continued}));
  TRY(const int64_t terms_id,
      id_in(&terms_, static_cast<int64_t>(entry.price.in_micro_per_million),
            static_cast<int64_t>(entry.price.out_micro_per_million),
            static_cast<int64_t>(entry.price.cached_micro_per_million),
            int64_t{entry.price.version}, int64_t{entry.epoch}, entry.share.builder,
            int64_t{entry.share.bps}, int64_t{entry.share.version}));
  if (dimensions != nullptr) *dimensions = dimensions_id;
  const int64_t held_ns = entry.held_at == base::Time{} ? -1 : (entry.at - entry.held_at).ns;
  return database_->run(kInsertEntry, entry.seq, static_cast<int64_t>(entry.kind), entry.at.ns,
                        entry.name, dimensions_id, terms_id, entry.amount.decimal(),
                        entry.given_back, entry.held.decimal(), held_ns, entry.of.ns,
                        u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.reasoning_tokens,
                        u.units, parts_text(entry.parts), entry.reason,
                        base::ByteSpan(entry.digest));
}

base::Status IndexWriter::add(const Entry& entry) {
  int64_t dimensions = 0;
  TRY_VOID(insert(entry, &dimensions));
  folded_.add(entry);
  touched_.insert(entry.account);
  if (entry.kind == EntryKind::Release) touched_.emplace(money::kClearing);
  for (const Leg& leg : legs_of(entry)) {
    touched_.insert(leg.debit);
    touched_.insert(leg.credit);
  }
  if (counts_as_usage(entry.kind))
    hours_[{hour_of(counted_at(entry)).ns, dimensions}].add(sums_of(entry));
  return {};
}

base::Status IndexWriter::write_account(const std::string& name, const Balances& b) {
  const bool gone = b == Balances{};
  checksum(account_key(name), gone ? std::string() : spell(b));
  if (gone) return database_->run("DELETE FROM accounts WHERE name = ?", name);
  return database_->run("INSERT OR REPLACE INTO accounts VALUES(?,?,?,?,?)", name,
                        b.debits_pending.decimal(), b.debits_posted.decimal(),
                        b.credits_pending.decimal(), b.credits_posted.decimal());
}

base::Status IndexWriter::write_budget(const money::BudgetRow& row) {
  checksum(budget_key(row), spell(row));
  return database_->run("INSERT OR REPLACE INTO budgets VALUES(?,?,?,?,?,?,?)",
                        static_cast<int64_t>(row.scope), row.id, row.day.ns, row.month.ns,
                        row.spent[0].decimal(), row.spent[1].decimal(), row.spent[2].decimal());
}

base::Result<Sums> read_sums(const db::Statement& row, int first) {
  Sums sums{.requests = row.integer(first),
            .prompt_tokens = row.integer(first + 1),
            .completion_tokens = row.integer(first + 2),
            .cached_tokens = row.integer(first + 3),
            .reasoning_tokens = row.integer(first + 4),
            .units = row.integer(first + 5)};
  TRY(const Amount amount, read_amount(row, first + 6));
  sums.amount = static_cast<__int128>(amount.pico());
  return sums;
}

base::Status IndexWriter::add_hour(int64_t hour, int64_t dimensions, const Sums& more) {
  Sums sums;
  {
    TRY(db::Statement rows,
        database_->query("SELECT requests, prompt_tokens, completion_tokens, cached_tokens, "
                         "reasoning_tokens, units, amount FROM hours WHERE start = ? AND "
                         "dimensions = ?",
                         hour, dimensions));
    TRY(const bool there, rows.step());
    if (there) {
      TRY(sums, read_sums(rows, 0));
    }
  }
  sums.add(more);
  return database_->run("INSERT OR REPLACE INTO hours VALUES(?,?,?,?,?,?,?,?,?)", hour, dimensions,
                        sums.requests, sums.prompt_tokens, sums.completion_tokens,
                        sums.cached_tokens, sums.reasoning_tokens, sums.units,
                        totals_of(sums).amount.decimal());
}

base::Status IndexWriter::write_state() {
  return database_->run("INSERT OR REPLACE INTO state VALUES(1,?,?,?,?,?)", folded_.rows,
                        folded_.charges, folded_.last_at.ns, base::ByteSpan(folded_.digest),
                        Amount::pico(checksum_).decimal());
}

base::Status IndexWriter::finish() {
  for (const std::string& name : touched_) TRY_VOID(write_account(name, folded_.accounts[name]));
  touched_.clear();
  for (const money::BudgetRow& row : folded_.budgets.take_changed()) TRY_VOID(write_budget(row));
  for (const auto& [key, sums] : hours_) TRY_VOID(add_hour(key.first, key.second, sums));
  hours_.clear();
  return write_state();
}

base::Status IndexWriter::write_all(const Hours& hours) {
  TRY_VOID(database_->execute("DELETE FROM accounts; DELETE FROM budgets; DELETE FROM hours"));
  for (const auto& [name, balances] : folded_.balances()) TRY_VOID(write_account(name, balances));
  for (const auto& row : folded_.budgets.rows()) TRY_VOID(write_budget(row));
  for (const auto& [key, sums] : hours) TRY_VOID(add_hour(key.first, key.second, sums));
  return write_state();
}

base::Result<Entry> read_entry(const db::Statement& s, int first) {
  Entry e;
  Usage& u = e.usage;
  e.seq = s.integer(first);
  e.kind = static_cast<EntryKind>(s.integer(first + 1));
  e.at = {s.integer(first + 2)};
  e.name = s.text(first + 3);
  TRY(e.amount, read_amount(s, first + 4));
  e.given_back = s.integer(first + 5) != 0;
  TRY(e.held, read_amount(s, first + 6));
  e.held_at = s.integer(first + 7) < 0 ? base::Time{} : base::Time{e.at.ns - s.integer(first + 7)};
  e.of = {s.integer(first + 8)};
  u.prompt_tokens = s.integer(first + 9);
  u.completion_tokens = s.integer(first + 10);
  u.cached_tokens = s.integer(first + 11);
  u.reasoning_tokens = s.integer(first + 12);
  u.units = s.integer(first + 13);
  TRY(e.parts, parts_from(s.text(first + 14)));
  e.reason = s.text(first + 15);
  TRY(e.digest, crypto::digest_from_bytes(s.bytes(first + 16)));
  e.account = s.text(first + 17);
  u.org_id = s.text(first + 18);
  u.project_id = s.text(first + 19);
  u.user_id = s.text(first + 20);
  u.key_id = s.text(first + 21);
  u.model = s.text(first + 22);
  u.release_id = s.text(first + 23);
  u.upstream = s.text(first + 24);
  u.kind = static_cast<UsageKind>(s.integer(first + 25));
  u.batch = s.integer(first + 26) != 0;
  u.continued = s.integer(first + 27) != 0;
  e.price = {
      static_cast<uint64_t>(s.integer(first + 28)), static_cast<uint64_t>(s.integer(first + 29)),
      static_cast<uint32_t>(s.integer(first + 31)), static_cast<uint64_t>(s.integer(first + 30))};
  e.epoch = static_cast<uint32_t>(s.integer(first + 32));
  e.share = {s.text(first + 33), static_cast<uint32_t>(s.integer(first + 34)),
             static_cast<uint32_t>(s.integer(first + 35))};
  return e;
}

base::Result<std::vector<money::AccountBalances>> read_accounts(db::Database& database) {
  TRY(db::Statement rows, database.query("SELECT * FROM accounts ORDER BY name"));
  std::vector<money::AccountBalances> accounts;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return accounts;
    money::AccountBalances account{rows.text(0), {}};
    TRY(account.balances.debits_pending, read_amount(rows, 1));
    TRY(account.balances.debits_posted, read_amount(rows, 2));
    TRY(account.balances.credits_pending, read_amount(rows, 3));
    TRY(account.balances.credits_posted, read_amount(rows, 4));
    accounts.push_back(std::move(account));
  }
}

base::Result<std::vector<money::BudgetRow>> read_budgets(db::Database& database) {
  TRY(db::Statement rows, database.query("SELECT * FROM budgets ORDER BY scope, id"));
  std::vector<money::BudgetRow> budgets;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return budgets;
    const int64_t scope = rows.integer(0);
    if (scope < 0 || scope >= static_cast<int64_t>(money::kScopes))
      return base::fail(Code::Corrupt, "a budget's scope is unknown", database.path(),
                        "LEDGER_DAMAGED");
    money::BudgetRow row{
        static_cast<money::Scope>(scope), rows.text(1), {rows.integer(2)}, {rows.integer(3)}, {}};
    for (int i = 0; i < static_cast<int>(money::kPeriods); ++i) {
      TRY(row.spent[static_cast<size_t>(i)], read_amount(rows, 4 + i));
    }
    budgets.push_back(std::move(row));
  }
}

base::Result<Hours> read_hours(db::Database& database) {
  TRY(db::Statement rows,
      database.query("SELECT start, dimensions, requests, prompt_tokens, completion_tokens, "
                     "cached_tokens, reasoning_tokens, units, amount FROM hours"));
  Hours hours;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return hours;
    TRY(const Sums sums, read_sums(rows, 2));
    hours.emplace(std::pair(rows.integer(0), rows.integer(1)), sums);
  }
}

namespace {

std::unexpected<base::Error> index_differs(db::Database& database, const std::string& what) {
  return base::fail(Code::Corrupt,
                    "the ledger's tables are not what its entries give (" + what +
                        "); run `charter rebuild` to look and to mend",
                    database.path(), "LEDGER_INDEX_DIFFERS");
}

// The last entry is the one that the tables go to.
base::Status check_last_entry(db::Database& database, const Folded& folded) {
  TRY(db::Statement rows,
      database.query("SELECT * FROM (SELECT * FROM (SELECT seq, digest FROM entries ORDER BY seq "
                     "DESC LIMIT 1) UNION ALL SELECT * FROM (SELECT seq, digest FROM transfers "
                     "ORDER BY seq DESC LIMIT 1)) ORDER BY seq DESC LIMIT 1"));
  TRY(const bool there, rows.step());
  const int64_t last = there ? rows.integer(0) : 0;
  crypto::Digest digest{};
  if (there) {
    TRY(digest, crypto::digest_from_bytes(rows.bytes(1)));
  }
  if (last != folded.rows || digest != folded.digest)
    return index_differs(database, "they go to entry " + std::to_string(folded.rows) +
                                       ", the last one is " + std::to_string(last));
  return {};
}

}  // namespace

base::Result<std::optional<Folded>> read_folded(db::Database& database) {
  Folded folded;
  Amount checksum;
  {
    TRY(db::Statement state,
        database.query("SELECT rows, charges, last_at, digest, checksum FROM state"));
    TRY(const bool there, state.step());
    if (!there) return std::nullopt;
    folded.rows = state.integer(0);
    folded.charges = state.integer(1);
    folded.last_at = {state.integer(2)};
    TRY(folded.digest, crypto::digest_from_bytes(state.bytes(3)));
    TRY(checksum, read_amount(state, 4));
  }
  TRY_VOID(check_last_entry(database, folded));
  TRY(auto accounts, read_accounts(database));
  TRY(auto budgets, read_budgets(database));
  Uint128 sum = 0;
  const auto add = [&sum](const std::string& key, const std::string& row) {
    crypto::Sha256 sha;
    sum += first_half(sha.update(key).update(std::string_view("=")).update(row).finish());
  };
  for (auto& account : accounts) {
    add(account_key(account.account), spell(account.balances));
    folded.accounts.emplace(std::move(account.account), account.balances);
  }
  for (auto& row : budgets) {
    add(budget_key(row), spell(row));
    folded.budgets.restore(std::move(row));
  }
  if (sum != checksum.pico()) return index_differs(database, "a balance or budget was changed");
  return folded;
}

namespace {

// Lines for the keys whose spelled values differ.
std::vector<std::string> compare(
    const std::map<std::string, std::pair<std::string, std::string>>& both) {
  std::vector<std::string> differences;
  for (const auto& [name, pair] : both)
    if (pair.first != pair.second)
      differences.push_back(name + ": the index says " + (pair.first.empty() ? "0" : pair.first) +
                            ", the entries say " + (pair.second.empty() ? "0" : pair.second));
  return differences;
}

}  // namespace

std::vector<std::string> compare_accounts(std::span<const money::AccountBalances> index,
                                          std::span<const money::AccountBalances> fold) {
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& row : index) both[account_key(row.account)].first = spell(row.balances);
  for (const auto& row : fold) both[account_key(row.account)].second = spell(row.balances);
  return compare(both);
}

std::vector<std::string> compare_budgets(std::span<const money::BudgetRow> index,
                                         std::span<const money::BudgetRow> fold) {
  std::map<std::string, std::pair<std::string, std::string>> both;
  for (const auto& row : index) both[budget_key(row)].first = spell(row);
  for (const auto& row : fold) both[budget_key(row)].second = spell(row);
  return compare(both);
}

std::vector<std::string> compare_hours(const Hours& index, const Hours& fold) {
  std::map<std::string, std::pair<std::string, std::string>> both;
  const auto key = [](const auto& row) {
    return "hour " + base::rfc3339({row.first.first}) + " of dimensions " +
           std::to_string(row.first.second);
  };
  for (const auto& row : index) both[key(row)].first = spell(row.second);
  for (const auto& row : fold) both[key(row)].second = spell(row.second);
  return compare(both);
}

}  // namespace journal
