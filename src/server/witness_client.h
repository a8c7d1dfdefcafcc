// A house asks the witnesses of its policy to cosign its checkpoint (C2SP tlog-witness). A witness
// that does not answer delays what waits for its word, and nothing else.
#pragma once

#include <string>
#include <vector>

#include "base/time.h"
#include "govern/witness_policy.h"
#include "journal/log.h"
#include "net/http_client.h"

namespace server {

struct WitnessReply {
  std::string name;  // in the policy
  std::string url;
  base::Result<govern::NoteSignature> cosignature;
};

// Asks every witness of the policy that has a URL, all at once; in the order of the policy. Refused
// with INCONSISTENT: the witness has cosigned another history of this log, or a longer one (then
// this copy of the log was set back); with BAD_SIG: what came is no cosignature of its key; with
// CLOCK: it is dated in the future.
std::vector<WitnessReply> ask_witnesses(net::HttpClient& client,
                                        const govern::WitnessPolicy& policy,
                                        const journal::Log& log, const base::Clock& clock);

}  // namespace server
