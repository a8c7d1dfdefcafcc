#include "model/sentence_piece_json.h"

#include <algorithm>
#include <tuple>
#include <unordered_map>

#include "base/check.h"
#include "base/utf8.h"
#include "json/json.h"

namespace model {
namespace {

struct Merge {
  int32_t left, right, made;
};

// Every way to make a token of two others; the better the token's score, the earlier its merges.
std::vector<Merge> merges_of(const text::VocabSpec& spec) {
  std::unordered_map<std::string_view, int32_t> ids;
  for (size_t i = 0; i < spec.tokens.size(); ++i)
    ids.emplace(spec.tokens[i], static_cast<int32_t>(i));
  std::vector<Merge> out;
  for (size_t i = 0; i < spec.tokens.size(); ++i) {
    if (!spec.types.empty() && spec.types[i] != text::TokenType::Normal) continue;
    const std::string_view token = spec.tokens[i];
    size_t cut = 0;
    for (base::next_code_point(token, &cut); cut < token.size();
         base::next_code_point(token, &cut)) {
      const auto left = ids.find(token.substr(0, cut)), right = ids.find(token.substr(cut));
      if (left != ids.end() && right != ids.end())
        out.push_back({left->second, right->second, static_cast<int32_t>(i)});
    }
  }
  const auto score = [&](const Merge& merge) {
    return spec.scores[static_cast<size_t>(merge.made)];
  };
  std::sort(out.begin(), out.end(), [&](const Merge& a, const Merge& b) {
    if (score(a) != score(b)) return score(a) > score(b);
    return std::tie(a.made, a.left, a.right) < std::tie(b.made, b.left, b.right);
  });
  return out;
}

json::Value replace(std::string_view from, std::string_view to) {
  return json::Object{
      {"type", "Replace"}, {"pattern", json::Object{{"String", from}}}, {"content", to}};
}

json::Array added_tokens(const text::VocabSpec& spec) {
  json::Array out;
  for (size_t i = 0; i < spec.types.size(); ++i) {
    const text::TokenType type = spec.types[i];
    if (type != text::TokenType::Control && type != text::TokenType::Unknown &&
        type != text::TokenType::UserDefined)
      continue;
    out.push_back(json::Object{{"id", static_cast<int64_t>(i)},
                               {"content", spec.tokens[i]},
                               {"single_word", false},
                               {"lstrip", false},
                               {"rstrip", false},
                               {"normalized", false},
                               {"special", type != text::TokenType::UserDefined}});
  }
  return out;
}

}  // namespace

std::string write_sentence_piece_json(const text::VocabSpec& spec) {
  CHECK(spec.kind == text::VocabSpec::Kind::SentencePiece &&
        spec.scores.size() == spec.tokens.size());
  constexpr std::string_view kBlank = "\u2581";
  json::Object vocab;
  for (size_t i = 0; i < spec.tokens.size(); ++i)
    vocab.emplace_back(spec.tokens[i], static_cast<int64_t>(i));
  json::Array merges;
  for (const Merge& merge : merges_of(spec)) {
    merges.emplace_back(spec.tokens[static_cast<size_t>(merge.left)] + " " +
                        spec.tokens[static_cast<size_t>(merge.right)]);
  }
  json::Array normalizers, decoders{replace(kBlank, " "), json::Object{{"type", "ByteFallback"}},
                                    json::Object{{"type", "Fuse"}}};
  if (spec.add_space_prefix) {
    normalizers.push_back(json::Object{{"type", "Prepend"}, {"prepend", kBlank}});
    decoders.push_back(
        json::Object{{"type", "Strip"}, {"content", " "}, {"start", 1}, {"stop", 0}});
  }
  normalizers.push_back(replace(" ", kBlank));
  json::Object model{
      {"type", "BPE"},
      {"dropout", json::Value()},
      {"unk_token", spec.unknown >= 0 ? json::Value(spec.tokens[static_cast<size_t>(spec.unknown)])
                                      : json::Value()},
      {"continuing_subword_prefix", json::Value()},
      {"end_of_word_suffix", json::Value()},
      {"fuse_unk", true},
      {"byte_fallback", true},
      {"vocab", std::move(vocab)},
      {"merges", std::move(merges)}};
  const json::Value file = json::Object{
      {"version", "1.0"},
      {"truncation", json::Value()},
      {"padding", json::Value()},
      {"added_tokens", added_tokens(spec)},
      {"normalizer", json::Object{{"type", "Sequence"}, {"normalizers", std::move(normalizers)}}},
      {"pre_tokenizer", json::Value()},
      {"post_processor", json::Value()},
      {"decoder", json::Object{{"type", "Sequence"}, {"decoders", std::move(decoders)}}},
      {"model", std::move(model)}};
  return json::dump_pretty(file) + "\n";
}

}  // namespace model
