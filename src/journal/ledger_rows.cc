#include "journal/ledger_rows.h"

#include <algorithm>
#include <map>

namespace journal {
namespace {

using base::Code;

constexpr std::string_view kSchema[] = {R"sql(
CREATE TABLE transfers(
  seq INTEGER PRIMARY KEY,
  id BLOB NOT NULL,
  at INTEGER NOT NULL,             -- ns since 1970 UTC
  debit TEXT NOT NULL,
  credit TEXT NOT NULL,
  amount TEXT NOT NULL,            -- pico-dollars, decimal
  pending_id BLOB NOT NULL,        -- 16 zero bytes: none
  timeout_s INTEGER NOT NULL,
  code INTEGER NOT NULL,
  flags INTEGER NOT NULL,          -- 1 linked, 2 pending, 4 post, 8 void
  request TEXT NOT NULL,
  epoch INTEGER NOT NULL,
  price_version INTEGER NOT NULL,
  split_version INTEGER NOT NULL,
  reason TEXT NOT NULL,
  digest BLOB NOT NULL
) STRICT;
CREATE TABLE charges(
  seq INTEGER PRIMARY KEY REFERENCES transfers(seq),
  org TEXT NOT NULL,
  project TEXT NOT NULL,
  user TEXT NOT NULL,
  key TEXT NOT NULL,
  model TEXT NOT NULL,
  release TEXT NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  price_in INTEGER NOT NULL,       -- micro-dollars per 1,000,000 tokens
  price_out INTEGER NOT NULL
) STRICT;
CREATE INDEX charges_by_org ON charges(org, seq);
CREATE TABLE accounts(
  name TEXT PRIMARY KEY,
  debits_pending TEXT NOT NULL,
  debits_posted TEXT NOT NULL,
  credits_pending TEXT NOT NULL,
  credits_posted TEXT NOT NULL
) STRICT, WITHOUT ROWID;
)sql"};

constexpr std::string_view kSelectRows =
    "SELECT t.seq, id, at, debit, credit, amount, pending_id, timeout_s, code, flags, request, "
    "epoch, price_version,"
    " split_version, reason, digest, c.seq, org, project, user, key, model, release, "
    "prompt_tokens, completion_tokens,"
    " price_in, price_out FROM transfers t LEFT JOIN charges c ON c.seq = t.seq ORDER BY t.seq";

std::array<uint8_t, 16> id_bytes(money::Id id) {
  std::array<uint8_t, 16> out;
  for (size_t i = 16; i-- > 0; id >>= 8) out[i] = static_cast<uint8_t>(id);
  return out;
}

base::Result<money::Id> id_from(const base::Bytes& bytes) {
  if (bytes.size() != 16)
    return base::fail(Code::Corrupt, "a transfer's id has not 16 bytes", {}, "LEDGER_DAMAGED");
  money::Id id = 0;
  for (const uint8_t byte : bytes) id = (id << 8) | byte;
  return id;
}

// Fields in a row's digest: fixed-width integers, big-endian, and texts after their length, so that
// no two rows that differ spell the same bytes.
class Encoder {
 public:
  explicit Encoder(const crypto::Digest& previous) { sha_.update(previous); }
  void number(uint64_t value) {
    std::array<uint8_t, 8> bytes;
    for (size_t i = 8; i-- > 0; value >>= 8) bytes[i] = static_cast<uint8_t>(value);
    sha_.update(bytes);
  }
  void wide(money::Uint128 value) { sha_.update(id_bytes(value)); }
  void text(std::string_view value) {
    number(value.size());
    sha_.update(value);
  }
  crypto::Digest finish() { return sha_.finish(); }

