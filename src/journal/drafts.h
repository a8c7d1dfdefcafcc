// What a person is asked to sign: payloads that carry a fresh nonce and, where they need one, the
// log's checkpoint of the moment. Whoever holds the key signs them, here or on another machine.
#pragma once

#include <string>

#include "journal/charter_house.h"

namespace journal {

// The statement's own time: whole seconds, never before the log's latest entry.
base::Time statement_time(const House& house, base::Time now);
govern::Context fresh_context(const House& house);

std::string ballot_payload(const House& house, const crypto::Digest& proposal,
                           const std::string& body, const std::string& person, govern::Vote vote,
                           base::Time now);
// With the numbers that the ballots give; `outcome` as govern::outcome_of() found it.
std::string tally_payload(const House& house, const crypto::Digest& digest,
                          const govern::ProposalState& proposal, const govern::Outcome& outcome,
                          const std::string& person, base::Time now);
std::string release_payload(const House& house, const govern::ProposalState& proposal,
                            base::Time now);
// `channel` "*": all of them.
std::string stop_payload(const House& house, const std::string& channel, const std::string& holder,
                         const std::string& reason, base::Time now);

std::string veto_payload(const House& house, const crypto::Digest& proposal,
                         const std::string& body, const std::string& person,
                         const std::string& reason, base::Time now);
// That the person has been told of the proposal.
std::string receipt_payload(const House& house, const crypto::Digest& proposal,
                            const std::string& person, base::Time now);
// By which what passed takes effect, where it is not a release or a charter.
std::string enactment_payload(const House& house, const crypto::Digest& proposal,
                              const std::string& person, base::Time now);
// That `recused`, perhaps the signer, has a conflict of interest.
std::string recusal_payload(const House& house, const crypto::Digest& proposal,
                            const std::string& body, const std::string& person,
                            const std::string& recused, const std::string& reason, base::Time now);

// The bodies that are asked about the proposal and in which the person sits, the deciding one
// first: CLASS_FORBIDDEN or NOT_SEATED when there is none.
base::Result<std::vector<std::string>> bodies_asked(const House& house,
                                                    const govern::ProposalState& proposal,
                                                    const std::string& person);

}  // namespace journal
