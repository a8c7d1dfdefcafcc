// One simulated house and all that may befall it: clocks that disagree, witnesses that are slow,
// silent or lie, submissions that come late, twice or altered, a disk that loses what was not
// cosigned, an operator who tries everything the log's key and clock allow, and persons who act at
// random. A move is a verb and a number from which all its choices follow, so that a history with
// moves left out is a history too: that is how a broken one is made short.
#pragma once

#include <array>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/random.h"
#include "charters.h"
#include "govern/rehearsal.h"
#include "oracle.h"

namespace simulator {

struct Move {
  uint8_t verb = 0;
  uint64_t dice = 0;
};

// The charter and the moves of a seed.
struct History {
  uint64_t seed = 0;
  uint64_t charter = 0;
  std::vector<Move> moves;
};
History history_of(uint64_t seed);
std::string describe(const Move& move);

struct Counters {
  uint64_t steps = 0, accepted = 0;
  std::map<std::string, uint64_t> kinds, refusals;  // accepted by kind, refused by name
};

// The first entry of a charter's log, kept because many histories begin with it.
struct Beginning {
  RandomCharter charter;
  govern::Rehearsal house;
};
Beginning begin(uint64_t charter_seed);

class World {
 public:
  struct Verb {
    std::string_view name;
    void (World::*act)(base::Rng*);
    uint64_t weight;
  };
  static const std::vector<Verb>& verbs();

  World(const Beginning& beginning, const History& history);
  void play(const Move& move);
  void finish();  // what is checked once, at the end
  // Empty: every invariant held so far.
  const std::string& broken() const { return broken_; }
  const Counters& counters() const { return counters_; }
  const govern::State& state() const { return house_.state(); }

 private:
  struct Witness {
    std::string name;
    base::Duration skew;
    bool is_silent = false, lies = false;
  };
  struct Submission {
    govern::Kind kind;
    govern::Envelope envelope;
  };

  // Time, witnesses, network, disk, operator: environment.cc.
  void wait(base::Rng* rng);
  void cosign(base::Rng* rng);
  void deliver_late(base::Rng* rng);
  void crash(base::Rng* rng);
  void move_clock(base::Rng* rng);
  void attack(base::Rng* rng);
  void submit(base::Rng* rng, govern::Kind kind, std::string payload,
              const std::vector<std::string>& signers);
  void deliver(govern::Kind kind, govern::Envelope envelope);
  void step(const govern::LoggedStatement& entry);
  void check_extra_signatures(base::Rng* rng, const Submission& submission);
  void check_stop(base::Rng* rng);
  base::Time log_time() const;

  // Decisions: persons.cc.
  void propose(base::Rng* rng);
  void promote(base::Rng* rng);
  void vote(base::Rng* rng);
  void vote_all(base::Rng* rng);
  void notify(base::Rng* rng);
  void recuse(base::Rng* rng);
  void veto(base::Rng* rng);
  void petition(base::Rng* rng);
  void tally(base::Rng* rng);
  void take_effect(base::Rng* rng);
  void change_keys(base::Rng* rng);

  // A model's life: models.cc.
  void judge(base::Rng* rng);
  void stage(base::Rng* rng);
  void lease(base::Rng* rng);
  void stop(base::Rng* rng);
  void resume(base::Rng* rng);
  void revoke(base::Rng* rng);
  void alarm(base::Rng* rng);
  void explain(base::Rng* rng);

  const govern::Charter& charter() const { return *house_.state().charter; }
  // The name of a key by which this person or service may sign; empty: none is left.
  std::string key_of(const std::string& id) const;
  std::vector<std::string> keys_of(const std::vector<std::string>& ids) const;
  std::string any_person(base::Rng* rng) const;
  std::string seated(base::Rng* rng, const std::string& body) const;
  std::string controller(base::Rng* rng) const;
  std::string service_or_person(base::Rng* rng, const std::string& role) const;
  std::vector<crypto::Digest> proposals(govern::Stage stage) const;

  govern::Rehearsal house_;
  Oracle oracle_;
  base::Time truth_;
  base::Duration server_skew_{};
  std::vector<Witness> witnesses_;
  uint64_t witnesses_needed_ = 0;
  std::string policy_;     // the witness policy's text
  uint64_t cosigned_ = 0;  // the operator cannot take back what a witness has seen
  std::vector<Submission> late_;
  bool hashes_refusals_ = false;
  Counters counters_;
  std::string broken_;
};

// Plays the history up to its first broken invariant; empty when none broke.
std::string run(const Beginning& beginning, const History& history, Counters* counters);
// The same violation with as few moves as leaving some out can reach.
History shrink(const Beginning& beginning, History history, const std::string& broken);

}  // namespace simulator
