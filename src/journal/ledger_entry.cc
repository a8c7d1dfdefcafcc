#include "journal/ledger_entry.h"

#include <algorithm>

#include "base/check.h"
#include "money/accounts.h"

namespace journal {
namespace {

using base::Code;
using money::Transfer;
using money::TransferCode;
using money::Uint128;

constexpr uint8_t kFormat = 2;
constexpr size_t kTextBytesMax = 1 << 16;

// What an id of a request's transfer ends in.
enum class Purpose : uint8_t { Hold = 1, Post = 2, Leg = 16 };

money::Id id_from(std::string_view purpose, std::string_view name) {
  const crypto::Digest digest =
      crypto::Sha256().update(purpose).update(std::string_view(":")).update(name).finish();
  money::Id id = 0;
  for (size_t i = 0; i < 16; ++i) id = (id << 8) | digest[i];
  return id;
}

money::Id with_purpose(money::Id id, Purpose purpose, size_t index = 0) {
  return (id & ~money::Id{0xff}) | (static_cast<uint8_t>(purpose) + index);
}

// Numbers of seven bits a byte, least first; signed ones zigzag; texts after their length.
class Out {
 public:
  explicit Out(std::string* out) : out_(out) {}
  void wide(Uint128 value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
    out_->push_back(static_cast<char>(value));
  }
  void number(uint64_t value) {
    for (; value >= 0x80; value >>= 7) out_->push_back(static_cast<char>(value | 0x80));
    out_->push_back(static_cast<char>(value));
  }
  void signed_number(int64_t value) {
    number((static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63));
  }
  void text(std::string_view value) {
    number(value.size());
    out_->append(value);
  }

 private:
  std::string* out_;
};

class In {
 public:
  explicit In(std::string_view bytes) : bytes_(bytes) {}
  Uint128 wide() {
    Uint128 value = 0;
    for (unsigned shift = 0; shift < 128; shift += 7) {
      const auto byte = static_cast<uint8_t>(take());
      value |= Uint128{byte & 0x7fu} << shift;
      if (byte < 0x80) return value;
    }
    bad_ = true;
    return 0;
  }
  uint64_t number() {
    const Uint128 value = wide();
    if (value > UINT64_MAX) bad_ = true;
    return static_cast<uint64_t>(value);
  }
  uint32_t number32() {
    const uint64_t value = number();
    if (value > UINT32_MAX) bad_ = true;
    return static_cast<uint32_t>(value);
  }
  int64_t signed_number() {
    const uint64_t value = number();
    return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
  }
  std::string text() {
    const uint64_t size = number();
    if (size > kTextBytesMax || size > bytes_.size()) bad_ = true;
    if (bad_) return {};
    std::string value(bytes_.substr(0, size));
    bytes_.remove_prefix(size);
    return value;
  }
  bool ended_well() const { return !bad_ && bytes_.empty(); }

