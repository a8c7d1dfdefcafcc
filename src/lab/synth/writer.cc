#include "lab/synth/writer.h"

#include <algorithm>
#include <charconv>

#include "base/bytes.h"
#include "base/check.h"

namespace lab::synth {
namespace {

constexpr uint64_t kHeldOutOneIn = 16;  // skeletons whose hash falls here are never trained on
constexpr int kTriesPerSection = 64;

// FNV's low bits alone follow the last bytes too closely to split on.
uint64_t scrambled(uint64_t hash) { return base::splitmix64(&hash); }

std::string hex(uint64_t value) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out(16, '0');
  for (size_t i = 16; i-- > 0; value >>= 4) out[i] = kDigits[value & 15];
  return out;
}

bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

}  // namespace

std::string capitalise_sentences(std::string text) {
  bool start = true;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (start && c >= 'a' && c <= 'z') text[i] = static_cast<char>(c - 'a' + 'A');
    if (c == '\n' ||
        ((c == '.' || c == '?' || c == '!') && i + 1 < text.size() && text[i + 1] == ' ')) {
      start = true;
    } else if (c != ' ' && c != '"') {
      start = false;
    }
  }
  return text;
}

Writer::Writer(Language language, std::string_view grammar_text, Split split)
    : lexicon_(language),
      grammar_(grammar_text),
      split_(split),
      problem_rule_(grammar_.rule("P")),
      solution_rule_(grammar_.rule("S")),
      end_rule_(grammar_.rule("END")),
      system_rule_(grammar_.rule("SYS")) {
  for (const Grammar::Section& section : grammar_.sections()) {
    const Schema* schema = find_schema(section.id);
    const bool held_out =
        (schema != nullptr && schema->held_out) || section.attributes.contains("held");
    if (held_out != (split == Split::HeldOutFamily)) continue;
    int weight = 1;
    if (const auto text = section.attributes.find("weight"); text != section.attributes.end()) {
      const std::string& digits = text->second;
      CHECK(std::from_chars(digits.data(), digits.data() + digits.size(), weight).ec ==
            std::errc{});
    }
    sections_.insert(sections_.end(), static_cast<size_t>(weight), &section);
  }
  CHECK(!sections_.empty());
}

Sample Writer::write(base::Rng& rng) const {
  for (;;) {
    const Grammar::Section& section = *sections_[rng.below(sections_.size())];
    for (int tries = 0; tries < kTriesPerSection; ++tries) {
      Sample sample;
      if (!try_write(rng, section, &sample)) continue;
      if (rng.below(100) < 8) add_system(rng, &sample);
      return sample;
    }
  }
}

std::optional<Sample> Writer::write_section(base::Rng& rng, std::string_view id) const {
  const auto section = std::ranges::find(sections_, id, &Grammar::Section::id);
  if (section == sections_.end()) return std::nullopt;
  for (int tries = 0; tries < kTriesPerSection; ++tries) {
    Sample sample;
    if (try_write(rng, **section, &sample)) return sample;
  }
  return std::nullopt;
}

void Writer::add_system(base::Rng& rng, Sample* sample) const {
  Scene scene(lexicon_, grammar_, rng);
  Expansion expansion(rng, scene);
  std::string text;
  grammar_.expand(*sections_[0], system_rule_, expansion, &text);
  sample->messages.insert(sample->messages.begin(), {"system", std::move(text)});
}

bool Writer::try_write(base::Rng& rng, const Grammar::Section& section, Sample* sample) const {
  const Schema* schema = find_schema(section.id);
  Scene scene(lexicon_, grammar_, rng);
  scene.cast(section);
  if (schema != nullptr) schema->draw(rng, scene.numbers);
  Expansion expansion(rng, scene);
  std::string question;
  grammar_.expand(section, problem_rule_, expansion, &question);
  const uint64_t skeleton = scrambled(expansion.skeleton);
  const bool held_out = skeleton % kHeldOutOneIn == 0;
  if (split_ != Split::HeldOutFamily && held_out != (split_ == Split::HeldOutSkeleton))
    return false;
  question = finish(std::move(question));
  disturb(rng, &question);
  sample->family = section.id;
  sample->skeleton = hex(skeleton);
  sample->messages = {{"user", std::move(question)}, {"assistant", {}}};
  if (schema != nullptr) {
    solve(rng, section, *schema, scene, expansion, sample);
  } else {
    grammar_.expand(section, solution_rule_, expansion, &sample->messages[1].content);
  }
  sample->messages[1].content = finish(std::move(sample->messages[1].content));
  return true;
}

void Writer::solve(base::Rng&, const Grammar::Section& section, const Schema& schema, Scene& scene,
                   Expansion& expansion, Sample* sample) const {
  const reason::Program program = bind_program(schema, scene.order());
  auto values = reason::execute_all(program, scene.numbers_in_order());
  CHECK(values.has_value());
  const reason::Rational answer = values->back();
  scene.begin_solution(program, *std::move(values));
  std::string& text = sample->messages[1].content;
  grammar_.expand(section, solution_rule_, expansion, &text);
  if (grammar_.has(section, end_rule_)) grammar_.expand(section, end_rule_, expansion, &text);
  sample->answer = answer.text();
  sample->program = reason::print(program);
}

std::string Writer::finish(std::string text) const {
  return lexicon_.language() == Language::English ? capitalise_sentences(std::move(text)) : text;
}

// What people's typing does to a text: no capitals, a blank before the question mark, no mark at
// all, a letter doubled or dropped. Digits stay as they are.
void Writer::disturb(base::Rng& rng, std::string* text) const {
  const uint64_t kind = rng.below(100);
  if (lexicon_.language() == Language::English) {
    if (kind < 9) {
      std::ranges::transform(*text, text->begin(),
                             [](char c) { return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c; });
    } else if (kind < 12 && text->ends_with("?")) {
      text->insert(text->size() - 1, " ");
    } else if (kind < 15 && text->ends_with("?")) {
      text->pop_back();
    } else if (kind < 17) {
      const size_t at = rng.below(text->size());
      const bool inside = at > 0 && at + 1 < text->size() && is_letter((*text)[at - 1]) &&
                          is_letter((*text)[at + 1]);
      if (inside && is_letter((*text)[at])) {
        if (rng.below(2) == 0)
          text->erase(at, 1);
        else
          text->insert(at, 1, (*text)[at]);
      }
    }
    return;
  }
  constexpr std::string_view kMark = "？";
  if (kind < 8 && text->ends_with(kMark)) {
    text->resize(text->size() - kMark.size());
    if (kind < 4) *text += '?';
  }
}

}  // namespace lab::synth