 private:
  crypto::Sha256 sha_;
};

base::Result<LedgerRow> read_row(const db::Statement& s) {
  LedgerRow row;
  money::Transfer& t = row.transfer;
  row.seq = s.integer(0);
  TRY(t.id, id_from(s.bytes(1)));
  t.at = {s.integer(2)};
  t.debit = s.text(3);
  t.credit = s.text(4);
  TRY(t.amount, money::parse_decimal(s.text(5)));
  TRY(t.pending_id, id_from(s.bytes(6)));
  t.timeout_s = static_cast<uint32_t>(s.integer(7));
  t.code = static_cast<money::TransferCode>(s.integer(8));
  t.flags = static_cast<uint16_t>(s.integer(9));
  t.user_data = {s.text(10), static_cast<uint32_t>(s.integer(11)),
                 static_cast<uint32_t>(s.integer(12)), static_cast<uint32_t>(s.integer(13))};
  row.reason = s.text(14);
  TRY(row.digest, crypto::digest_from_bytes(s.bytes(15)));
  if (!s.is_null(16)) {
    row.metered =
        Metered{.usage = {.org_id = s.text(17),
                          .project_id = s.text(18),
                          .user_id = s.text(19),
                          .key_id = s.text(20),
                          .model = s.text(21),
                          .release_id = s.text(22),
                          .prompt_tokens = s.integer(23),
                          .completion_tokens = s.integer(24)},
                .price = {static_cast<uint64_t>(s.integer(25)),
                          static_cast<uint64_t>(s.integer(26)), t.user_data.price_version}};
  }
  return row;
}

std::unexpected<base::Error> damaged(int64_t seq, std::string_view what) {
  return base::fail(Code::Corrupt,
                    "row " + std::to_string(seq) + " of the ledger " + std::string(what) +
                        "; stop, keep the file, and restore the last good backup",
                    "ledger.db", "LEDGER_DAMAGED");
}

}  // namespace

std::span<const std::string_view> ledger_schema() { return kSchema; }

crypto::Digest row_digest(const crypto::Digest& previous, const LedgerRow& row) {
  const money::Transfer& t = row.transfer;
  Encoder encoder(previous);
  encoder.number(static_cast<uint64_t>(row.seq));
  encoder.wide(t.id);
  encoder.number(static_cast<uint64_t>(t.at.ns));
  encoder.text(t.debit);
  encoder.text(t.credit);
  encoder.wide(t.amount.pico());
  encoder.wide(t.pending_id);
  for (const uint64_t value :
       {uint64_t{t.timeout_s}, uint64_t{static_cast<uint16_t>(t.code)}, uint64_t{t.flags},
        uint64_t{t.user_data.epoch}, uint64_t{t.user_data.price_version},
        uint64_t{t.user_data.split_version}, uint64_t{row.metered.has_value()}})
    encoder.number(value);
  encoder.text(t.user_data.request);
  encoder.text(row.reason);
  if (row.metered) {
    const Usage& u = row.metered->usage;
    for (const std::string* text :
         {&u.org_id, &u.project_id, &u.user_id, &u.key_id, &u.model, &u.release_id})
      encoder.text(*text);
    for (const uint64_t value :
         {static_cast<uint64_t>(u.prompt_tokens), static_cast<uint64_t>(u.completion_tokens),
          row.metered->price.in_micro_per_million, row.metered->price.out_micro_per_million})
      encoder.number(value);
  }
  return encoder.finish();
}

base::Status insert_row(db::Database& database, const LedgerRow& row) {
  const money::Transfer& t = row.transfer;
  const auto id = id_bytes(t.id);
  const auto pending_id = id_bytes(t.pending_id);
  TRY_VOID(database.run("INSERT INTO transfers VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)", row.seq,
                        base::ByteSpan(id), t.at.ns, t.debit, t.credit, t.amount.decimal(),
                        base::ByteSpan(pending_id), t.timeout_s, static_cast<int>(t.code),
                        static_cast<int>(t.flags), t.user_data.request, t.user_data.epoch,
                        t.user_data.price_version, t.user_data.split_version, row.reason,
                        base::ByteSpan(row.digest)));
  if (!row.metered) return {};
  const Usage& u = row.metered->usage;
  return database.run("INSERT INTO charges VALUES(?,?,?,?,?,?,?,?,?,?,?)", row.seq, u.org_id,
                      u.project_id, u.user_id, u.key_id, u.model, u.release_id, u.prompt_tokens,
                      u.completion_tokens,
                      static_cast<int64_t>(row.metered->price.in_micro_per_million),
                      static_cast<int64_t>(row.metered->price.out_micro_per_million));
}

base::Status write_account(db::Database& database, const money::AccountBalances& account) {
  const money::Balances& b = account.balances;
  if (b == money::Balances{})
    return database.run("DELETE FROM accounts WHERE name = ?", account.account);
  return database.run("INSERT OR REPLACE INTO accounts VALUES(?,?,?,?,?)", account.account,
                      b.debits_pending.decimal(), b.debits_posted.decimal(),
                      b.credits_pending.decimal(), b.credits_posted.decimal());
}

base::Result<std::vector<money::AccountBalances>> read_accounts(db::Database& database) {
  TRY(db::Statement rows, database.query("SELECT * FROM accounts ORDER BY name"));
  std::vector<money::AccountBalances> accounts;
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return accounts;
    money::AccountBalances account{rows.text(0), {}};
    TRY(account.balances.debits_pending, money::parse_decimal(rows.text(1)));
    TRY(account.balances.debits_posted, money::parse_decimal(rows.text(2)));
    TRY(account.balances.credits_pending, money::parse_decimal(rows.text(3)));
    TRY(account.balances.credits_posted, money::parse_decimal(rows.text(4)));
    accounts.push_back(std::move(account));
  }
}

