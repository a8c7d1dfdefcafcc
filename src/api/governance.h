// /v1/charter: what the house's charter says, what is being decided, what each channel serves, and
// the log. Everything is read from the folded log at the moment of the request; what is handed in
// goes through govern::apply() like every other statement.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "api/routes.h"
#include "journal/charter_house.h"

namespace api {

using SharedView = std::shared_ptr<const journal::House>;

// The house as the log has it now. NotFound when this server has none.
base::Result<SharedView> house_of(const Call& call);
// Answers with what `make` gives for the house, never to be cached.
void answer_from_house(const Call& call,
                       const std::function<base::Result<json::Value>(const journal::House&)>& make);

// A refusal of the charter by its own name as the code: 403 for want of the right persons, 409 when
// it is at odds with what the log holds, 400 for bytes that are not what they should be.
void fail_by_name(const Call& call, const base::Error& error);

json::Value reference_json(const govern::LeafReference& reference);  // {leaf, sha256}
json::Value person_names(const std::set<std::string>& persons);

// NotFound, or the one whose digest (or its beginning) stands in the path.
base::Result<const govern::ProposalState*> proposal_named(const journal::House& house,
                                                          std::string_view digest);

// governance_proposals.cc
void list_proposals(const Call& call);
void get_proposal(const Call& call);

// governance_channels.cc
void list_channels(const Call& call);
void get_bundle(const Call& call);

// governance_log.cc
void list_log(const Call& call);
void get_log_entry(const Call& call);
void export_log(const Call& call);

// governance_drafts.cc
void get_draft(const Call& call);

// governance_statements.cc
void post_statement(const Call& call);

}  // namespace api
