#include "text/grammar_masks.h"

#include <algorithm>
#include <mutex>

#include "base/check.h"
#include "text/grammar_automaton.h"

namespace text {
namespace {

constexpr size_t kFoundBytesMax = 16u << 20;  // beyond it a grammar's states are found anew

void set_bit(TokenMask* mask, int32_t token) {
  uint64_t& word = mask->words[static_cast<size_t>(token) / 64];
  const uint64_t bit = uint64_t{1} << (static_cast<size_t>(token) % 64);
  mask->count += (word & bit) == 0;
  word |= bit;
}

}  // namespace

TokenTree::TokenTree(Tokenizer tokenizer, int32_t vocab_size, std::vector<int32_t> stops,
                     std::span<const int32_t> spelled)
    : tokenizer_(std::move(tokenizer)), vocab_size_(vocab_size), stops_(std::move(stops)) {
  CHECK(vocab_size > 0 && vocab_size <= tokenizer_.size());
  in_tree_.resize(static_cast<size_t>(vocab_size));
  std::vector<bool> ends(static_cast<size_t>(vocab_size));
  std::erase_if(stops_, [&](int32_t id) { return id < 0 || id >= vocab_size; });
  for (const int32_t id : stops_) ends[static_cast<size_t>(id)] = true;
  for (int32_t id = 0; id < vocab_size; ++id) {
    if (ends[static_cast<size_t>(id)]) continue;
    const bool text = !tokenizer_.is_control(id) || std::ranges::find(spelled, id) != spelled.end();
    const bool used = tokenizer_.spec().types[static_cast<size_t>(id)] != TokenType::Unused &&
                      tokenizer_.token_bytes(id).size() <= UINT16_MAX;
    if (!text) {
      silent_.push_back(id);
    } else if (used && !tokenizer_.token_bytes(id).empty()) {
      tokens_.push_back(id);
      in_tree_[static_cast<size_t>(id)] = true;
    }
  }
  std::vector<std::pair<std::string_view, int32_t>> sorted;
  sorted.reserve(tokens_.size());
  for (const int32_t id : tokens_) sorted.emplace_back(tokenizer_.token_bytes(id), id);
  std::ranges::sort(sorted);
  std::ranges::transform(sorted, tokens_.begin(), [](const auto& token) { return token.second; });
  grow(tokens_);
}

// Sorted by their bytes, tokens come in the tree's own order.
void TokenTree::grow(std::span<const int32_t> sorted) {
  std::vector<int32_t> path;  // nodes from the root to the last token
  const auto leave = [&](size_t depth) {
    for (; path.size() > depth; path.pop_back())
      nodes_[static_cast<size_t>(path.back())].after = static_cast<int32_t>(nodes_.size());
  };
  std::string_view before;
  for (size_t i = 0; i < sorted.size(); ++i) {
    const std::string_view token = tokenizer_.token_bytes(sorted[i]);
    const auto common =
        static_cast<size_t>(std::ranges::mismatch(before, token).in2 - token.begin());
    leave(common);
    for (size_t depth = common; depth < token.size(); ++depth) {
      path.push_back(static_cast<int32_t>(nodes_.size()));
      nodes_.push_back({static_cast<uint8_t>(token[depth]), static_cast<uint16_t>(depth), 0,
                        static_cast<int32_t>(i), 0});
    }
    ++nodes_[static_cast<size_t>(path.back())].token_count;
    depth_max_ = std::max(depth_max_, token.size());
    before = token;
  }
  leave(0);
}

std::string_view TokenTree::bytes(int32_t token) const {
  if (token < 0 || token >= vocab_size_ || !in_tree_[static_cast<size_t>(token)]) return {};
  return tokenizer_.token_bytes(token);
}

// What has been found out so far. Replaced as a whole when it has grown too large; a cursor moves
// to the new one at its next step.
struct GrammarMasks::Found {
  explicit Found(const Grammar& grammar) : automaton(grammar) {}
  GrammarAutomaton automaton;
  std::vector<std::shared_ptr<const TokenMask>> masks;  // by state
  size_t mask_bytes = 0;

