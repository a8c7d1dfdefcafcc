// The people and things of the problems, read from a lexicon file of one language: lists of names
// by pronoun, and of nouns by class, in the format of a grammar file.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "lab/synth/grammar.h"

namespace lab::synth {

enum class Language : uint8_t { English, Simplified, Traditional };

struct Noun {
  std::string singular;
  std::string plural;   // the same as the singular in Chinese
  std::string measure;  // the measure word, empty in English
};

struct Person {
  std::string first;  // "Tom", "a farmer": when first spoken of
  std::string later;  // "Tom", "the farmer"
  bool she = false;
};

class Lexicon {
 public:
  explicit Lexicon(Language language);
  Language language() const { return language_; }
  // A person or noun that is none of `taken`. `classes` is a comma-separated list of noun classes.
  const Person& person(base::Rng& rng, const std::vector<const Person*>& taken) const;
  const Noun& noun(base::Rng& rng, std::string_view classes,
                   const std::vector<const Noun*>& taken) const;

 private:
  Language language_;
  std::vector<Person> people_;
  std::map<std::string, std::vector<Noun>, std::less<>> nouns_;
};

// "box" -> "boxes", "baby" -> "babies", "knife/knives" -> as written.
Noun english_noun(std::string_view entry);

}  // namespace lab::synth
