// Clocks, witnesses, network, disk and the operator who would cheat.
#include <algorithm>

#include "base/check.h"
#include "world.h"

namespace simulator {

using govern::Kind;
using govern::LoggedStatement;

namespace {
constexpr base::Duration kHour = base::seconds(3600);
base::Duration hours(int64_t n) { return base::seconds(n * 3600); }
}  // namespace

base::Time World::log_time() const {
  return std::max(truth_ + server_skew_, house_.state().latest);
}

void World::wait(base::Rng* rng) {
  constexpr int64_t kWaits[] = {60, 3600, 6 * 3600, 13 * 3600, 25 * 3600, 49 * 3600, 73 * 3600};
  truth_ = truth_ + base::seconds(kWaits[rng->below(std::size(kWaits))]);
  if (rng->below(4) != 0) cosign(rng);
}

// Fewer than k witnesses lie, in either direction; the rest are a few minutes off at most.
void World::cosign(base::Rng* rng) {
  if (witnesses_.empty()) return;
  std::vector<govern::Rehearsal::WitnessTime> times;
  for (const Witness& witness : witnesses_) {
    if (witness.is_silent || rng->below(5) == 0) continue;
    base::Time time = truth_ + witness.skew;
    if (witness.lies) time = time + hours(static_cast<int64_t>(rng->below(2000)) - 1000);
    times.push_back({witness.name, {time.seconds() * 1'000'000'000}});
  }
  if (times.empty()) return;
  const uint64_t before = house_.state().next;
  deliver(Kind::Cosigned, house_.cosigned_checkpoint(times));
  if (house_.state().next > before) cosigned_ = before;
}

void World::submit(base::Rng* rng, Kind kind, std::string payload,
                   const std::vector<std::string>& signers) {
  Submission submission{kind, house_.sign(kind, std::move(payload), signers)};
  const uint64_t fate = rng->below(32);
  if (fate == 0) check_extra_signatures(rng, submission);
  if (fate == 1 || fate == 2) {
    late_.push_back(submission);  // lost for now
    return;
  }
  if (fate == 3) late_.push_back(submission);  // and it will come twice
  deliver(kind, std::move(submission.envelope));
}

void World::deliver_late(base::Rng* rng) {
  if (late_.empty()) return;
  const size_t at = rng->below(late_.size());
  const Submission submission = late_[at];
  late_.erase(late_.begin() + static_cast<ptrdiff_t>(at));
  deliver(submission.kind, submission.envelope);
}

void World::deliver(Kind kind, govern::Envelope envelope) {
  step(house_.log_entry(kind, std::move(envelope), log_time()));
}

void World::step(const LoggedStatement& entry) {
  if (!broken_.empty()) return;
  const govern::State before = house_.state();
  const auto applied = house_.append(entry);
  ++counters_.steps;
  if (!applied) {
    ++counters_.refusals[applied.error().reason];
    if (hashes_refusals_ && state_hash(before) != state_hash(house_.state()))
      broken_ = "33: a refused statement changed the state (" + applied.error().text() + ")";
    if (applied.error().reason.empty())
      broken_ = "a refusal without a name: " + applied.error().text();
    return;
  }
  ++counters_.accepted;
  ++counters_.kinds[std::string(govern::kind_name(entry.leaf.kind))];
  broken_ = oracle_.after(before, entry, house_.state(), truth_);
}

// What an economic key or a second key of one person adds to a statement changes nothing (4, 5):
// where the statement with it is accepted, the one without it is too, and means the same.
void World::check_extra_signatures(base::Rng* rng, const Submission& submission) {
  Submission extra = submission;
  if (extra.envelope.signatures.empty()) return;
  const std::string first = extra.envelope.signatures.front().key_id;
  const std::string more = rng->below(2) == 0 ? "p.i0" : first + ".second";
  sign_envelope(&extra.envelope, house_.keys().of(more));
  govern::State with = house_.state(), without = house_.state();
  const auto added = apply(&with, house_.log_entry(extra.kind, extra.envelope, log_time()));
  const auto plain =
      apply(&without, house_.log_entry(submission.kind, submission.envelope, log_time()));
  // Evidence and verdicts have no nonce: with one signature more they are another entry.
  if (!added || (!plain && plain.error().reason == "REPLAY")) return;
  const std::string what =
      "a signature by " + more + " on " + std::string(govern::kind_name(submission.kind));
  if (!plain)
    broken_ = "4/5: " + what + " made it acceptable: " + plain.error().text();
  else if (meaning_of(with) != meaning_of(without))
    broken_ = "4/5: " + what + " changed what it means";
}

void World::move_clock(base::Rng* rng) {
  constexpr int64_t kSkews[] = {0, 0, 60, 3600, 48 * 3600, -3600, -48 * 3600};
  server_skew_ = base::seconds(kSkews[rng->below(std::size(kSkews))]);
}

// The disk keeps a prefix, at least up to what witnesses have cosigned; replay gives the same
// state.
void World::crash(base::Rng* rng) {
  const std::vector<LoggedStatement>& log = house_.log();
  const uint64_t kept =
      rng->below(2) == 0
          ? log.size()
          : std::max<uint64_t>(cosigned_,
                               log.size() - rng->below(std::min<uint64_t>(log.size(), 3)));
  govern::Rehearsal replayed = house_.replay(kept);
  if (kept == log.size() && state_hash(replayed.state()) != state_hash(house_.state())) {
    broken_ = "27: replay of the log gives another state";
    return;
  }
  house_ = std::move(replayed);
  oracle_.forget_after(kept);
}

void World::attack(base::Rng* rng) {
  const std::vector<LoggedStatement>& log = house_.log();
  LoggedStatement old = log[rng->below(log.size())];
  switch (rng->below(5)) {
    case 0:  // a logged statement again, as a new entry
      deliver(old.leaf.kind, old.envelope);
      return;
    case 1:  // an entry that does not follow, or names what it is not about
      old.leaf.seq = house_.state().next + rng->below(2);
      old.leaf.time = log_time();
      old.leaf.subject[rng->below(32)] ^= 1;
      step(old);
      return;
    case 2: {  // one byte of a payload
      if (old.envelope.payload.empty()) return;
      old.envelope.payload[rng->below(old.envelope.payload.size())] ^= 1;
      deliver(old.leaf.kind, old.envelope);
      return;
    }
    case 3: {  // the same bytes as another kind
      const Kind other = static_cast<Kind>(rng->below(24));
      old.envelope.payload_type = govern::payload_type(other);
      deliver(other, old.envelope);
      return;
    }
    default: {  // signed by an investor, and by somebody of no body
      govern::Envelope envelope{old.envelope.payload_type, old.envelope.payload, {}};
      sign_envelope(&envelope, house_.keys().of(rng->below(2) == 0 ? "p.i0" : "p.spare"));
      deliver(old.leaf.kind, std::move(envelope));
    }
  }
}

// 12: whoever holds the power to stop can, in this state, and then nothing is served.
void World::check_stop(base::Rng* rng) {
  const govern::State& now = house_.state();
  const govern::Power* power = charter().find_power("stop");
  std::vector<std::string> holders;
  // Who has lost every key has a seat, and nothing to sign with.
  for (const govern::Person& person : charter().persons)
    if ((power == nullptr ? charter().sits_in(person.id, govern::BodyClass::Control)
                          : is_holder(charter(), *power, person.id)) &&
        !key_of(person.id).empty())
      holders.push_back(person.id);
  if (holders.empty()) return;
  const std::string holder = holders[rng->below(holders.size())];
  govern::Stop stop;
  stop.context = house_.context();
  stop.channel = std::string(govern::kAllChannels);
  stop.holder = holder;
  stop.stop_epoch = now.life.stop_epoch + 1;
  stop.reason = "drill";
  stop.created = log_time();
  govern::State drilled = now;
  const auto entry = house_.log_entry(
      Kind::Stop, house_.sign(Kind::Stop, format_stop(stop), {key_of(holder)}), log_time());
  const auto stopped = apply(&drilled, entry);
  if (!stopped) {
    broken_ = "12: " + holder + " cannot stop: " + stopped.error().text();
    return;
  }
  for (const auto& [name, channel] : drilled.life.channels) {
    if (!serving_plan(drilled, name, log_time()).arms.empty() ||
        !serving_plan(drilled, name, log_time() + kHour).arms.empty())
      broken_ = "12: channel " + name + " serves after a stop of everything";
  }
}

}  // namespace simulator
