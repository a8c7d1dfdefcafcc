// Reads tokenizer.json. The file is hostile until proven otherwise: every count, id and spelling is
// checked here, and Tokenizer::create checks the whole again.
#include <algorithm>
#include <unordered_map>
#include <utility>

#include "json/json.h"
#include "text/pre_tokenizer.h"
#include "text/tokenizer_json.h"

namespace text {
namespace {

using base::Code;
using base::fail;
using json::Value;

constexpr size_t kFileBytesMax = 256u << 20;
constexpr int64_t kTokensMax = 1 << 22;
constexpr size_t kPatternsMax = 16;
constexpr float kNeverMerged = -1e9f;

std::unexpected<base::Error> unsupported(std::string_view part, const Value& what) {
  return fail(Code::Unimplemented,
              "tokenizer.json has a " + std::string(part) + " that Charter does not know: " +
                  (what.is_string() ? what.as_string() : json::dump(what).substr(0, 120)),
              "tokenizer.json");
}

std::unexpected<base::Error> malformed(std::string message) {
  return fail(Code::Malformed, "tokenizer.json: " + std::move(message), "tokenizer.json");
}

bool is_type(const Value& value, std::string_view type) {
  const Value& name = value["type"];
  return name.is_string() && name.as_string() == type;
}

bool flag(const Value& object, std::string_view key, bool otherwise) {
  const Value* found = object.find(key);
  return found && found->is_bool() ? found->as_bool() : otherwise;
}

// The steps of a "Sequence", or the one step that stands for itself; none for null.
base::Result<std::vector<const Value*>> steps_of(const Value& part, std::string_view list) {
  std::vector<const Value*> steps;
  if (part.is_null()) return steps;
  if (!part.is_object()) return malformed("a processing step is not an object");
  if (!is_type(part, "Sequence")) return std::vector<const Value*>{&part};
  const Value& inner = part[list];
  if (!inner.is_array()) return malformed("a Sequence has no list \"" + std::string(list) + "\"");
  for (const Value& step : inner.as_array()) steps.push_back(&step);
  return steps;
}

struct AddedToken {
  int64_t id;
  const std::string* content;
  bool special, strips_left, strips_right;
};

base::Result<std::vector<AddedToken>> added_tokens(const Value& file) {
  std::vector<AddedToken> added;
  const Value& list = file["added_tokens"];
  if (list.is_null()) return added;
  if (!list.is_array()) return malformed("added_tokens is not a list");
  for (const Value& token : list.as_array()) {
    const Value& id = token["id"];
    const Value& content = token["content"];
    if (!id.is_int() || id.as_int() < 0 || id.as_int() >= kTokensMax || !content.is_string())
      return malformed("an added token has no valid id and content: " +
                       json::dump(token).substr(0, 120));
    added.push_back({id.as_int(), &content.as_string(), flag(token, "special", false),
                     flag(token, "lstrip", false), flag(token, "rstrip", false)});
  }
  return added;
}

base::Status place(VocabSpec* spec, std::vector<bool>* placed, int64_t id,
                   const std::string& token) {
  if ((*placed)[id] && spec->tokens[id] != token)
    return malformed("id " + std::to_string(id) + " is given to two tokens, \"" +
                     spec->tokens[id].substr(0, 40) + "\" and \"" + token.substr(0, 40) + "\"");
  (*placed)[id] = true;
  spec->tokens[id] = token;
  return {};
}

base::Status read_tokens(const Value& model, const std::vector<AddedToken>& added,
                         VocabSpec* spec) {
  const Value& vocab = model["vocab"];
  if (!vocab.is_object()) return malformed("the model has no vocab");
  int64_t size = 0;
  for (const auto& [token, id] : vocab.as_object()) {
    if (!id.is_int() || id.as_int() < 0 || id.as_int() >= kTokensMax)
      return malformed("token \"" + token.substr(0, 40) + "\" has no valid id");
    size = std::max(size, id.as_int() + 1);
  }
  for (const AddedToken& token : added) size = std::max(size, token.id + 1);
  // A few ids may be unused; a file that names one token and gives it id 4 million is not a
  // vocabulary.
  const auto named = static_cast<int64_t>(vocab.as_object().size() + added.size());
  if (size > 2 * named + 1024)
    return malformed("ids reach " + std::to_string(size - 1) + ", and only " +
                     std::to_string(named) + " tokens are named");
  spec->tokens.resize(size);
  spec->types.assign(size, TokenType::Normal);
  std::vector<bool> placed(size);
  for (const auto& [token, id] : vocab.as_object())
    TRY_VOID(place(spec, &placed, id.as_int(), token));
  for (const AddedToken& token : added) {
    TRY_VOID(place(spec, &placed, token.id, *token.content));
    const auto id = static_cast<int32_t>(token.id);
    spec->types[id] = token.special ? TokenType::Control : TokenType::UserDefined;
    if (token.strips_left) spec->strip_left_ids.push_back(id);
    if (token.strips_right) spec->strip_right_ids.push_back(id);
  }
  for (int64_t id = 0; id < size; ++id) {
    if (placed[id]) continue;
    spec->tokens[id] = "[unused" + std::to_string(id) + "]";
    spec->types[id] = TokenType::Unused;
  }
  return {};
}

// "left right", or ["left", "right"] as newer files write it.
base::Status read_merges(const Value& model, VocabSpec* spec) {
  const Value& merges = model["merges"];
  if (!merges.is_array()) return malformed("the model has no merges");
  for (const Value& merge : merges.as_array()) {
    if (merge.is_string()) {
      spec->merges.push_back(merge.as_string());
    } else if (merge.is_array() && merge.as_array().size() == 2 &&
               merge.as_array()[0].is_string() && merge.as_array()[1].is_string()) {
      spec->merges.push_back(merge.as_array()[0].as_string() + " " +
                             merge.as_array()[1].as_string());
    } else {
      return malformed("merge " + std::to_string(spec->merges.size()) + " is not a pair of pieces");
    }
  }
  return {};
}

base::Status read_normalizer(const Value& file, VocabSpec* spec) {
  TRY(const auto steps, steps_of(file["normalizer"], "normalizers"));
  for (const Value* step : steps) {
    if (!is_type(*step, "NFC")) return unsupported("normalizer", (*step)["type"]);
    spec->normalize_nfc = true;
  }
  return {};
}

base::Status read_split_step(const Value& step, VocabSpec* spec, bool* byte_level) {
  if (*byte_level) return malformed("a pre-tokenizer follows ByteLevel");
  if (is_type(step, "ByteLevel")) {
    spec->add_space_prefix = flag(step, "add_prefix_space", true);
    if (flag(step, "use_regex", true))
      spec->split_patterns.emplace_back(find_split("gpt2")->patterns[0]);
    *byte_level = true;
  } else if (is_type(step, "Digits")) {
    spec->split_patterns.emplace_back(flag(step, "individual_digits", false) ? R"(\p{N})"
                                                                             : R"(\p{N}+)");
  } else if (is_type(step, "Split") && step["pattern"]["Regex"].is_string()) {
    const Value& behavior = step["behavior"];
    const bool inverted = flag(step, "invert", false);
    const bool isolated = behavior.is_string() && behavior.as_string() == "Isolated";
    // Patterns that cover all text are sometimes written as "remove what does not match".
    const bool matches_kept = behavior.is_string() && behavior.as_string() == "Removed" && inverted;
    if (!isolated && !matches_kept) return unsupported("Split behavior", behavior);
    spec->split_patterns.push_back(step["pattern"]["Regex"].as_string());
  } else {
    return unsupported("pre-tokenizer", step["type"]);
  }
  if (spec->split_patterns.size() > kPatternsMax) return malformed("more than 16 pre-tokenizers");
  return {};
}

// Patterns that have a name are called by it, so that a file written back says what was meant.
void name_patterns(VocabSpec* spec) {
  for (const NamedSplit& split : named_splits()) {
    if (std::ranges::equal(split.patterns, spec->split_patterns)) {
      spec->pre_tokenizer = split.name;
      spec->split_patterns.clear();
      return;
    }
  }
}

base::Status read_byte_level(const Value& file, VocabSpec* spec) {
  TRY_VOID(read_normalizer(file, spec));
  TRY(const auto steps, steps_of(file["pre_tokenizer"], "pretokenizers"));
  bool byte_level = false;
  for (const Value* step : steps) TRY_VOID(read_split_step(*step, spec, &byte_level));
  if (!byte_level) return unsupported("pre-tokenizer", file["pre_tokenizer"]);
  if (spec->split_patterns.empty())
    return unsupported("pre-tokenizer that does not cut the text", file["pre_tokenizer"]);
  name_patterns(spec);
  return read_merges(file["model"], spec);
}

// A SentencePiece vocabulary that was turned into merges: the earlier a merge, the better the token
// it makes.
base::Status read_byte_fallback(const Value& file, VocabSpec* spec) {
  spec->kind = VocabSpec::Kind::SentencePiece;
  TRY(const auto normalizers, steps_of(file["normalizer"], "normalizers"));
  for (const Value* step : normalizers) {
    if (is_type(*step, "Prepend")) {
      spec->add_space_prefix = true;
    } else if (!is_type(*step, "Replace")) {
      return unsupported("normalizer", (*step)["type"]);
    }
  }
  TRY(const auto cuts, steps_of(file["pre_tokenizer"], "pretokenizers"));
  for (const Value* step : cuts) {
    if (!is_type(*step, "Metaspace")) return unsupported("pre-tokenizer", (*step)["type"]);
    const Value& scheme = (*step)["prepend_scheme"];
    spec->add_space_prefix = !scheme.is_string() || scheme.as_string() != "never";
  }
  TRY_VOID(read_merges(file["model"], spec));
  std::unordered_map<std::string, float> scores;
  for (size_t rank = 0; rank < spec->merges.size(); ++rank) {
    std::string made = spec->merges[rank];
    if (const size_t blank = made.find(' '); blank != std::string::npos) made.erase(blank, 1);
    scores.try_emplace(std::move(made), -static_cast<float>(rank) - 1);
  }
  spec->merges.clear();
  spec->scores.assign(spec->tokens.size(), kNeverMerged);
  for (size_t id = 0; id < spec->tokens.size(); ++id) {
    const std::string& token = spec->tokens[id];
    if (const auto found = scores.find(token); found != scores.end())
      spec->scores[id] = found->second;
    if (spec->types[id] == TokenType::Normal && token.size() == 6 && token.starts_with("<0x") &&
        token.ends_with('>'))
      spec->types[id] = TokenType::Byte;
  }
  return {};
}

base::Status read_unknown(const Value& model, VocabSpec* spec) {
  const Value& unknown = model["unk_token"];
  if (!unknown.is_string()) return {};
  const auto found = std::ranges::find(spec->tokens, unknown.as_string());
  if (found == spec->tokens.end()) return malformed("unk_token is not in the vocabulary");
  spec->unknown = static_cast<int32_t>(found - spec->tokens.begin());
  return {};
}

}  // namespace

base::Result<VocabSpec> read_tokenizer_json(std::string_view bytes) {
  auto parsed = json::parse(bytes, {.bytes_max = kFileBytesMax});
  if (!parsed)
    return base::wrap(std::move(parsed).error(), "tokenizer.json does not parse", "tokenizer.json");
  const Value& file = *parsed;
  const Value& model = file["model"];
  if (!model.is_object()) return malformed("there is no model");
  // Old files leave the type out; a BPE is known by its merges.
  if (!is_type(model, "BPE") && !(model["type"].is_null() && model["merges"].is_array()))
    return unsupported("model", model["type"]);
  for (const std::string_view key : {"continuing_subword_prefix", "end_of_word_suffix"}) {
    const Value& affix = model[key];
    if (affix.is_string() && !affix.as_string().empty()) return unsupported(key, affix);
  }
  VocabSpec spec;
  TRY(const auto added, added_tokens(file));
  TRY_VOID(read_tokens(model, added, &spec));
  TRY_VOID(read_unknown(model, &spec));
  spec.whole_words_first = flag(model, "ignore_merges", false);
  const bool no_merges = model["merges"].is_array() && model["merges"].as_array().empty();
  if (flag(model, "byte_fallback", false)) {
    TRY_VOID(read_byte_fallback(file, &spec));
  } else if (no_merges && file["pre_tokenizer"].is_null() && file["normalizer"].is_null()) {
    spec.kind = VocabSpec::Kind::Characters;
  } else {
    TRY_VOID(read_byte_level(file, &spec));
  }
  return spec;
}

}  // namespace text
