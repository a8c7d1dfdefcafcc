// What can be signed and logged: charter, evidence, gate verdict, proposal, ballot, tally, release.
// Each is a payload in a DSSE envelope; the log's leaf names the envelope by its digest. Parsers
// are strict; meaning is judged by state.h.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "crypto/sha256.h"
#include "govern/dsse.h"
#include "govern/manifest.h"
#include "govern/statement.h"
#include "json/json.h"

namespace govern {

enum class Kind : unsigned char {
  Charter,
  Evidence,
  Gate,
  Proposal,
  Ballot,
  Tally,
  Release,
  // Of a model's life before and after the vote: lifecycle_statements.h.
  Model,
  RunIntent,
  EvalRun,
  Stage,
  Lease,
  Stop,
  Resume,
  Revoke,
  Alarm,
  Incident,
  // Of decisions: decision_statements.h.
  Notice,
  Recusal,
  Veto,
  Petition,
  Enactment,
  Keyring,
  Cosigned,  // its payload is a checkpoint as a note that witnesses cosigned; it carries no other
             // signature
};
std::string_view kind_name(Kind kind);  // "ballot/v1"
std::string payload_type(Kind kind);  // "application/vnd.charter.ballot.v1+json", or in-toto's own

// The log entry: canonical JSON of these fields.
struct Leaf {
  Kind kind = Kind::Charter;
  uint64_t seq = 0;  // its index in the log
  crypto::Digest envelope{};
  crypto::Digest subject{};  // what it is about: charter, model manifest, or proposal
  base::Time time;           // the log's clock, whole seconds
};
std::string format_leaf(const Leaf& leaf);
base::Result<Leaf> parse_leaf(std::string_view text);

// Ties a payload to one charter and one log, so that it means nothing elsewhere.
struct Context {
  std::string charter_id;
  uint64_t charter_version = 1;
  crypto::Digest charter_sha256{};
  std::string origin;
  std::string nonce;  // 64 hex digits
  friend bool operator==(const Context&, const Context&) = default;
};
bool same_place(const Context& a, const Context& b);  // all but the nonce

struct CharterStatement {
  Context context;
  std::string text;  // charter.toml
  std::string log_vkey;
  std::string witness_policy = {};              // the text that the charter pins, if it does
  std::optional<crypto::Digest> proposal = {};  // of an amendment: the one that passed
};

struct LeafReference {
  uint64_t leaf = 0;
  crypto::Digest sha256{};  // of the envelope
  friend auto operator<=>(const LeafReference&, const LeafReference&) = default;
};

// What a proposal other than model.promote is about; its action says which fields are there.
struct Subject {
  std::string person;          // person.*, fill_seat, key.recover
  std::string body;            // person.*, fill_seat
  std::string vkey;            // key.recover
  crypto::Digest manifest{};   // weights.export
  std::string to;              // weights.export, payout
  uint64_t micro_usd = 0;      // payout
  std::string text;            // charter.*: charter.toml; motion: its words
  std::string witness_policy;  // charter.*: the policy's text, when the charter pins one
};
json::Value subject_to_json(std::string_view action, const Subject& subject);
base::Result<Subject> subject_from_json(std::string_view action, const json::Value& value);

// Whether proposals of this action name a subject; model.promote has fields of its own.
bool has_subject(std::string_view action);

struct Proposal {
  Context context;
  std::string action = "model.promote";
  std::string channel;
  std::string person;  // who proposes
  std::string model;   // a name for people
  Manifest manifest;
  std::vector<LeafReference> evidence;
  LeafReference gate;
  uint64_t epoch = 1;  // the channel's next
  base::Time created, expires;
  Subject subject;                         // of every other action
  std::optional<crypto::Digest> petition;  // that forces it
};

enum class Vote : unsigned char { For, Against, Abstain };
std::string_view vote_name(Vote vote);
base::Result<Vote> parse_vote(std::string_view text);

struct Ballot {
  Context context;
  crypto::Digest proposal{};
  std::string body, person;
  Vote vote = Vote::Abstain;
  uint64_t checkpoint_size = 0;  // a state of the log that holds the proposal
  crypto::Digest checkpoint_root{};
  base::Time created, expires;
};

struct TallyStatement {
  Context context;
  crypto::Digest proposal{};
  std::string person;  // who closed it
  std::vector<LeafReference> ballots;
  json::Value results;  // as count() gives them; never believed, always counted again
  base::Time created;
};

struct Certificate {
  std::string model;
  crypto::Digest oms_root{}, manifest_digest{}, release_unit{};
  std::string channel;
  uint64_t epoch = 1;
  uint64_t charter_version = 1;
  crypto::Digest charter_sha256{}, standard{};
  LeafReference gate;
  json::Value evidence;  // [{suite, suiteRoot, resultRoot, size, epochs, leaf}]
  crypto::Digest proposal{};
  LeafReference tally;
  std::vector<std::string> stages = {"100"};  // percent of the traffic, one after the other
  uint64_t stop_epoch_min = 0;                // the house's stops when it was certified
  base::Time not_before, not_after;
  std::string nonce;
};

inline constexpr std::string_view kReleaseType = "https://charter.example/release/v1";
inline constexpr std::string_view kVerificationSummaryType =
    "https://slsa.dev/verification_summary/v1";

std::string format_charter_statement(const CharterStatement& statement);
std::string format_proposal(const Proposal& proposal);
std::string format_ballot(const Ballot& ballot);
std::string format_tally(const TallyStatement& tally);
std::string format_certificate(const Certificate& certificate);

base::Result<CharterStatement> parse_charter_statement(std::string_view payload);
base::Result<Proposal> parse_proposal(std::string_view payload);
base::Result<Ballot> parse_ballot(std::string_view payload);
base::Result<TallyStatement> parse_tally(std::string_view payload);
base::Result<Certificate> parse_certificate(std::string_view payload);

// All that decides what comes out. The folder holds it whole (weights, tokenizer, template,
// sampling defaults), so the unit is named by the manifest.
crypto::Digest release_unit(const Manifest& manifest);

}  // namespace govern
