#include "world.h"

#include <algorithm>

#include "base/check.h"

namespace simulator {
namespace {

using base::Rng;

const base::Time kGenesis = base::parse_rfc3339("2026-01-01T00:00:00Z").value();
constexpr uint64_t kCharters = 400;  // in all; a history's charter follows from its seed

}  // namespace

const std::vector<World::Verb>& World::verbs() {
  static const std::vector<Verb> kVerbs = {
      {"wait", &World::wait, 16},
      {"cosign", &World::cosign, 4},
      {"deliver late", &World::deliver_late, 3},
      {"crash", &World::crash, 1},
      {"move the server's clock", &World::move_clock, 2},
      {"attack", &World::attack, 5},
      {"check stop", &World::check_stop, 1},
      {"propose", &World::propose, 6},
      {"promote", &World::promote, 6},
      {"vote", &World::vote, 5},
      {"vote all", &World::vote_all, 8},
      {"notify", &World::notify, 6},
      {"recuse", &World::recuse, 2},
      {"veto", &World::veto, 2},
      {"petition", &World::petition, 2},
      {"tally", &World::tally, 10},
      {"take effect", &World::take_effect, 9},
      {"change keys", &World::change_keys, 2},
      {"judge", &World::judge, 18},
      {"stage", &World::stage, 5},
      {"lease", &World::lease, 3},
      {"stop", &World::stop, 3},
      {"resume", &World::resume, 3},
      {"revoke", &World::revoke, 1},
      {"alarm", &World::alarm, 2},
      {"explain", &World::explain, 3},
  };
  return kVerbs;
}

History history_of(uint64_t seed) {
  static const uint64_t kWeights = [] {
    uint64_t sum = 0;
    for (const World::Verb& verb : World::verbs()) sum += verb.weight;
    return sum;
  }();
  Rng rng(seed);
  History history{seed, rng.below(kCharters), {}};
  const uint64_t moves = 30 + rng.below(50);
  for (uint64_t i = 0; i < moves; ++i) {
    uint64_t at = rng.below(kWeights);
    uint8_t verb = 0;
    while (at >= World::verbs()[verb].weight) at -= World::verbs()[verb++].weight;
    history.moves.push_back({verb, rng.next()});
  }
  return history;
}

std::string describe(const Move& move) {
  return std::string(World::verbs()[move.verb].name) + " " + std::to_string(move.dice);
}

void World::play(const Move& move) {
  if (!broken_.empty()) return;
  Rng rng(move.dice);
  (this->*verbs()[move.verb].act)(&rng);
}

Beginning begin(uint64_t charter_seed) {
  static thread_local const auto keys = std::make_shared<govern::RehearsalKeys>(1);
  Beginning out{random_charter(charter_seed), govern::Rehearsal(keys)};
  const auto adopted = out.house.adopt(out.charter.text, out.charter.policy, kGenesis);
  CHECK(adopted.has_value());
  return out;
}

World::World(const Beginning& beginning, const History& history)
    : house_(beginning.house),
      oracle_(kGenesis),
      truth_(kGenesis),
      witnesses_needed_(beginning.charter.witnesses_needed),
      policy_(house_.keys().fill_in(beginning.charter.policy)) {
  Rng rng(history.seed);
  hashes_refusals_ = rng.below(8) == 0;
  uint64_t liars = 0;
  for (const std::string& name : beginning.charter.witnesses) {
    Witness witness{name, base::seconds(static_cast<int64_t>(rng.below(600)) - 300)};
    witness.is_silent = rng.below(12) == 0;
    witness.lies = liars + 1 < witnesses_needed_ && rng.below(3) == 0;
    liars += witness.lies;
    witnesses_.push_back(std::move(witness));
  }
}

void World::finish() {
  if (!broken_.empty()) return;
  Rng rng(1);
  check_stop(&rng);
  if (broken_.empty()) crash(&rng);
}

std::string run(const Beginning& beginning, const History& history, Counters* counters) {
  World world(beginning, history);
  for (const Move& move : history.moves) {
    world.play(move);
    if (!world.broken().empty()) break;
  }
  world.finish();
  if (counters != nullptr) {
    const Counters& seen = world.counters();
    counters->steps += seen.steps;
    counters->accepted += seen.accepted;
    for (const auto& [name, count] : seen.kinds) counters->kinds[name] += count;
    for (const auto& [name, count] : seen.refusals) counters->refusals[name] += count;
  }
  return world.broken();
}

// Leaves out halves, quarters, … down to single moves, as long as the same invariant breaks.
History shrink(const Beginning& beginning, History history, const std::string& broken) {
  const std::string number = broken.substr(0, broken.find(':'));
  const auto still_breaks = [&](const History& candidate) {
    return run(beginning, candidate, nullptr).starts_with(number);
  };
  for (size_t size = std::max<size_t>(history.moves.size() / 2, 1); size > 0; size /= 2) {
    for (size_t at = 0; at < history.moves.size();) {
      History candidate = history;
      const auto from = candidate.moves.begin() + static_cast<ptrdiff_t>(at);
      candidate.moves.erase(
          from, from + static_cast<ptrdiff_t>(std::min(size, candidate.moves.size() - at)));
      if (still_breaks(candidate))
        history = std::move(candidate);
      else
        at += size;
    }
  }
  return history;
}

}  // namespace simulator
