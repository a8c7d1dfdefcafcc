// What one sample is about (numbers, nouns, people, the steps of its solution), and how a language
// says it: digits or number words, agreement, articles, pronouns in English; measure words, 两 and
// 倍 in Chinese.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <vector>

#include "lab/synth/lexicon.h"
#include "lab/synth/schemas.h"

namespace lab::synth {

class Scene final : public Speaker {
 public:
  Scene(const Lexicon& lexicon, const Grammar& grammar, base::Rng& rng);

  void cast(const Grammar::Section&
                section);  // draws people, and nouns of the classes the section asks for
  void say(const Slot& slot, std::string* out) override;
  void begin_solution(const reason::Program& program, std::vector<reason::Rational> values);

  Numbers numbers;
  const std::string& order() const {
    return order_;
  }  // letters of the numbers as the text named them
  std::vector<reason::Rational> numbers_in_order() const;

 private:
  void say_number(const Slot& slot, std::string* out);
  void say_noun(const Noun& noun, Slot::Form form, bool one, std::string* out) const;
  void say_person(const Slot& slot, std::string* out);
  void say_english_person(const Person& person, size_t index, Slot::Form form, std::string* out);
  void say_word(const Slot& slot, std::string* out);
  std::string english_number(const reason::Rational& value, Slot::Form form);
  std::string chinese_number(const reason::Rational& value, Slot::Form form);
  bool pronoun_is_clear(size_t index) const;

  const Lexicon& lexicon_;
  const Grammar& grammar_;
  base::Rng& rng_;
  std::array<const Noun*, 3> nouns_{};
  std::array<const Person*, 3> people_{};
  std::array<bool, 3> mentioned_{};
  std::string order_;
  std::vector<std::pair<uint32_t, size_t>> drawn_words_;  // (list, draw) -> place in the list
  bool number_words_ = false;
  bool money_words_ = false;
  bool in_solution_ = false;
  reason::Program program_;
  std::vector<reason::Rational> values_;
};

}  // namespace lab::synth