base::Status Fold::add(LedgerRow row) {
  if (row.seq != rows + 1) return damaged(rows + 1, "is missing");
  if (row_digest(digest, row) != row.digest)
    return damaged(row.seq, "was changed: its digest does not fit");
  digest = row.digest;
  rows = row.seq;
  charges += row.metered ? 1 : 0;
  last_at = std::max(last_at, row.transfer.at);
  const bool chain_goes_on = (row.transfer.flags & money::kLinked) != 0;
  chain_.push_back(std::move(row.transfer));
  if (chain_goes_on) return {};
  const auto results = books.apply(chain_);
  chain_.clear();
  for (const money::TransferResult result : results)
    if (result != money::TransferResult::Ok)
      return damaged(rows,
                     "cannot have happened (" + std::string(money::result_name(result)) + ")");
  books.retire(remember_);
  return {};
}

base::Status Fold::finish() {
  if (!chain_.empty()) return damaged(rows, "belongs to a chain whose end is missing");
  return {};
}

base::Status fold_rows(db::Database& database, Fold* fold,
                       const std::function<void(const Fold&)>& visit) {
  TRY(db::Statement rows, database.query(kSelectRows));
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return fold->finish();
    auto row = read_row(rows);
    if (!row) return damaged(fold->rows + 1, "cannot be read (" + row.error().message + ")");
    TRY_VOID(fold->add(std::move(*row)));
    if (visit) visit(*fold);
  }
}

std::vector<std::string> compare_accounts(std::span<const money::AccountBalances> index,
                                          std::span<const money::AccountBalances> fold) {
  const auto spell = [](const money::Balances& b) {
    return b.debits_pending.decimal() + " " + b.debits_posted.decimal() + " " +
           b.credits_pending.decimal() + " " + b.credits_posted.decimal();
  };
  std::map<std::string, std::pair<money::Balances, money::Balances>> both;
  for (const auto& row : index) both[row.account].first = row.balances;
  for (const auto& row : fold) both[row.account].second = row.balances;
  std::vector<std::string> differences;
  for (const auto& [name, pair] : both)
    if (pair.first != pair.second)
      differences.push_back("account " + name + ": the index says " + spell(pair.first) +
                            ", the transfers say " + spell(pair.second));
  return differences;
}

}  // namespace journal
