#include "text/grammar.h"

#include <algorithm>
#include <map>
#include <queue>
#include <unordered_map>

#include "base/check.h"
#include "text/grammar_automaton.h"

namespace text {
namespace {

constexpr size_t kDrawnStatesMax = 1'000'000;
constexpr size_t kStatesMax = 150'000;
constexpr size_t kSubsetWorkMax = 3'000'000;  // members of all subsets together
constexpr int32_t kUnproductive = INT32_MAX;

std::unexpected<base::Error> too_large() {
  return base::fail(base::Code::TooLarge,
                    "the grammar has more than " + std::to_string(kStatesMax) +
                        " states; make what it describes simpler",
                    {}, "GRAMMAR_TOO_LARGE");
}

}  // namespace

ByteSet byte_range(uint8_t first, uint8_t last) {
  ByteSet out;
  for (int byte = first; byte <= last; ++byte) out.set(static_cast<size_t>(byte));
  return out;
}

ByteSet bytes_of(std::string_view bytes) {
  ByteSet out;
  for (const char byte : bytes) out.set(static_cast<uint8_t>(byte));
  return out;
}

std::span<const Grammar::Call> Grammar::calls(const State& state) const {
  return std::span(calls_).subspan(static_cast<size_t>(state.first_call),
                                   static_cast<size_t>(state.call_count));
}

std::span<const Grammar::Edge> Grammar::edges(const State& state) const {
  return std::span(edges_).subspan(static_cast<size_t>(state.first_edge),
                                   static_cast<size_t>(state.edge_count));
}

int32_t Grammar::target(const State& state, uint8_t byte_class) const {
  const auto all = edges(state);
  const auto found = std::ranges::lower_bound(all, byte_class, {}, &Edge::byte_class);
  return found == all.end() || found->byte_class != byte_class ? -1 : found->target;
}

size_t Grammar::memory_bytes() const {
  return sizeof(Grammar) + states_.size() * sizeof(State) + edges_.size() * sizeof(Edge) +
         calls_.size() * sizeof(Call);
}

bool Grammar::matches(std::string_view text) const {
  GrammarAutomaton automaton(*this);
  int32_t state = automaton.start();
  for (const char byte : text) {
    if (state == GrammarAutomaton::kDead) return false;
    state = automaton.next(state, static_cast<uint8_t>(byte));
  }
  return state != GrammarAutomaton::kDead && automaton.accepts(state);
}

GrammarBuilder::Rule GrammarBuilder::rule(std::string label) {
  const State first = state();
  const State last = state();
  rules_.push_back({first, last, std::move(label)});
  return static_cast<Rule>(rules_.size()) - 1;
}

GrammarBuilder::State GrammarBuilder::state() {
  states_.emplace_back();
  return static_cast<State>(states_.size()) - 1;
}

void GrammarBuilder::empty(State from, State to) {
  states_[static_cast<size_t>(from)].empties.push_back(to);
}

void GrammarBuilder::bytes(State from, const ByteSet& set, State to) {
  states_[static_cast<size_t>(from)].edges.emplace_back(set, to);
}

void GrammarBuilder::call(State from, Rule callee, State to) {
  states_[static_cast<size_t>(from)].calls.emplace_back(to, callee);
}

void GrammarBuilder::free(State state) { states_[static_cast<size_t>(state)].free = true; }

GrammarBuilder::State GrammarBuilder::bytes(State from, const ByteSet& set) {
  const State to = state();
  bytes(from, set, to);
  return to;
}

GrammarBuilder::State GrammarBuilder::literal(State from, std::string_view text) {
  for (const char byte : text) from = bytes(from, bytes_of({&byte, 1}));
  return from;
}

GrammarBuilder::State GrammarBuilder::call(State from, Rule callee) {
  const State to = state();
  call(from, callee, to);
  return to;
}

// Each rule's automaton by subset construction, calls taken as symbols; then what cannot end is cut
// off, so that no path of the result leads nowhere.
class Determiniser {
 public:
  explicit Determiniser(const GrammarBuilder& builder)
      : builder_(builder), grammar_(std::make_shared<Grammar>()) {}

  base::Result<std::shared_ptr<const Grammar>> run(GrammarBuilder::Rule root,
                                                   int32_t open_calls_max) {
    if (builder_.states_.size() > kDrawnStatesMax) return too_large();
    make_classes();
    entries_.assign(builder_.rules_.size(), -1);
    enter(root);
    while (!rules_to_do_.empty()) {
      const auto rule = rules_to_do_.front();
      rules_to_do_.pop();
      TRY_VOID(determinise(rule));
    }
    std::vector<int32_t> needs = find_needs();
    const auto start = static_cast<size_t>(entries_[static_cast<size_t>(root)]);
    if (needs[start] > open_calls_max) return unproductive(needs, open_calls_max);
    write(needs);
    grammar_->start_ = entries_[static_cast<size_t>(root)];
    grammar_->open_calls_max_ = open_calls_max;
    return grammar_;
  }

