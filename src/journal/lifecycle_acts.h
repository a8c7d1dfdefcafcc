// What people and services do about a release after the vote, as statements ready to be logged:
// stop, resume, stage, roll back, lease, revoke; alarms and incidents. Statements of several
// signers travel as envelopes from one to the next.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "govern/lifecycle_statements.h"
#include "journal/charter_house.h"

namespace journal {

struct Signer {
  std::string name;      // a person or a service; empty: the only person
  std::string key_path;  // empty: DATA/charter/keys/NAME.key
};

base::Result<House::Draft> draft_stop(const House& house, const Signer& signer,
                                      const std::string& channel, const std::string& reason,
                                      base::Time now);
base::Result<House::Draft> draft_lease(const House& house, const Signer& service,
                                       const std::string& channel, base::Time now);
struct StageOptions {
  std::string channel;
  uint64_t share = 0;  // percent
  std::vector<govern::Reading> readings;
};
base::Result<House::Draft> draft_stage(const House& house, const Signer& signer,
                                       const StageOptions& options, base::Time now);
// Back to an earlier release, named by the beginning of its manifest's digest; empty: the last one.
base::Result<House::Draft> draft_rollback(const House& house, const Signer& signer,
                                          const std::string& channel, std::string_view manifest,
                                          base::Time now);
// Of the channel's newest release; the incident is the last one that closes what halted it.
base::Result<House::Draft> draft_resume(const House& house, const Signer& signer,
                                        const std::string& channel, base::Time now);
// The manifest's digest or the beginning of it, of a release of any channel.
base::Result<House::Draft> draft_revoke(const House& house, const Signer& signer,
                                        std::string_view manifest, const std::string& reason,
                                        base::Time now);
// Closes every stop and alarm that is open, and every failed verdict that halted a release.
base::Result<House::Draft> draft_incident(const House& house, const Signer& signer,
                                          const std::string& cause, const std::string& remedy,
                                          base::Time now);

// Adds a signature to a statement that another has drafted.
base::Status countersign(const House& house, govern::Envelope* envelope, const Signer& signer);
// The kind that an envelope's payload says it is; only kinds of govern/lifecycle_statements.h.
base::Result<House::Draft> read_draft(govern::Envelope envelope);

// "chat" is at epoch 7: CANARY at 5 %, …; what `charter stage` and the others print.
std::string describe_channel(const House& house, const std::string& channel, base::Time now);

}  // namespace journal
