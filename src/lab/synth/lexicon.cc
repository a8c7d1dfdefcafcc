#include "lab/synth/lexicon.h"

#include <algorithm>
#include <array>

#include "base/check.h"

namespace lab::synth {
namespace {

constexpr std::string_view kEnglish =
#include "lab/synth/lexicon_en.inc"
    ;
constexpr std::string_view kSimplified =
#include "lab/synth/lexicon_zh.inc"
    ;
constexpr std::string_view kTraditional =
#include "lab/synth/lexicon_zh_hant.inc"
    ;

constexpr std::array<std::string_view, 8> kClasses = {"food",   "object", "animal", "folk",
                                                      "vessel", "plant",  "goods",  "work"};

std::string_view text_of(Language language) {
  switch (language) {
    case Language::English:
      return kEnglish;
    case Language::Simplified:
      return kSimplified;
    case Language::Traditional:
      return kTraditional;
  }
  CHECK(false);
}

bool ends_with_any(std::string_view word, std::initializer_list<std::string_view> endings) {
  return std::ranges::any_of(endings,
                             [&](std::string_view ending) { return word.ends_with(ending); });
}

Noun chinese_noun(std::string_view entry) {
  const size_t colon = entry.find(':');
  CHECK(colon != std::string_view::npos);
  const std::string name(entry.substr(colon + 1));
  return {name, name, std::string(entry.substr(0, colon))};
}

}  // namespace

Noun english_noun(std::string_view entry) {
  if (const size_t slash = entry.find('/'); slash != std::string_view::npos) {
    return {std::string(entry.substr(0, slash)), std::string(entry.substr(slash + 1)), {}};
  }
  const std::string word(entry);
  if (ends_with_any(entry, {"s", "x", "z", "ch", "sh"})) return {word, word + "es", {}};
  const bool consonant_y =
      word.size() > 1 && word.back() == 'y' &&
      std::string_view("aeiou").find(word[word.size() - 2]) == std::string_view::npos;
  if (consonant_y) return {word, word.substr(0, word.size() - 1) + "ies", {}};
  return {word, word + "s", {}};
}

Lexicon::Lexicon(Language language) : language_(language) {
  const Grammar file(text_of(language));
  for (const bool she : {false, true}) {
    const auto* names = file.find_list(she ? "she" : "he");
    CHECK(names != nullptr);
    for (const std::string& name : *names) people_.push_back({name, name, she});
  }
  for (const bool she : {false, true}) {
    const auto* roles = file.find_list(she ? "she_role" : "he_role");
    if (roles == nullptr) continue;
    for (const std::string& role : *roles) {
      const bool vowel = std::string_view("aeiou").find(role[0]) != std::string_view::npos;
      people_.push_back({(vowel ? "an " : "a ") + role, "the " + role, she});
    }
  }
  for (const std::string_view name : kClasses) {
    const auto* entries = file.find_list(name);
    CHECK(entries != nullptr);
    auto& nouns = nouns_[std::string(name)];
    for (const std::string& entry : *entries) {
      nouns.push_back(language == Language::English ? english_noun(entry) : chinese_noun(entry));
    }
  }
}

const Person& Lexicon::person(base::Rng& rng, const std::vector<const Person*>& taken) const {
  for (;;) {
    const Person& person = people_[rng.below(people_.size())];
    if (std::ranges::find(taken, &person) == taken.end()) return person;
  }
}

const Noun& Lexicon::noun(base::Rng& rng, std::string_view classes,
                          const std::vector<const Noun*>& taken) const {
  std::array<const std::vector<Noun>*, kClasses.size()> lists{};
  size_t list_count = 0;
  size_t total = 0;
  while (!classes.empty()) {
    const size_t end = std::min(classes.find(','), classes.size());
    const auto found = nouns_.find(classes.substr(0, end));
    CHECK(found != nouns_.end() && list_count < lists.size());
    lists[list_count++] = &found->second;
    total += found->second.size();
    classes.remove_prefix(std::min(end + 1, classes.size()));
  }
  CHECK(total > 3);
  for (;;) {
    size_t pick = rng.below(total);
    size_t list = 0;
    while (pick >= lists[list]->size()) pick -= lists[list++]->size();
    const Noun& noun = (*lists[list])[pick];
    if (std::ranges::find(taken, &noun) == taken.end()) return noun;
  }
}

}  // namespace lab::synth
