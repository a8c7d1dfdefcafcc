#include "text/bpe_trainer.h"

#include <algorithm>
#include <array>
#include <queue>
#include <unordered_map>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/pre_tokenizer.h"
#include "text/special_tokens.h"
#include "text/vocabulary.h"

namespace text {
namespace {

constexpr int32_t kVocabSizeMax = 1 << 20;
constexpr int32_t kProgressEvery = 64;

struct Word {
  size_t begin;     // in symbols_
  uint32_t length;  // shrinks as symbols are merged
  int64_t count;
};

struct Pair {
  int32_t left, right;
  int64_t count = 0;
  std::vector<int32_t> words =
      {};  // where it has been seen; may name words that have lost it since
};

class Trainer {
 public:
  explicit Trainer(const BpeTraining& options) : options_(options), queue_(Later{this}) {}

  base::Result<VocabSpec> run(std::string_view corpus);

 private:
  struct Candidate {
    int64_t count;
    int32_t pair;
  };
  struct Later {
    const Trainer* trainer;
    bool operator()(const Candidate& a, const Candidate& b) const {
      return trainer->is_later(a, b);
    }
  };

  base::Status check_options() const;
  void add_base_tokens();
  int32_t add_token(std::string bytes, TokenType type);
  base::Status count_words(std::string_view corpus);
  void add_word(std::string_view bytes, int64_t count);
  void merge_pairs();
  void merge(int32_t pair, int32_t merged);
  void merge_in_word(int32_t word, int32_t left, int32_t right, int32_t merged);
  void change(int32_t left, int32_t right, int64_t by, int32_t word);
  bool is_later(const Candidate& a, const Candidate& b) const;

