// One entry of the ledger: a charge with the hold it ends, a deposit, a correction, a refund, or
// the release of a hold that an older program wrote down. Its bytes are what the digest chain
// covers and what the write-ahead file holds; its legs are what it moves between accounts. Pure
// values.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "crypto/sha256.h"
#include "journal/ledger.h"

namespace journal {

enum class EntryKind : uint8_t { Charge = 1, Deposit = 2, Correction = 3, Refund = 4, Release = 5 };

// Where an amount came from and where it went. Charged: customer + loss = builder + revenue. Given
// back: customer + loss = builder + revenue + shortfall.
struct Parts {
  Amount customer = {};   // from the customer, or back to the customer
  Amount loss = {};       // what the customer's money did not cover
  Amount builder = {};    // the builder's share
  Amount revenue = {};    // the house's
  Amount shortfall = {};  // of a builder who has been paid out already
  friend bool operator==(const Parts&, const Parts&) = default;
};

struct Entry {
  int64_t seq = 0;  // 1, 2, 3, ... without a gap
  EntryKind kind = EntryKind::Charge;
  base::Time at = {};
  std::string name = {};     // the request's id, or the deposit's
  std::string account = {};  // the customer
  Amount amount = {};        // charged, deposited, or the difference
  bool given_back = false;
  Amount held = {};         // charge: the hold, release: likewise
  base::Time held_at = {};  // charge: when it was held
  base::Time of = {};       // correction and refund: when the request was charged
  PriceQuote price = {};
  uint32_t epoch = 0;
  BuilderShare share = {};  // without a builder: none
  Usage usage = {};         // of a correction or refund: the differences
  // Of a correction or refund, and of a charge that an older program wrote; that of any other
  // charge follows from it.
  std::optional<Parts> parts = {};
  std::string reason = {};
  crypto::Digest digest{};
  friend bool operator==(const Entry&, const Entry&) = default;
};

// The entry's bytes, digest apart: the same entry always gives the same ones.
void append_encoded(const Entry& entry, std::string* out);
// Code::Corrupt when the bytes are no entry.
base::Result<Entry> decode_entry(std::string_view bytes);
crypto::Digest entry_digest(const crypto::Digest& previous, std::string_view encoded);
crypto::Digest entry_digest(const crypto::Digest& previous, const Entry& entry);

Parts parts_of(const Entry& entry);

struct Leg {
  std::string debit, credit;
  Amount amount;
  money::TransferCode code;
};
std::vector<Leg> legs_of(const Entry& entry);  // posted; none of zero

// Ids follow from what they are for, so that doing the same thing twice is the same transfer.
money::Id request_id_of(std::string_view request);              // of its hold
money::Transfer pending_of(const Entry& entry);                 // the hold that a charge ends
std::vector<money::Transfer> transfers_of(const Entry& entry);  // one linked chain, after the hold
std::vector<money::Transfer> transfers_of(const Entry& charge, money::Id request_id);  // the same

money::Scopes scopes_of(const Usage& usage);
// The time that usage and budgets count the entry at.
base::Time counted_at(const Entry& entry);
bool counts_as_usage(EntryKind kind);

}  // namespace journal
