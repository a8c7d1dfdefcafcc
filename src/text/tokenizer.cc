#include "text/tokenizer.h"

#include <algorithm>
#include <utility>

#include "text/byte_alphabet.h"
#include "text/unicode.h"
#include "text/vocabulary.h"

namespace text {
namespace {

constexpr size_t kTokensMax = 1 << 24;
constexpr size_t kSpecialBytesMax = 4096;
constexpr size_t kStretchBytesMax = 1 << 30;  // symbols index bytes with 32 bits

// The names by which common models end a turn. Their files do not always list them as stops, and a
// model that ran past one would talk to itself.
constexpr std::string_view kTurnEnds[] = {"<|im_end|>",    "<|end|>",        "<|eot_id|>",
                                          "<|eom_id|>",    "<end_of_turn>",  "<|EOT|>",
                                          "<|endoftext|>", "<|end_of_text|>"};

base::Status check_ids(const VocabSpec& spec) {
  const auto refuse = [&](std::string_view what, int32_t id) {
    return base::fail(base::Code::Malformed, "the " + std::string(what) + " token has id " +
                                                 std::to_string(id) + ", and the vocabulary has " +
                                                 std::to_string(spec.tokens.size()) + " tokens");
  };
  const auto size = static_cast<int32_t>(spec.tokens.size());
  for (const auto& [what, id] : {std::pair<std::string_view, int32_t>{"bos", spec.bos},
                                 {"eos", spec.eos},
                                 {"unknown", spec.unknown},
                                 {"pad", spec.pad}}) {
    if (id < -1 || id >= size) return refuse(what, id);
  }
  for (const auto* list : {&spec.stop_ids, &spec.strip_left_ids, &spec.strip_right_ids}) {
    for (const int32_t id : *list) {
      if (id < 0 || id >= size) return refuse("listed", id);
    }
  }
  return {};
}

std::vector<bool> marks(size_t size, const std::vector<int32_t>& ids) {
  std::vector<bool> out(size);
  for (const int32_t id : ids) out[id] = true;
  return out;
}

}  // namespace

bool Tokenizer::Tables::is_special(int32_t id) const {
  return spec.types[id] == TokenType::Control || spec.types[id] == TokenType::Unknown;
}

base::Status Tokenizer::Tables::check_and_index() {
  const size_t size = spec.tokens.size();
  if (size == 0) return base::fail(base::Code::Malformed, "the vocabulary is empty");
  if (size > kTokensMax)
    return base::fail(base::Code::TooLarge, "the vocabulary has " + std::to_string(size) +
                                                " tokens; 16777216 are allowed");
  if (spec.types.empty()) spec.types.assign(size, TokenType::Normal);
  if (spec.types.size() != size)
    return base::fail(base::Code::Malformed, "the vocabulary needs one type for each of its " +
                                                 std::to_string(size) + " tokens, and has " +
                                                 std::to_string(spec.types.size()));
  TRY_VOID(check_ids(spec));
  byte_ids.fill(-1);
  bytes = spec.tokens;
  by_spelling.reserve(size);
  stops.resize(size);
  for (size_t id = 0; id < size; ++id) {
    if (!by_spelling.emplace(spec.tokens[id], static_cast<int32_t>(id)).second)
      return base::fail(
          base::Code::Malformed,
          "the vocabulary lists one token twice, the second time as id " + std::to_string(id),
          spec.tokens[id].substr(0, 80));
    const bool literal = spec.types[id] == TokenType::UserDefined;
    if (!literal && !is_special(static_cast<int32_t>(id))) continue;
    if (spec.tokens[id].size() > kSpecialBytesMax)
      return base::fail(base::Code::TooLarge,
                        "special token " + std::to_string(id) + " is longer than 4096 bytes");
    all_specials.add(spec.tokens[id], static_cast<int32_t>(id));
    stops[id] = std::ranges::find(kTurnEnds, spec.tokens[id]) != std::end(kTurnEnds);
    if (literal) literals.add(spec.tokens[id], static_cast<int32_t>(id));
  }
  if (spec.kind == VocabSpec::Kind::ByteBpe) {
    for (size_t id = 0; id < size; ++id) {
      if (spec.types[id] == TokenType::Normal) bytes[id] = from_byte_alphabet(spec.tokens[id]);
    }
    TRY_VOID(index_byte_bpe(this));
  } else if (spec.kind == VocabSpec::Kind::SentencePiece) {
    TRY_VOID(index_sentence_piece(this));
  } else {
    TRY_VOID(index_characters(this));
  }
  by_bytes.reserve(size);
  for (size_t id = 0; id < size; ++id) {
    if (spec.types[id] != TokenType::Normal || bytes[id].empty()) continue;
    by_bytes.emplace(bytes[id], static_cast<int32_t>(id));
    token_bytes_max = std::max(token_bytes_max, bytes[id].size());
  }
  for (const int32_t id : spec.stop_ids) stops[id] = true;
  if (spec.eos >= 0) stops[spec.eos] = true;
  strips_left = marks(size, spec.strip_left_ids);
  strips_right = marks(size, spec.strip_right_ids);
  return {};
}

base::Result<Tokenizer> Tokenizer::create(VocabSpec spec) {
  auto tables = std::make_shared<Tables>();
  tables->spec = std::move(spec);
  TRY_VOID(tables->check_and_index());
  return Tokenizer(std::move(tables));
}

std::vector<int32_t> Tokenizer::encode(std::string_view text, bool parse_special) const {
  std::vector<int32_t> out;
  const Tables& t = *tables_;
  bool after_special = true;  // SentencePiece puts its blank at the start and after each special
  bool strip_start = false;
  const auto encode_stretch = [&](std::string_view stretch) {
    std::string normalized;
    if (t.spec.normalize_nfc) stretch = normalized = nfc(stretch);
    for (; !stretch.empty(); stretch.remove_prefix(std::min(stretch.size(), kStretchBytesMax))) {
      const std::string_view part = stretch.substr(0, kStretchBytesMax);
      if (t.spec.kind == VocabSpec::Kind::ByteBpe) {
        encode_byte_bpe(t, part, &out);
      } else if (t.spec.kind == VocabSpec::Kind::SentencePiece) {
        encode_sentence_piece(t, part, t.spec.add_space_prefix && after_special, &out);
      } else {
        encode_characters(t, part, &out);
      }
      after_special = false;
    }
  };
  // The stretch before a special waits until that special says whether it swallows the blanks in
  // front of it.
  std::string_view waiting;
  partition(
      parse_special ? t.all_specials : t.literals, text,
      [&](size_t begin, size_t end) {
        waiting = strip(text.substr(begin, end - begin), strip_start, false);
      },
      [&](int32_t id, size_t, size_t) {
        encode_stretch(strip(std::exchange(waiting, {}), false, t.strips_left[id]));
        out.push_back(id);
        after_special = true;
        strip_start = t.strips_right[id];
      });
  encode_stretch(waiting);
  return out;
}

std::vector<int32_t> Tokenizer::encode_prompt(std::string_view text) const {
  std::vector<int32_t> ids = encode(text, true);
  const VocabSpec& s = tables_->spec;
  if (s.add_bos && s.bos >= 0 && (ids.empty() || ids[0] != s.bos)) ids.insert(ids.begin(), s.bos);
  if (s.add_eos && s.eos >= 0) ids.push_back(s.eos);
  return ids;
}

std::string Tokenizer::decode(std::span<const int32_t> ids, bool with_control) const {
  std::string out;
  bool first =
      tables_->spec.kind == VocabSpec::Kind::SentencePiece && tables_->spec.add_space_prefix;
  for (const int32_t id : ids) {
    if (is_control(id)) {
      if (with_control) out += token_bytes(id);
      continue;
    }
    std::string_view bytes = token_bytes(id);
    if (std::exchange(first, false) && bytes.starts_with(' ')) bytes.remove_prefix(1);
    out += bytes;
  }
  return out;
}

std::string_view Tokenizer::token_bytes(int32_t id) const {
  if (id < 0 || id >= size()) return {};
  return tables_->bytes[id];
}

int32_t Tokenizer::size() const { return static_cast<int32_t>(tables_->bytes.size()); }
int32_t Tokenizer::bos() const { return tables_->spec.bos; }
int32_t Tokenizer::eos() const { return tables_->spec.eos; }
int32_t Tokenizer::unknown() const { return tables_->spec.unknown; }
int32_t Tokenizer::pad() const { return tables_->spec.pad; }
bool Tokenizer::add_bos() const { return tables_->spec.add_bos; }
bool Tokenizer::is_control(int32_t id) const {
  return id >= 0 && id < size() && tables_->is_special(id);
}
bool Tokenizer::is_stop(int32_t id) const { return id >= 0 && id < size() && tables_->stops[id]; }

int32_t Tokenizer::find(std::string_view token) const {
  const auto found = tables_->by_spelling.find(token);
  return found == tables_->by_spelling.end() ? -1 : found->second;
}

const VocabSpec& Tokenizer::spec() const { return tables_->spec; }

}  // namespace text
