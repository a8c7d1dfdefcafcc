// The tables of ledger.db, version by version.
#include "journal/ledger_fold.h"

namespace journal {
namespace {

constexpr std::string_view kVersion1 = R"sql(
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
)sql";

// Version 2: an entry for all that is moved at once. Words and prices that entries share are kept
// once; `hash` is of their columns, so that they are found again.
constexpr std::string_view kVersion2 = R"sql(
CREATE TABLE dimensions(
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  account TEXT NOT NULL,           -- the customer's
  org TEXT NOT NULL,
  project TEXT NOT NULL,
  user TEXT NOT NULL,
  key TEXT NOT NULL,
  model TEXT NOT NULL,
  release TEXT NOT NULL,
  upstream TEXT NOT NULL,
  kind INTEGER NOT NULL,           -- 1 completions, 2 embeddings, ...
  batch INTEGER NOT NULL,
  continued INTEGER NOT NULL
) STRICT;
CREATE TABLE terms(
  id INTEGER PRIMARY KEY,
  hash BLOB NOT NULL UNIQUE,
  price_in INTEGER NOT NULL,       -- micro-dollars per 1,000,000 tokens
  price_out INTEGER NOT NULL,
  price_cached INTEGER NOT NULL,   -- -1: as read
  price_version INTEGER NOT NULL,
  epoch INTEGER NOT NULL,
  builder TEXT NOT NULL,
  bps INTEGER NOT NULL,
  split_version INTEGER NOT NULL
) STRICT;
CREATE TABLE entries(
  seq INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,           -- 1 charge, 2 deposit, 3 correction, 4 refund, 5 release
  at INTEGER NOT NULL,             -- ns since 1970 UTC, never less than in the entry before
  name TEXT NOT NULL,              -- the request, or the deposit
  dimensions INTEGER NOT NULL,
  terms INTEGER NOT NULL,
  amount TEXT NOT NULL,            -- pico-dollars, decimal
  given_back INTEGER NOT NULL,
  held TEXT NOT NULL,
  held_ns INTEGER NOT NULL,        -- how long before `at`; -1: not held
  of INTEGER NOT NULL,             -- correction, refund: when the request was charged
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  units INTEGER NOT NULL,
  parts TEXT NOT NULL,             -- customer, loss, builder, revenue, shortfall; empty: as priced
  reason TEXT NOT NULL,
  digest BLOB NOT NULL
) STRICT;
CREATE INDEX deposits ON entries(name) WHERE kind = 2;
CREATE INDEX differences ON entries(of) WHERE kind IN (3, 4);
CREATE TABLE budgets(
  scope INTEGER NOT NULL,          -- 0 organization, 1 project, 2 user, 3 key; 4 to 7: with a model
  id TEXT NOT NULL,
  day INTEGER NOT NULL,            -- start of the day that spent_day is of
  month INTEGER NOT NULL,
  spent_day TEXT NOT NULL,
  spent_month TEXT NOT NULL,
  spent_total TEXT NOT NULL,
  PRIMARY KEY(scope, id)
) STRICT, WITHOUT ROWID;
CREATE TABLE hours(
  start INTEGER NOT NULL,
  dimensions INTEGER NOT NULL,
  requests INTEGER NOT NULL,
  prompt_tokens INTEGER NOT NULL,
  completion_tokens INTEGER NOT NULL,
  cached_tokens INTEGER NOT NULL,
  reasoning_tokens INTEGER NOT NULL,
  units INTEGER NOT NULL,
  amount TEXT NOT NULL,
  PRIMARY KEY(start, dimensions)
) STRICT, WITHOUT ROWID;
CREATE TABLE state(
  id INTEGER PRIMARY KEY CHECK(id = 1),
  rows INTEGER NOT NULL,           -- the last entry that the tables above know
  charges INTEGER NOT NULL,
  last_at INTEGER NOT NULL,
  digest BLOB NOT NULL,            -- of that entry
  checksum TEXT NOT NULL           -- of accounts and budgets
) STRICT;
)sql";

constexpr std::string_view kSchema[] = {kVersion1, kVersion2};

}  // namespace

std::span<const std::string_view> ledger_schema() { return kSchema; }

}  // namespace journal