 private:
  char take() {
    if (bytes_.empty()) {
      bad_ = true;
      return 0;
    }
    const char byte = bytes_.front();
    bytes_.remove_prefix(1);
    return byte;
  }
  std::string_view bytes_;
  bool bad_ = false;
};

enum Flag : uint8_t { kGivenBack = 1, kBatch = 2, kContinued = 4, kHasParts = 8 };

bool is_difference(EntryKind kind) {
  return kind == EntryKind::Correction || kind == EntryKind::Refund;
}

}  // namespace

void append_encoded(const Entry& entry, std::string* bytes) {
  Out out(bytes);
  const Usage& u = entry.usage;
  out.number(kFormat);
  out.signed_number(entry.seq);
  out.number(static_cast<uint64_t>(entry.kind));
  out.signed_number(entry.at.ns);
  out.text(entry.name);
  out.text(entry.account);
  out.wide(entry.amount.pico());
  out.number(static_cast<uint64_t>((entry.given_back ? kGivenBack : 0) | (u.batch ? kBatch : 0) |
                                   (u.continued ? kContinued : 0) | (entry.parts ? kHasParts : 0)));
  out.wide(entry.held.pico());
  out.signed_number(entry.held_at.ns);
  out.signed_number(entry.of.ns);
  out.number(entry.price.in_micro_per_million);
  out.number(entry.price.out_micro_per_million);
  out.number(entry.price.cached_micro_per_million);
  out.number(entry.price.version);
  out.number(entry.epoch);
  out.text(entry.share.builder);
  out.number(entry.share.bps);
  out.number(entry.share.version);
  for (const std::string* text :
       {&u.org_id, &u.project_id, &u.user_id, &u.key_id, &u.model, &u.release_id, &u.upstream})
    out.text(*text);
  out.number(static_cast<uint64_t>(u.kind));
  for (const int64_t count :
       {u.prompt_tokens, u.completion_tokens, u.cached_tokens, u.reasoning_tokens, u.units})
    out.signed_number(count);
  if (entry.parts)
    for (const Amount part : {entry.parts->customer, entry.parts->loss, entry.parts->builder,
                              entry.parts->revenue, entry.parts->shortfall})
      out.wide(part.pico());
  out.text(entry.reason);
}

base::Result<Entry> decode_entry(std::string_view bytes) {
  In in(bytes);
  Entry entry;
  Usage& u = entry.usage;
  const bool known = in.number() == kFormat;
  entry.seq = in.signed_number();
  entry.kind = static_cast<EntryKind>(in.number());
  entry.at = {in.signed_number()};
  entry.name = in.text();
  entry.account = in.text();
  entry.amount = Amount::pico(in.wide());
  const uint64_t flags = in.number();
  entry.given_back = (flags & kGivenBack) != 0;
  u.batch = (flags & kBatch) != 0;
  u.continued = (flags & kContinued) != 0;
  entry.held = Amount::pico(in.wide());
  entry.held_at = {in.signed_number()};
  entry.of = {in.signed_number()};
  entry.price.in_micro_per_million = in.number();
  entry.price.out_micro_per_million = in.number();
  entry.price.cached_micro_per_million = in.number();
  entry.price.version = in.number32();
  entry.epoch = in.number32();
  entry.share.builder = in.text();
  entry.share.bps = in.number32();
  entry.share.version = in.number32();
  for (std::string* text :
       {&u.org_id, &u.project_id, &u.user_id, &u.key_id, &u.model, &u.release_id, &u.upstream})
    *text = in.text();
  u.kind = static_cast<UsageKind>(in.number());
  for (int64_t* count :
       {&u.prompt_tokens, &u.completion_tokens, &u.cached_tokens, &u.reasoning_tokens, &u.units})
    *count = in.signed_number();
  if ((flags & kHasParts) != 0) {
    Parts& parts = entry.parts.emplace();
    for (Amount* part :
         {&parts.customer, &parts.loss, &parts.builder, &parts.revenue, &parts.shortfall})
      *part = Amount::pico(in.wide());
  }
  entry.reason = in.text();
  if (!known || !in.ended_well() || entry.kind < EntryKind::Charge ||
      entry.kind > EntryKind::Release || entry.share.bps > 10'000)
    return base::fail(Code::Corrupt, "the bytes are no entry of a ledger", {}, "LEDGER_DAMAGED");
  return entry;
}

crypto::Digest entry_digest(const crypto::Digest& previous, std::string_view encoded) {
  return crypto::Sha256().update(base::ByteSpan(previous)).update(encoded).finish();
}

crypto::Digest entry_digest(const crypto::Digest& previous, const Entry& entry) {
  std::string encoded;
  append_encoded(entry, &encoded);
  return entry_digest(previous, encoded);
}

Parts parts_of(const Entry& entry) {
  if (entry.parts) return *entry.parts;
  Parts parts;
  if (entry.kind != EntryKind::Charge) return parts;
  parts.customer = std::min(entry.amount, entry.held);
  parts.loss = *money::checked_sub(entry.amount, parts.customer);
  if (!entry.share.builder.empty())
    parts.builder = money::share_floor(entry.amount, entry.share.bps);
  parts.revenue = *money::checked_sub(entry.amount, parts.builder);
  return parts;
}

std::vector<Leg> legs_of(const Entry& entry) {
  std::vector<Leg> legs;
  const auto move = [&](std::string_view debit, std::string_view credit, Amount amount,
                        TransferCode code) {
    if (amount.is_zero()) return;
    legs.push_back({std::string(debit), std::string(credit), amount, code});
  };
  if (entry.kind == EntryKind::Release) return legs;
  if (entry.kind == EntryKind::Deposit) {
    move(money::kCash, entry.account, entry.amount, TransferCode::Deposit);
    return legs;
  }
  const Parts parts = parts_of(entry);
  const std::string builder =
      parts.builder.is_zero() ? std::string() : money::builder(entry.share.builder);
  if (!entry.given_back) {
    move(entry.account, money::kClearing, parts.customer, TransferCode::Charge);
    move(money::kMeteringLoss, money::kClearing, parts.loss, TransferCode::MeteringLoss);
    move(money::kClearing, builder, parts.builder, TransferCode::BuilderShare);
    move(money::kClearing, money::kRevenue, parts.revenue, TransferCode::Revenue);
    return legs;
  }
  // Backwards: what the others got comes in before the customer has it again.
  move(money::kRevenue, money::kClearing, parts.revenue, TransferCode::Refund);
  move(builder, money::kClearing, parts.builder, TransferCode::Refund);
  move(money::kMeteringLoss, money::kClearing, parts.shortfall, TransferCode::MeteringLoss);
  move(money::kClearing, money::kMeteringLoss, parts.loss, TransferCode::Refund);
  move(money::kClearing, entry.account, parts.customer, TransferCode::Refund);
  return legs;
}

money::Id request_id_of(std::string_view request) {
  return with_purpose(id_from("request", request), Purpose::Hold);
}

namespace {

money::UserData user_data_of(const Entry& entry) {
  return {entry.name, entry.epoch, entry.price.version, entry.share.version};
}

// The id that the transfers of an entry start from. A request is charged once, and may be corrected
// often.
money::Id base_id_of(const Entry& entry) {
  if (entry.kind == EntryKind::Charge) return request_id_of(entry.name);
  if (entry.kind == EntryKind::Deposit) return id_from("deposit", entry.name);
  return id_from("entry", std::to_string(entry.seq));
}

}  // namespace

Transfer pending_of(const Entry& entry) {
  return {.id = request_id_of(entry.name),
          .debit = entry.account,
          .credit = std::string(money::kClearing),
          .amount = entry.held,
          .code = TransferCode::Reserve,
          .flags = money::kPending,
          .user_data = user_data_of(entry),
          .at = entry.held_at};
}

std::vector<Transfer> transfers_of(const Entry& entry) {
  return transfers_of(entry, base_id_of(entry));
}

std::vector<Transfer> transfers_of(const Entry& entry, money::Id base) {
  std::vector<Transfer> chain;
  const bool is_charge = entry.kind == EntryKind::Charge;
  const bool is_release = entry.kind == EntryKind::Release;
  if (is_charge || is_release) {
    Transfer end{.id = with_purpose(base, Purpose::Post),
                 .pending_id = is_charge ? base : id_from("hold", entry.name),
                 .code = is_charge ? TransferCode::Charge : TransferCode::Release,
                 .flags = is_charge ? money::kPost : money::kVoid,
                 .user_data = user_data_of(entry),
                 .at = entry.at};
    if (is_charge) end.amount = parts_of(entry).customer;
    chain.push_back(std::move(end));
  }
  size_t index = 0;
  for (Leg& leg : legs_of(entry)) {
    if (is_charge && leg.code == TransferCode::Charge) continue;  // the post does it
    chain.push_back({.id = with_purpose(base, Purpose::Leg, index++),
                     .debit = std::move(leg.debit),
                     .credit = std::move(leg.credit),
                     .amount = leg.amount,
                     .code = leg.code,
                     .user_data = user_data_of(entry),
                     .at = entry.at});
  }
  for (size_t i = 0; i + 1 < chain.size(); ++i) chain[i].flags |= money::kLinked;
  return chain;
}

money::Scopes scopes_of(const Usage& usage) {
  return {usage.org_id, usage.project_id, usage.user_id, usage.key_id, usage.model};
}

base::Time counted_at(const Entry& entry) {
  return is_difference(entry.kind) ? entry.of : entry.at;
}

bool counts_as_usage(EntryKind kind) { return kind == EntryKind::Charge || is_difference(kind); }

}  // namespace journal