 private:
  using Subset = std::vector<int32_t>;  // of drawn states, sorted
  struct SubsetHash {
    size_t operator()(const Subset& subset) const {
      uint64_t hash = 0;
      for (const int32_t member : subset)
        hash = (hash ^ static_cast<uint32_t>(member)) * 0x9E3779B97F4A7C15u;
      return static_cast<size_t>(hash ^ hash >> 29);
    }
  };
  struct Draft {
    std::vector<Grammar::Edge> edges = {};
    std::vector<Grammar::Call> calls = {};
    bool final = false, free = false;
  };

  void make_classes() {
    std::unordered_map<ByteSet, bool> seen;
    std::array<uint8_t, 256>& class_of = grammar_->class_of_;
    int32_t count = 1;
    for (const auto& node : builder_.states_) {
      for (const auto& [set, to] : node.edges) {
        if (count == 256 || !seen.emplace(set, true).second) continue;
        std::array<int32_t, 256> split;  // class -> its part within the set
        split.fill(-1);
        std::array<bool, 256> outside{};
        for (size_t byte = 0; byte < 256; ++byte)
          if (!set[byte]) outside[class_of[byte]] = true;
        for (size_t byte = 0; byte < 256; ++byte) {
          if (!set[byte] || !outside[class_of[byte]]) continue;
          int32_t& part = split[class_of[byte]];
          if (part < 0) part = count++;
          class_of[byte] = static_cast<uint8_t>(part);
        }
      }
    }
    grammar_->class_count_ = count;
    representative_.resize(static_cast<size_t>(count));
    for (size_t byte = 0; byte < 256; ++byte) representative_[class_of[byte]] = byte;
  }

  int32_t enter(GrammarBuilder::Rule rule) {
    int32_t& entry = entries_[static_cast<size_t>(rule)];
    if (entry < 0) {
      entry = static_cast<int32_t>(drafts_.size());
      drafts_.emplace_back();
      rules_to_do_.push(rule);
    }
    return entry;
  }

  Subset close(Subset members) {
    ++round_;
    seen_.resize(builder_.states_.size());
    Subset out;
    while (!members.empty()) {
      const int32_t member = members.back();
      members.pop_back();
      if (std::exchange(seen_[static_cast<size_t>(member)], round_) == round_) continue;
      out.push_back(member);
      const auto& empties = builder_.states_[static_cast<size_t>(member)].empties;
      members.insert(members.end(), empties.begin(), empties.end());
    }
    std::ranges::sort(out);
    work_ += out.size();
    return out;
  }

  base::Status determinise(GrammarBuilder::Rule rule) {
    std::unordered_map<Subset, int32_t, SubsetHash> ids;
    std::queue<const std::pair<const Subset, int32_t>*> to_do;
    const auto id_of = [&](Subset members) {
      const auto [at, fresh] = ids.emplace(close(std::move(members)), 0);
      if (fresh) {
        const bool first = ids.size() == 1;
        at->second =
            first ? entries_[static_cast<size_t>(rule)] : static_cast<int32_t>(drafts_.size());
        if (!first) drafts_.emplace_back();
        to_do.push(&*at);
      }
      return at->second;
    };
    id_of({builder_.first(rule)});
    while (!to_do.empty()) {
      const auto& [members, id] = *to_do.front();
      to_do.pop();
      if (drafts_.size() > kStatesMax || work_ > kSubsetWorkMax) return too_large();
      Draft draft = follow(members, builder_.last(rule), id_of);
      drafts_[static_cast<size_t>(id)] = std::move(draft);
    }
    return {};
  }

  template <class IdOf>
  Draft follow(const Subset& members, GrammarBuilder::State last, IdOf& id_of) {
    Draft draft;
    std::map<int32_t, Subset> by_class;
    std::map<GrammarBuilder::Rule, Subset> by_callee;
    for (const int32_t member : members) {
      const auto& node = builder_.states_[static_cast<size_t>(member)];
      draft.final |= member == last;
      draft.free |= node.free;
      for (const auto& [set, to] : node.edges) {
        for (size_t c = 0; c < representative_.size(); ++c)
          if (set[representative_[c]]) by_class[static_cast<int32_t>(c)].push_back(to);
      }
      for (const auto& [to, callee] : node.calls) by_callee[callee].push_back(to);
    }
    for (auto& [byte_class, targets] : by_class)
      draft.edges.push_back({static_cast<uint8_t>(byte_class), id_of(std::move(targets))});
    for (auto& [callee, targets] : by_callee)
      draft.calls.push_back({enter(callee), id_of(std::move(targets))});
    return draft;
  }

