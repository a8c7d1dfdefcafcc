#include "journal/ledger_rows.h"

#include <algorithm>
#include <span>

namespace journal {
namespace {

using base::Code;

constexpr size_t kTransfersRemembered = 65'536;

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

}  // namespace

std::unexpected<base::Error> ledger_damaged(int64_t seq, std::string_view what) {
  return base::fail(Code::Corrupt,
                    "row " + std::to_string(seq) + " of the ledger " + std::string(what) +
                        "; stop, keep the file, and restore the last good backup",
                    "ledger.db", "LEDGER_DAMAGED");
}

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

namespace {

Amount part_of(std::span<const LedgerRow> chain, money::TransferCode code) {
  const auto found =
      std::ranges::find_if(chain, [&](const LedgerRow& row) { return row.transfer.code == code; });
  return found == chain.end() ? Amount{} : found->transfer.amount;
}

Entry deposit_of(const LedgerRow& row) {
  Entry entry;
  entry.seq = row.seq;
  entry.kind = EntryKind::Deposit;
  entry.at = row.transfer.at;
  entry.name = row.transfer.user_data.request;
  entry.account = row.transfer.credit;
  entry.amount = row.transfer.amount;
  entry.reason = row.reason;
  entry.digest = row.digest;
  return entry;
}

Entry charge_of(std::span<const LedgerRow> chain, const money::Transfer& pending) {
  const LedgerRow& post = chain.front();
  Entry entry;
  entry.seq = post.seq;
  entry.at = post.transfer.at;
  entry.name = post.transfer.user_data.request;
  entry.account = pending.debit;
  Parts& parts = entry.parts.emplace();
  parts.customer = post.transfer.amount;
  parts.loss = part_of(chain, money::TransferCode::MeteringLoss);
  parts.builder = part_of(chain, money::TransferCode::BuilderShare);
  parts.revenue = part_of(chain, money::TransferCode::Revenue);
  entry.amount = Amount::pico(parts.customer.pico() + parts.loss.pico());
  entry.held = pending.amount;
  entry.held_at = pending.at;
  entry.price = post.metered->price;
  entry.epoch = post.transfer.user_data.epoch;
  for (const LedgerRow& row : chain)
    if (row.transfer.code == money::TransferCode::BuilderShare)
      entry.share.builder = row.transfer.credit.substr(row.transfer.credit.find(':') + 1);
  entry.share.version = post.transfer.user_data.split_version;
  entry.usage = post.metered->usage;
  entry.digest = post.digest;
  return entry;
}

}  // namespace

base::Status RowFold::visit_chain(const Visit& visit) const {
  const LedgerRow& first = chain_.front();
  if (first.transfer.code == money::TransferCode::Deposit) return visit(deposit_of(first));
  if (!first.metered) return {};
  const auto* pending = books.find(first.transfer.pending_id);
  if (pending == nullptr) return ledger_damaged(first.seq, "charges a hold that is not there");
  return visit(charge_of(chain_, pending->transfer));
}

base::Status RowFold::add(LedgerRow row, const Visit& visit) {
  if (row.seq != rows + 1) return ledger_damaged(rows + 1, "is missing");
  if (row_digest(digest, row) != row.digest)
    return ledger_damaged(row.seq, "was changed: its digest does not fit");
  digest = row.digest;
  rows = row.seq;
  last_at = std::max(last_at, row.transfer.at);
  const bool chain_goes_on = (row.transfer.flags & money::kLinked) != 0;
  chain_.push_back(std::move(row));
  if (chain_goes_on) return {};
  std::vector<money::Transfer> transfers;
  for (const LedgerRow& link : chain_) transfers.push_back(link.transfer);
  for (const money::TransferResult result : books.apply(transfers))
    if (result != money::TransferResult::Ok)
      return ledger_damaged(
          rows, "cannot have happened (" + std::string(money::result_name(result)) + ")");
  TRY_VOID(visit_chain(visit));
  chain_.clear();
  books.retire(kTransfersRemembered);
  return {};
}

base::Status RowFold::run(db::Database& database, const Visit& visit) {
  TRY(db::Statement select, database.query(kSelectRows));
  for (;;) {
    TRY(const bool more, select.step());
    if (!more) break;
    auto row = read_row(select);
    if (!row) return ledger_damaged(rows + 1, "cannot be read (" + row.error().message + ")");
    TRY_VOID(add(std::move(*row), visit));
  }
  if (!chain_.empty()) return ledger_damaged(rows, "belongs to a chain whose end is missing");
  return {};
}

}  // namespace journal
