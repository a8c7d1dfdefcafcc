// POST /v1/charter/statements: an envelope that somebody signed elsewhere. Who may call this may
// hand in; whether it counts is the charter's matter, which looks at the signatures alone.
#include <set>

#include "api/admin.h"
#include "api/governance.h"
#include "base/log.h"
#include "govern/evidence.h"
#include "govern/lifecycle_statements.h"
#include "govern/refusal.h"
#include "govern/signers.h"
#include "journal/shared_house.h"

namespace api {
namespace {

using govern::Kind;
using json::Object;
using json::Value;

// The kind whose payloads have the envelope's type; of the in-toto ones the predicate says it.
base::Result<Kind> kind_of(const govern::Envelope& envelope) {
  if (envelope.payload_type == govern::kInTotoPayloadType) {
    TRY(const govern::Statement statement, govern::parse_statement(envelope.payload));
    if (statement.predicate_type == govern::kTestResultType) return Kind::Evidence;
    if (statement.predicate_type == govern::kVerificationSummaryType) return Kind::Gate;
    if (statement.predicate_type == govern::kReleaseType) return Kind::Release;
    return govern::malformed("there is no statement with this predicate", statement.predicate_type);
  }
  for (auto kind = static_cast<unsigned>(Kind::Charter);
       kind <= static_cast<unsigned>(Kind::Cosigned); ++kind) {
    if (govern::payload_type(static_cast<Kind>(kind)) == envelope.payload_type)
      return static_cast<Kind>(kind);
  }
  return govern::malformed("there is no statement of this type", envelope.payload_type);
}

// A model.promote proposal names files, and only who has them can put them in place.
base::Status check_wanted(Kind kind, const govern::Envelope& envelope) {
  if (kind != Kind::Proposal) return {};
  TRY(const govern::Proposal proposal, govern::parse_proposal(envelope.payload));
  if (proposal.action != "model.promote") return {};
  return govern::refuse("MODEL_MISSING",
                        "a model is proposed where its files are: run `charter propose` there",
                        "payload");
}

base::Result<govern::Envelope> read_envelope(const Call& call) {
  TRY(const Value body, json::parse(call.request().body_view()));
  return govern::envelope_from_json(body);
}

// What the gateway serves follows the log at once; a release that cannot be loaded is said in the
// server's own log, and stays in the charter's.
void follow_log(const Call& call) {
  if (!call.app->reload_releases) return;
  const auto refused = call.app->reload_releases();
  if (!refused)
    base::log(base::Level::Error, "releases were not read again",
              {{"error", refused.error().text()}});
}

}  // namespace

void post_statement(const Call& call) {
  const auto house = house_of(call);
  if (!house) return call.fail(house.error());
  const auto envelope = read_envelope(call);
  if (!envelope) return fail_by_name(call, envelope.error());
  const auto kind = kind_of(*envelope);
  if (!kind) return fail_by_name(call, kind.error());
  if (const auto wanted = check_wanted(*kind, *envelope); !wanted)
    return fail_by_name(call, wanted.error());
  const auto signers = govern::signers_of((*house)->charter(), *envelope);
  if (!signers) return fail_by_name(call, signers.error());
  const auto logged = call.app->house->append({{*kind, *envelope}}, call.app->clock.now());
  if (!logged) return fail_by_name(call, logged.error());
  base::log(base::Level::Info, "statement logged",
            {{"type", govern::kind_name(*kind)}, {"leaf", logged->front().leaf}});
  follow_log(call);
  net::Response response =
      json_response(201, Object{{"object", "charter.statement"},
                                {"type", govern::kind_name(*kind)},
                                {"leaf", logged->front().leaf},
                                {"sha256", crypto::hex(logged->front().sha256)},
                                {"signers", person_names(*signers)}});
  call.respond(std::move(response));
}

}  // namespace api
