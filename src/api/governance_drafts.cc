// GET /v1/charter/drafts/{kind}: the exact bytes that a person signs. The server holds no voter's
// key; it writes down what is to be said, and whoever signs reads it first.
#include <algorithm>

#include "api/admin.h"
#include "api/governance.h"
#include "govern/decisions.h"
#include "govern/refusal.h"
#include "journal/drafts.h"

namespace api {
namespace {

using govern::Kind;
using json::Array;
using json::Object;
using json::Value;

struct Draft {
  Kind kind;
  std::string person;
  std::string payload;
};

base::Result<std::string> wanted(const Call& call, std::string_view name) {
  std::string text = query_text(call, name);
  if (!text.empty()) return text;
  return refuse_parameter("missing_required_parameter", std::string(name),
                          "Missing required parameter: '" + std::string(name) + "'.");
}

base::Result<crypto::Digest> proposal_wanted(const Call& call, const journal::House& house) {
  TRY(const std::string digest, wanted(call, "proposal"));
  TRY_VOID(proposal_named(house, digest));
  return journal::find_proposal(house, digest);
}

base::Result<Draft> draft_ballot(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  TRY(const std::string vote_text, wanted(call, "vote"));
  TRY(const govern::Vote vote, govern::parse_vote(vote_text));
  std::string body = query_text(call, "body");
  if (body.empty()) {
    TRY(const auto asked, journal::bodies_asked(house, house.state().proposals.at(digest), person));
    body = asked.front();
  }
  std::string payload =
      journal::ballot_payload(house, digest, body, person, vote, call.app->clock.now());
  return Draft{Kind::Ballot, std::move(person), std::move(payload)};
}

// Refused by the same name as the tally itself would be.
base::Result<Draft> draft_tally(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  const govern::ProposalState& proposal = house.state().proposals.at(digest);
  if (proposal.stage != govern::Stage::Voting)
    return govern::refuse("STAGE", "the vote on this proposal is closed", crypto::hex(digest));
  const base::Time now = journal::statement_time(house, call.app->clock.now());
  TRY(const govern::Outcome outcome, govern::outcome_of(house.state(), proposal, now));
  std::string payload = journal::tally_payload(house, digest, proposal, outcome, person, now);
  return Draft{Kind::Tally, std::move(person), std::move(payload)};
}

base::Result<Draft> draft_release(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  const govern::ProposalState& proposal = house.state().proposals.at(digest);
  if (proposal.stage != govern::Stage::Passed)
    return govern::refuse("STAGE", "this proposal has not passed, or is released already",
                          crypto::hex(digest));
  return Draft{Kind::Release, std::move(person),
               journal::release_payload(house, proposal, call.app->clock.now())};
}

base::Result<Draft> draft_stop(const Call& call, const journal::House& house) {
  TRY(std::string holder, wanted(call, "person"));
  TRY(const std::string channel, wanted(call, "channel"));
  TRY(const std::string reason, wanted(call, "reason"));
  return Draft{Kind::Stop, holder,
               journal::stop_payload(house, channel, holder, reason, call.app->clock.now())};
}

// The body of a veto is the one that the rule gives it to.
base::Result<Draft> draft_veto(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  TRY(const std::string reason, wanted(call, "reason"));
  const govern::ProposalState& proposal = house.state().proposals.at(digest);
  const govern::Rule rule = govern::terms_of_proposal(*proposal.opened, proposal);
  if (!rule.veto)
    return govern::refuse("NO_POWER", "the charter gives nobody a veto on this",
                          crypto::hex(digest));
  return Draft{
      Kind::Veto, person,
      journal::veto_payload(house, digest, rule.veto->body, person, reason, call.app->clock.now())};
}

base::Result<Draft> draft_recusal(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  TRY(const std::string body, wanted(call, "body"));
  TRY(const std::string reason, wanted(call, "reason"));
  std::string recused = query_text(call, "recused");
  if (recused.empty()) recused = person;
  return Draft{Kind::Recusal, person,
               journal::recusal_payload(house, digest, body, person, recused, reason,
                                        call.app->clock.now())};
}

base::Result<Draft> draft_notice(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  return Draft{Kind::Notice, person,
               journal::receipt_payload(house, digest, person, call.app->clock.now())};
}

base::Result<Draft> draft_enactment(const Call& call, const journal::House& house) {
  TRY(const crypto::Digest digest, proposal_wanted(call, house));
  TRY(std::string person, wanted(call, "person"));
  return Draft{Kind::Enactment, person,
               journal::enactment_payload(house, digest, person, call.app->clock.now())};
}

struct Maker {
  std::string_view kind;
  base::Result<Draft> (*make)(const Call&, const journal::House&);
};
constexpr Maker kMakers[] = {
    {"ballot", draft_ballot}, {"tally", draft_tally},     {"release", draft_release},
    {"stop", draft_stop},     {"notice", draft_notice},   {"enactment", draft_enactment},
    {"veto", draft_veto},     {"recusal", draft_recusal},
};

Array keys_of(const govern::Charter& charter, const std::string& person) {
  Array out;
  if (const govern::Person* found = charter.find_person(person))
    for (const govern::VerifierKey& key : found->keys) out.emplace_back(govern::format_vkey(key));
  return out;
}

base::Result<Value> make_draft(const Call& call, const journal::House& house) {
  const auto maker = std::ranges::find(kMakers, call.parameters[0], &Maker::kind);
  if (maker == std::end(kMakers)) return no_item("draft", call.parameters[0]);
  TRY(const Draft draft, maker->make(call, house));
  return Value(Object{{"object", "charter.draft"},
                      {"type", govern::kind_name(draft.kind)},
                      {"person", draft.person},
                      {"keys", keys_of(house.charter(), draft.person)},
                      {"payload_type", govern::payload_type(draft.kind)},
                      {"payload", base::base64(base::as_bytes(draft.payload))},
                      {"payload_text", draft.payload},
                      {"sha256", crypto::hex(crypto::sha256(draft.payload))}});
}

}  // namespace

void get_draft(const Call& call) {
  const auto house = house_of(call);
  if (!house) return call.fail(house.error());
  const auto draft = make_draft(call, **house);
  if (!draft) return fail_by_name(call, draft.error());
  net::Response response = json_response(200, *draft);
  response.headers.push_back({"cache-control", "no-store"});
  call.respond(std::move(response));
}

}  // namespace api