  bool bare(int32_t id) const {
    const Draft& draft = drafts_[static_cast<size_t>(id)];
    return draft.final && draft.edges.empty() && draft.calls.empty();
  }

  // Knuth's generalisation of Dijkstra's algorithm: the states in order of the calls they need.
  std::vector<int32_t> find_needs() const {
    struct Waiting {
      int32_t caller;
      Grammar::Call call;
    };
    std::vector<std::vector<int32_t>> before(drafts_.size());
    std::vector<std::vector<Waiting>> callers(drafts_.size());
    std::vector<int32_t> needs(drafts_.size(), kUnproductive);
    using Entry = std::pair<int32_t, int32_t>;  // need, state
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> queue;
    const auto offer = [&](int32_t id, int32_t need) {
      if (need >= needs[static_cast<size_t>(id)]) return;
      needs[static_cast<size_t>(id)] = need;
      queue.push({need, id});
    };
    for (size_t id = 0; id < drafts_.size(); ++id) {
      const auto self = static_cast<int32_t>(id);
      for (const auto& edge : drafts_[id].edges)
        before[static_cast<size_t>(edge.target)].push_back(self);
      for (const auto& call : drafts_[id].calls) {
        callers[static_cast<size_t>(call.entry)].push_back({self, call});
        callers[static_cast<size_t>(call.back)].push_back({self, call});
      }
      if (drafts_[id].final) offer(self, 0);
    }
    while (!queue.empty()) {
      const auto [need, id] = queue.top();
      queue.pop();
      if (need != needs[static_cast<size_t>(id)]) continue;
      for (const int32_t from : before[static_cast<size_t>(id)]) offer(from, need);
      for (const auto& [caller, call] : callers[static_cast<size_t>(id)]) {
        const int32_t entry = needs[static_cast<size_t>(call.entry)];
        const int32_t back = needs[static_cast<size_t>(call.back)];
        if (entry == kUnproductive || back == kUnproductive) continue;
        offer(caller, std::max(back, entry + (bare(call.back) ? 0 : 1)));
      }
    }
    return needs;
  }

  base::Result<std::shared_ptr<const Grammar>> unproductive(const std::vector<int32_t>& needs,
                                                            int32_t open_calls_max) const {
    std::string label;
    for (size_t rule = 0; rule < entries_.size(); ++rule) {
      if (entries_[rule] >= 0 && needs[static_cast<size_t>(entries_[rule])] > open_calls_max)
        label = builder_.rules_[rule].label;
    }
    return base::fail(base::Code::InvalidArgument, "no finite text can fit the grammar", label,
                      "UNPRODUCTIVE");
  }

  void write(const std::vector<int32_t>& needs) {
    const auto leads_out = [&](int32_t id) {
      return needs[static_cast<size_t>(id)] != kUnproductive;
    };
    for (size_t id = 0; id < drafts_.size(); ++id) {
      const Draft& draft = drafts_[id];
      Grammar::State state{.first_edge = static_cast<int32_t>(grammar_->edges_.size()),
                           .first_call = static_cast<int32_t>(grammar_->calls_.size()),
                           .need = needs[id],
                           .final = draft.final,
                           .free = draft.free};
      for (const auto& edge : draft.edges)
        if (leads_out(edge.target)) grammar_->edges_.push_back(edge);
      for (const auto& call : draft.calls)
        if (leads_out(call.entry) && leads_out(call.back)) grammar_->calls_.push_back(call);
      state.edge_count = static_cast<int32_t>(grammar_->edges_.size()) - state.first_edge;
      state.call_count = static_cast<int32_t>(grammar_->calls_.size()) - state.first_call;
      grammar_->states_.push_back(state);
    }
  }

  const GrammarBuilder& builder_;
  std::shared_ptr<Grammar> grammar_;
  std::vector<size_t> representative_;  // by class: one of its bytes
  std::vector<int32_t> entries_;        // by rule: its first state; -1: not reached yet
  std::queue<GrammarBuilder::Rule> rules_to_do_;
  std::vector<Draft> drafts_;
  std::vector<uint32_t> seen_;
  uint32_t round_ = 0;
  size_t work_ = 0;
};

base::Result<std::shared_ptr<const Grammar>> GrammarBuilder::build(Rule root,
                                                                   int32_t open_calls_max) const {
  CHECK(open_calls_max > 0);
  return Determiniser(*this).run(root, open_calls_max);
}

}  // namespace text