  const BpeTraining& options_;
  VocabSpec spec_;
  std::vector<std::string> token_bytes_;
  std::unordered_map<std::string, int32_t> by_spelling_;
  std::vector<int32_t> symbols_;
  std::vector<Word> words_;
  std::vector<Pair> pairs_;
  std::unordered_map<uint64_t, int32_t, PairHash> pair_index_;
  std::vector<int32_t> raised_;  // pairs whose count has grown since they were last queued
  std::priority_queue<Candidate, std::vector<Candidate>, Later> queue_;
};

base::Status Trainer::check_options() const {
  const auto least = static_cast<int64_t>(options_.specials.size()) + 256;
  if (options_.vocab_size < least || options_.vocab_size > kVocabSizeMax)
    return base::fail(base::Code::InvalidArgument,
                      "the vocabulary size must lie between " + std::to_string(least) +
                          " (special tokens and the 256 bytes) and " +
                          std::to_string(kVocabSizeMax),
                      "vocab_size");
  for (const std::string& special : options_.specials) {
    if (special.empty())
      return base::fail(base::Code::InvalidArgument, "a special token is empty", "specials");
    if (std::ranges::count(options_.specials, special) > 1)
      return base::fail(base::Code::InvalidArgument, "a special token is named twice: " + special,
                        "specials");
  }
  return {};
}

int32_t Trainer::add_token(std::string bytes, TokenType type) {
  const auto id = static_cast<int32_t>(spec_.tokens.size());
  spec_.tokens.push_back(type == TokenType::Normal ? to_byte_alphabet(bytes) : bytes);
  spec_.types.push_back(type);
  by_spelling_.emplace(spec_.tokens.back(), id);
  token_bytes_.push_back(std::move(bytes));
  return id;
}

void Trainer::add_base_tokens() {
  for (const std::string& special : options_.specials) add_token(special, TokenType::Control);
  for (const uint8_t byte : byte_order())
    add_token(std::string(1, static_cast<char>(byte)), TokenType::Normal);
}

base::Status Trainer::count_words(std::string_view corpus) {
  TRY(const PreTokenizer cut, PreTokenizer::create(options_.pre_tokenizer));
  SpecialTokens specials;
  for (const std::string& special : options_.specials) specials.add(special, 0);
  std::unordered_map<std::string_view, int64_t> counts;
  partition(
      specials, corpus,
      [&](size_t begin, size_t end) {
        cut.split(corpus.substr(begin, end - begin),
                  [&](std::string_view word) { ++counts[word]; });
      },
      [](int32_t, size_t, size_t) {});
  words_.reserve(counts.size());
  for (const auto& [bytes, count] : counts) add_word(bytes, count);
  return {};
}

void Trainer::add_word(std::string_view bytes, int64_t count) {
  if (bytes.size() < 2) return;
  const auto index = static_cast<int32_t>(words_.size());
  std::array<int32_t, 256> ids{};
  for (size_t i = 0; i < 256; ++i)
    ids[byte_order()[i]] = static_cast<int32_t>(options_.specials.size() + i);
  words_.push_back({symbols_.size(), static_cast<uint32_t>(bytes.size()), count});
  for (const char byte : bytes) symbols_.push_back(ids[static_cast<uint8_t>(byte)]);
  const int32_t* symbol = symbols_.data() + words_.back().begin;
  for (size_t i = 1; i < bytes.size(); ++i) change(symbol[i - 1], symbol[i], count, index);
}

void Trainer::change(int32_t left, int32_t right, int64_t by, int32_t word) {
  const uint64_t key = static_cast<uint64_t>(left) << 32 | static_cast<uint32_t>(right);
  const auto [found, fresh] = pair_index_.try_emplace(key, static_cast<int32_t>(pairs_.size()));
  if (fresh) pairs_.push_back({left, right});
  Pair& pair = pairs_[found->second];
  pair.count += by;
  if (by < 0) return;
  if (pair.words.empty() || pair.words.back() != word) pair.words.push_back(word);
  raised_.push_back(found->second);
}

bool Trainer::is_later(const Candidate& a, const Candidate& b) const {
  if (a.count != b.count) return a.count < b.count;
  const Pair& pair_a = pairs_[a.pair];
  const Pair& pair_b = pairs_[b.pair];
  if (const int order = token_bytes_[pair_a.left].compare(token_bytes_[pair_b.left]); order != 0)
    return order < 0;
  return token_bytes_[pair_a.right] < token_bytes_[pair_b.right];
}

void Trainer::merge_in_word(int32_t word, int32_t left, int32_t right, int32_t merged) {
  Word& w = words_[word];
  int32_t* symbol = symbols_.data() + w.begin;
  uint32_t written = 0;
  for (uint32_t at = 0; at < w.length; ++at) {
    if (at + 1 >= w.length || symbol[at] != left || symbol[at + 1] != right) {
      symbol[written++] = symbol[at];
      continue;
    }
    if (written > 0) {
      change(symbol[written - 1], left, -w.count, word);
      change(symbol[written - 1], merged, w.count, word);
    }
    if (at + 2 < w.length) {
      change(right, symbol[at + 2], -w.count, word);
      change(merged, symbol[at + 2], w.count, word);
    }
    symbol[written++] = merged;
    ++at;
  }
  w.length = written;
}

void Trainer::merge(int32_t pair, int32_t merged) {
  const int32_t left = pairs_[pair].left;
  const int32_t right = pairs_[pair].right;
  const std::vector<int32_t> words = std::exchange(pairs_[pair].words, {});
  raised_.clear();
  for (const int32_t word : words) merge_in_word(word, left, right, merged);
  pairs_[pair].count = 0;
  std::ranges::sort(raised_);
  raised_.erase(std::ranges::unique(raised_).begin(), raised_.end());
  for (const int32_t raised : raised_) {
    if (pairs_[raised].count > 0) queue_.push({pairs_[raised].count, raised});
  }
}

void Trainer::merge_pairs() {
  for (int32_t i = 0; i < static_cast<int32_t>(pairs_.size()); ++i)
    queue_.push({pairs_[i].count, i});
  const int32_t total = options_.vocab_size - static_cast<int32_t>(spec_.tokens.size());
  while (static_cast<int32_t>(spec_.tokens.size()) < options_.vocab_size && !queue_.empty()) {
    const Candidate best = queue_.top();
    queue_.pop();
    const Pair& pair = pairs_[best.pair];
    if (pair.count != best.count) {  // it has been seen less since it was queued
      if (pair.count > 0) queue_.push({pair.count, best.pair});
      continue;
    }
    if (best.count < std::max<int64_t>(1, options_.pair_count_min)) return;
    const std::string& left = spec_.tokens[pair.left];
    const std::string& right = spec_.tokens[pair.right];
    const auto known = by_spelling_.find(left + right);
    // A token that is spelled like a special would be taken for it.
    if (known != by_spelling_.end() && spec_.types[known->second] != TokenType::Normal) continue;
    spec_.merges.push_back(left + " " + right);
    const int32_t merged =
        known != by_spelling_.end()
            ? known->second
            : add_token(token_bytes_[pair.left] + token_bytes_[pair.right], TokenType::Normal);
    merge(best.pair, merged);
    const auto done = static_cast<int32_t>(spec_.merges.size());
    if (options_.progress && done % kProgressEvery == 0) options_.progress(done, total);
  }
}

base::Result<VocabSpec> Trainer::run(std::string_view corpus) {
  TRY_VOID(check_options());
  add_base_tokens();
  TRY_VOID(count_words(corpus));
  merge_pairs();
  spec_.kind = VocabSpec::Kind::ByteBpe;
  spec_.pre_tokenizer = options_.pre_tokenizer;
  if (!options_.specials.empty()) spec_.bos = spec_.eos = 0;
  return std::move(spec_);
}

}  // namespace

base::Result<VocabSpec> train_bpe(std::string_view corpus, const BpeTraining& options) {
  return Trainer(options).run(corpus);
}

}  // namespace text
