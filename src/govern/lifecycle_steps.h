// What the steps of a model's life share; included by lifecycle*.cc alone.
#pragma once

#include <algorithm>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "govern/refusal.h"
#include "govern/signers.h"
#include "govern/state.h"
#include "govern/steps.h"

namespace govern {

template <class Range, class Value, class Member = std::identity>
bool holds(const Range& range, const Value& value, Member member = {}) {
  return std::ranges::find(range, value, member) != std::ranges::end(range);
}

base::Status apply_model(State* state, const LoggedStatement& s);
base::Status apply_run_intent(State* state, const LoggedStatement& s);
base::Status apply_eval_run(State* state, const LoggedStatement& s);
base::Status apply_stage(State* state, const LoggedStatement& s);
base::Status apply_lease(State* state, const LoggedStatement& s);
base::Status apply_stop(State* state, const LoggedStatement& s);
base::Status apply_resume(State* state, const LoggedStatement& s);
base::Status apply_revoke(State* state, const LoggedStatement& s);
base::Status apply_alarm(State* state, const LoggedStatement& s);
base::Status apply_incident(State* state, const LoggedStatement& s);

// Takes the arm out of the traffic and gives it to the last good release, under the channel's next
// epoch.
void halt_arm(ChannelLife* channel, Arm* arm, const LeafReference& by, base::Time when);
// The arm with the largest say: the newest that serves; null: none does.
Arm* newest_serving(ChannelLife* channel);
Arm* find_arm(ChannelLife* channel, const crypto::Digest& manifest);  // the newest of this model
bool is_serving(const Arm& arm);

// Two persons with seats in two bodies that are not economic, none of them `excluded`; one person
// where one decides. TWO_MAN.
base::Status check_two_man(const Charter& charter, const std::set<std::string>& signers,
                           const std::string& excluded);
// SIGNER_MISSING unless `id`, a person or a service, signed alone.
base::Status require_id(const Charter& charter, const Envelope& envelope, const std::string& id);
base::Status require_stopper(const Charter& charter, const Envelope& envelope,
                             const std::string& id);
bool has_role(const Charter& charter, std::string_view role);
bool plays_role(const Charter& charter, std::string_view id, std::string_view role);

base::Status check_epochs(const State& state, const std::string& channel, uint64_t epoch,
                          uint64_t expected, uint64_t stop_epoch);  // ROLLBACK
// ALARM_OPEN when one is about this channel or model.
base::Status check_alarms(const State& state, const std::string& channel,
                          const crypto::Digest& manifest);

}  // namespace govern
