#include "journal/drafts.h"

#include <algorithm>

#include "crypto/random.h"
#include "govern/decision_statements.h"
#include "govern/decisions.h"
#include "govern/lifecycle_statements.h"
#include "govern/refusal.h"

namespace journal {

base::Time statement_time(const House& house, base::Time now) {
  return std::max(base::Time{now.seconds() * 1'000'000'000}, house.state().latest);
}

govern::Context fresh_context(const House& house) {
  govern::Context context = house.state().place;
  context.nonce = base::hex(crypto::random_bytes(32));
  return context;
}

std::string ballot_payload(const House& house, const crypto::Digest& proposal,
                           const std::string& body, const std::string& person, govern::Vote vote,
                           base::Time now) {
  govern::Ballot ballot;
  ballot.context = fresh_context(house);
  ballot.proposal = proposal;
  ballot.body = body;
  ballot.person = person;
  ballot.vote = vote;
  ballot.checkpoint_size = house.log().checkpoint().size;
  ballot.checkpoint_root = house.log().checkpoint().root;
  ballot.created = statement_time(house, now);
  ballot.expires = house.state().proposals.at(proposal).proposal->expires;
  return govern::format_ballot(ballot);
}

std::string tally_payload(const House& house, const crypto::Digest& digest,
                          const govern::ProposalState& proposal, const govern::Outcome& outcome,
                          const std::string& person, base::Time now) {
  govern::TallyStatement tally;
  tally.context = fresh_context(house);
  tally.proposal = digest;
  tally.person = person;
  for (const auto& record : proposal.ballots) tally.ballots.push_back(record.at);
  tally.results = govern::outcome_to_json(outcome);
  tally.created = statement_time(house, now);
  return govern::format_tally(tally);
}

std::string release_payload(const House& house, const govern::ProposalState& proposal,
                            base::Time now) {
  govern::Certificate certificate =
      govern::expected_certificate(house.state(), proposal, statement_time(house, now));
  certificate.nonce = base::hex(crypto::random_bytes(32));
  return govern::format_certificate(certificate);
}

std::string stop_payload(const House& house, const std::string& channel, const std::string& holder,
                         const std::string& reason, base::Time now) {
  govern::Stop stop;
  stop.context = fresh_context(house);
  stop.channel = channel;
  stop.holder = holder;
  stop.stop_epoch = house.state().life.stop_epoch + 1;
  stop.reason = reason;
  stop.created = statement_time(house, now);
  return govern::format_stop(stop);
}

std::string veto_payload(const House& house, const crypto::Digest& proposal,
                         const std::string& body, const std::string& person,
                         const std::string& reason, base::Time now) {
  return govern::format_veto({.context = fresh_context(house),
                              .proposal = proposal,
                              .body = body,
                              .person = person,
                              .reason = reason,
                              .created = statement_time(house, now)});
}

std::string receipt_payload(const House& house, const crypto::Digest& proposal,
                            const std::string& person, base::Time now) {
  return govern::format_notice({.context = fresh_context(house),
                                .proposal = proposal,
                                .person = person,
                                .delivery = false,
                                .persons = {person},
                                .means = "read",
                                .created = statement_time(house, now)});
}

std::string enactment_payload(const House& house, const crypto::Digest& proposal,
                              const std::string& person, base::Time now) {
  return govern::format_enactment({.context = fresh_context(house),
                                   .proposal = proposal,
                                   .tally = house.state().proposals.at(proposal).tally,
                                   .person = person,
                                   .created = statement_time(house, now)});
}

std::string recusal_payload(const House& house, const crypto::Digest& proposal,
                            const std::string& body, const std::string& person,
                            const std::string& recused, const std::string& reason, base::Time now) {
  return govern::format_recusal({.context = fresh_context(house),
                                 .proposal = proposal,
                                 .body = body,
                                 .person = person,
                                 .recused = recused,
                                 .reason = reason,
                                 .created = statement_time(house, now)});
}

base::Result<std::vector<std::string>> bodies_asked(const House& house,
                                                    const govern::ProposalState& proposal,
                                                    const std::string& person) {
  const govern::Charter& charter = *proposal.opened;
  std::vector<std::string> asked = govern::terms_of_proposal(charter, proposal).consent;
  asked.insert(asked.begin(), proposal.deciding);
  std::erase_if(asked, [&](const std::string& body) {
    const auto& members = charter.find_body(body)->members;
    return std::ranges::find(members, person) == members.end();
  });
  if (!asked.empty()) return asked;
  const bool economic = house.charter().sits_in(person, govern::BodyClass::Economic);
  return govern::refuse(economic ? "CLASS_FORBIDDEN" : "NOT_SEATED",
                        "this person sits in none of the bodies that the charter asks", person);
}

}  // namespace journal
