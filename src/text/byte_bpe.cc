// Byte-level BPE (GPT-2, Llama 3, our own models): the text is cut into pieces, and within each the
// bytes are merged by the rank of the merge rule.
#include <string>

#include "text/byte_alphabet.h"
#include "text/vocabulary.h"

namespace text {
namespace {

constexpr size_t kCachedBytesMax = 64;  // longer words seldom come twice
constexpr size_t kCachedWordsMax = 1 << 18;

uint64_t pair_key(int32_t left, int32_t right) {
  return static_cast<uint64_t>(static_cast<uint32_t>(left)) << 32 | static_cast<uint32_t>(right);
}

class WordEncoder {
 public:
  WordEncoder(const Tokenizer::Tables& tables, std::vector<int32_t>* out)
      : tables_(tables), out_(*out) {}

  void encode(std::string_view word) {
    if (word.size() == 1) return emit(tables_.byte_ids[static_cast<uint8_t>(word[0])]);
    if (tables_.spec.whole_words_first) {
      if (const auto whole = tables_.by_bytes.find(word); whole != tables_.by_bytes.end())
        return emit(whole->second);
    }
    if (word.size() > kCachedBytesMax) return merge(word);
    if (const auto seen = cache_.find(word); seen != cache_.end()) {
      for (size_t i = 0; i < seen->second.count; ++i) out_.push_back(out_[seen->second.first + i]);
      return;
    }
    const size_t first = out_.size();
    merge(word);
    if (cache_.size() < kCachedWordsMax) cache_.emplace(word, Span{first, out_.size() - first});
  }

 private:
  struct Span {
    size_t first, count;  // in out_
  };

  void emit(int32_t id) {
    if (id < 0) id = tables_.spec.unknown;
    if (id >= 0) out_.push_back(id);
  }

  void merge(std::string_view word) {
    merger_.clear();
    for (uint32_t i = 0; i < word.size(); ++i)
      merger_.append(tables_.byte_ids[static_cast<uint8_t>(word[i])], i, 1);
    merger_.merge([this](const Symbol& left, const Symbol& right) -> Joined {
      if (left.id < 0 || right.id < 0) return {-1, 0};
      const auto rule = tables_.merges.find(pair_key(left.id, right.id));
      if (rule == tables_.merges.end()) return {-1, 0};
      return {rule->second.id, static_cast<double>(rule->second.rank)};
    });
    for (int32_t i = 0; i >= 0; i = merger_.symbols()[i].next) emit(merger_.symbols()[i].id);
  }

  const Tokenizer::Tables& tables_;
  std::vector<int32_t>& out_;
  Merger merger_;
  std::unordered_map<std::string_view, Span> cache_;
};

base::Status add_merge(Tokenizer::Tables* tables, size_t rank) {
  const std::string& line = tables->spec.merges[rank];
  const size_t blank = line.find(' ');
  const auto refuse = [&](const std::string& why) {
    return base::fail(base::Code::Malformed,
                      "merge " + std::to_string(rank) + " of the vocabulary " + why,
                      line.substr(0, 80));
  };
  if (blank == std::string::npos || line.find(' ', blank + 1) != std::string::npos)
    return refuse("is not two pieces with one blank between");
  const auto id_of = [&](std::string_view spelling) {
    const auto found = tables->by_spelling.find(spelling);
    return found == tables->by_spelling.end() ? -1 : found->second;
  };
  const std::string_view whole_line = line;
  const int32_t left = id_of(whole_line.substr(0, blank));
  const int32_t right = id_of(whole_line.substr(blank + 1));
  const int32_t merged = id_of(line.substr(0, blank) + line.substr(blank + 1));
  if (left < 0 || right < 0 || merged < 0)
    return refuse("names a piece that is not a token; the file is damaged");
  // Text that nobody marked as special never becomes a control token.
  if (!tables->is_special(merged))
    tables->merges.try_emplace(pair_key(left, right),
                               MergeRule{static_cast<int32_t>(rank), merged});
  return {};
}

}  // namespace

base::Status index_byte_bpe(Tokenizer::Tables* tables) {
  const VocabSpec& spec = tables->spec;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string spelling = to_byte_alphabet(std::string(1, static_cast<char>(byte)));
    const auto found = tables->by_spelling.find(spelling);
    // A special whose name looks like a byte's spelling is literal text, not that byte.
    if (found != tables->by_spelling.end() && spec.types[found->second] == TokenType::Normal)
      tables->byte_ids[byte] = found->second;
  }
  tables->merges.reserve(spec.merges.size());
  for (size_t rank = 0; rank < spec.merges.size(); ++rank) TRY_VOID(add_merge(tables, rank));
  if (spec.split_patterns.empty()) {
    TRY(tables->pre_tokenizer, PreTokenizer::create(spec.pre_tokenizer));
  } else {
    TRY(tables->pre_tokenizer, PreTokenizer::create(spec.split_patterns));
  }
  return {};
}

void encode_byte_bpe(const Tokenizer::Tables& tables, std::string_view text,
                     std::vector<int32_t>* out) {
  WordEncoder encoder(tables, out);
  std::string prefixed;
  if (tables.spec.add_space_prefix && !text.empty() && text[0] != ' ') {
    prefixed.reserve(text.size() + 1);
    prefixed.append(" ").append(text);
    text = prefixed;
  }
  tables.pre_tokenizer->split(text, [&encoder](std::string_view word) { encoder.encode(word); });
}

}  // namespace text