  size_t memory_bytes() const { return automaton.memory_bytes() + mask_bytes; }
  std::shared_ptr<const TokenMask> mask(int32_t state, const TokenTree& tree);
  std::shared_ptr<const TokenMask> find_mask(int32_t state, const TokenTree& tree);
};

struct GrammarMasks::Guarded {
  std::mutex mutex;
  std::shared_ptr<Found> found;
};

std::shared_ptr<const TokenMask> GrammarMasks::Found::mask(int32_t state, const TokenTree& tree) {
  if (masks.size() <= static_cast<size_t>(state)) masks.resize(static_cast<size_t>(state) + 1);
  if (!masks[static_cast<size_t>(state)]) {
    auto made = find_mask(state, tree);
    mask_bytes += made->words.size() * sizeof(uint64_t);
    masks[static_cast<size_t>(state)] = std::move(made);
  }
  return masks[static_cast<size_t>(state)];
}

std::shared_ptr<const TokenMask> GrammarMasks::Found::find_mask(int32_t state,
                                                                const TokenTree& tree) {
  auto out = std::make_shared<TokenMask>();
  out->words.resize((static_cast<size_t>(tree.vocab_size()) + 63) / 64);
  std::vector<int32_t> at(tree.depth_max() + 1);  // the state in front of each depth
  at[0] = state;
  const auto nodes = tree.nodes();
  for (size_t i = 0; i < nodes.size();) {
    const TokenTree::Node& node = nodes[i];
    const int32_t next = automaton.next(at[node.depth], node.byte);
    if (next == GrammarAutomaton::kDead) {
      i = static_cast<size_t>(node.after);
      continue;
    }
    for (int32_t j = 0; j < node.token_count; ++j)
      set_bit(out.get(), tree.tokens()[static_cast<size_t>(node.first_token + j)]);
    at[node.depth + 1u] = next;
    ++i;
  }
  if (automaton.free(state))
    for (const int32_t token : tree.silent()) set_bit(out.get(), token);
  if (automaton.accepts(state))
    for (const int32_t token : tree.stops()) set_bit(out.get(), token);
  return out;
}

GrammarMasks::GrammarMasks(std::shared_ptr<const Grammar> grammar,
                           std::shared_ptr<const TokenTree> tree)
    : grammar_(std::move(grammar)), tree_(std::move(tree)), guarded_(std::make_unique<Guarded>()) {
  guarded_->found = fresh();
}

GrammarMasks::~GrammarMasks() = default;

size_t GrammarMasks::memory_bytes() const {
  const std::lock_guard lock(guarded_->mutex);
  return guarded_->found->memory_bytes();
}

std::shared_ptr<GrammarMasks::Found> GrammarMasks::fresh() const {
  return std::make_shared<Found>(*grammar_);
}

GrammarCursor::GrammarCursor(std::shared_ptr<GrammarMasks> masks) : masks_(std::move(masks)) {
  const std::lock_guard lock(masks_->guarded_->mutex);
  found_ = masks_->guarded_->found;
  state_ = found_->automaton.start();
  CHECK(state_ != GrammarAutomaton::kDead);  // build() refuses a grammar of nothing
}

GrammarMasks::Found& GrammarCursor::found() {
  std::shared_ptr<GrammarMasks::Found>& shared = masks_->guarded_->found;
  if (shared->memory_bytes() > kFoundBytesMax) shared = masks_->fresh();
  if (found_ != shared) {
    state_ = shared->automaton.adopt(found_->automaton, state_);
    found_ = shared;
  }
  return *found_;
}

std::shared_ptr<const TokenMask> GrammarCursor::mask() {
  const std::lock_guard lock(masks_->guarded_->mutex);
  GrammarMasks::Found& here = found();
  return here.mask(state_, *masks_->tree_);
}

bool GrammarCursor::advance(int32_t token) {
  const std::string_view bytes = masks_->tree_->bytes(token);
  const std::lock_guard lock(masks_->guarded_->mutex);
  GrammarAutomaton& automaton = found().automaton;
  if (bytes.empty()) return automaton.free(state_);
  int32_t state = state_;
  for (const char byte : bytes) {
    state = automaton.next(state, static_cast<uint8_t>(byte));
    if (state == GrammarAutomaton::kDead) return false;
  }
  state_ = state;
  return true;
}

bool GrammarCursor::complete() {
  const std::lock_guard lock(masks_->guarded_->mutex);
  return found().automaton.accepts(state_);
}

bool GrammarCursor::closed() {
  const std::lock_guard lock(masks_->guarded_->mutex);
  const GrammarAutomaton& automaton = found().automaton;
  return automaton.accepts(state_) && !automaton.goes_on(state_);
}

}  // namespace text
