#include "lab/synth/scene.h"

#include <algorithm>

#include "base/check.h"
#include "lab/synth/worked.h"

namespace lab::synth {
namespace {

using reason::Rational;
using Form = Slot::Form;

constexpr std::array<std::string_view, 21> kEnglishWords = {
    "zero",     "one",     "two",     "three",     "four",     "five",     "six",
    "seven",    "eight",   "nine",    "ten",       "eleven",   "twelve",   "thirteen",
    "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"};
constexpr std::array<std::string_view, 9> kEnglishParts = {
    "",          "",          "half",        "one third", "one fourth",
    "one fifth", "one sixth", "one seventh", "one eighth"};
constexpr std::array<std::string_view, 11> kChineseDigits = {"零", "一", "二", "三", "四", "五",
                                                             "六", "七", "八", "九", "十"};

int64_t small(const Rational& value) {
  CHECK(value.is_integer() && value.numerator() >= 0 && value.numerator() < INT64_MAX);
  return static_cast<int64_t>(value.numerator());
}

// 1..99; before a measure word two is 两 (the same character form in both scripts is given by
// `two`).
std::string chinese_words(int64_t value, std::string_view two) {
  if (value == 2) return std::string(two);
  std::string out;
  if (value >= 20) out += kChineseDigits[static_cast<size_t>(value / 10)];
  if (value >= 10) out += kChineseDigits[10];
  if (value % 10 != 0) out += kChineseDigits[static_cast<size_t>(value % 10)];
  return out;
}

}  // namespace

Scene::Scene(const Lexicon& lexicon, const Grammar& grammar, base::Rng& rng)
    : lexicon_(lexicon), grammar_(grammar), rng_(rng) {
  number_words_ = rng.below(100) < 18;
  money_words_ = rng.below(4) == 0;
}

void Scene::cast(const Grammar::Section& section) {
  // Chinese says two in a sum as 二, before a measure word as 两: sums keep their digits.
  if (section.id.starts_with("expression.") && lexicon_.language() != Language::English)
    number_words_ = false;
  std::vector<const Person*> people;
  for (const Person*& person : people_) {
    person = &lexicon_.person(rng_, people);
    people.push_back(person);
  }
  std::vector<const Noun*> nouns;
  constexpr std::array<std::string_view, 3> kLetters = {"n", "m", "k"};
  for (size_t i = 0; i < nouns_.size(); ++i) {
    const auto classes = section.attributes.find(kLetters[i]);
    const std::string_view wanted =
        classes == section.attributes.end() ? "object" : std::string_view(classes->second);
    nouns_[i] = &lexicon_.noun(rng_, wanted, nouns);
    nouns.push_back(nouns_[i]);
  }
  for (const char letter : {'x', 'y'}) {
    numbers[static_cast<size_t>(letter - 'a')] = static_cast<int64_t>(rng_.below(39) + 2);
  }
}

void Scene::begin_solution(const reason::Program& program, std::vector<Rational> values) {
  in_solution_ = true;
  program_ = program;
  values_ = std::move(values);
}

std::vector<Rational> Scene::numbers_in_order() const {
  std::vector<Rational> out;
  for (const char letter : order_) out.push_back(numbers[static_cast<size_t>(letter - 'a')]);
  return out;
}

void Scene::say(const Slot& slot, std::string* out) {
  switch (slot.kind) {
    case Slot::Kind::Number:
    case Slot::Kind::Step:
      return say_number(slot, out);
    case Slot::Kind::Equation: {
      CHECK(in_solution_ && slot.index < program_.steps.size());
      const reason::Step& step = program_.steps[slot.index];
      auto value = [&](const reason::Operand& operand) {
        const auto index = static_cast<size_t>(operand.index);
        if (operand.kind == reason::Operand::Kind::Step) return values_[index];
        if (operand.kind == reason::Operand::Kind::Constant) return reason::constants()[index];
        return numbers[static_cast<size_t>(order_[index] - 'a')];
      };
      out->append(worked_equation(step.op, value(step.left), value(step.right)));
      return;
    }
    case Slot::Kind::Noun:
      return say_noun(*nouns_[slot.index], slot.form, slot.form == Form::Singular, out);
    case Slot::Kind::Person:
      return say_person(slot, out);
    case Slot::Kind::Word:
      return say_word(slot, out);
  }
}

void Scene::say_number(const Slot& slot, std::string* out) {
  Rational value;
  if (slot.kind == Slot::Kind::Step) {
    CHECK(in_solution_);
    value = slot.index == 8 ? values_.back() : values_[slot.index];
  } else {
    value = numbers[slot.index];
    const char letter = static_cast<char>('a' + slot.index);
    if (!in_solution_ && order_.find(letter) == std::string::npos) order_ += letter;
  }
  const bool english = lexicon_.language() == Language::English;
  out->append(english ? english_number(value, slot.form) : chinese_number(value, slot.form));
  if (slot.noun < 0) return;
  const Noun& noun = *nouns_[static_cast<size_t>(slot.noun)];
  if (english) {
    if (slot.form == Form::Measure) return;
    out->append(" ");
    return say_noun(noun, Form::Plain, value == Rational(1), out);
  }
  out->append(noun.measure);
  if (slot.form != Form::Measure) out->append(noun.singular);
}

std::string Scene::english_number(const Rational& value, Form form) {
  const bool words = number_words_ && !in_solution_;
  if (form == Form::Fraction) {
    const auto parts = static_cast<size_t>(value.denominator());
    const bool spelled =
        parts < kEnglishParts.size() && (parts == 2 || words || rng_.below(3) == 0);
    return spelled && !in_solution_ ? std::string(kEnglishParts[parts]) : value.text();
  }
  const std::string digits = value.text();
  if (form == Form::Money)
    return money_words_ && !in_solution_ ? digits + " dollars" : "$" + digits;
  if (form == Form::Percent) return digits + (money_words_ ? " percent" : "%");
  if (form == Form::Times) {
    if (value == Rational(2) && !in_solution_ && rng_.below(10) < 7) return "twice";
    if (value == Rational(2) && in_solution_) return "2 times";
  }
  std::string said = digits;
  if (words && value.is_integer() && value.numerator() >= 0 && value.numerator() <= 20) {
    said = kEnglishWords[static_cast<size_t>(small(value))];
  }
  return form == Form::Times ? said + " times" : said;
}

std::string Scene::chinese_number(const Rational& value, Form form) {
  const bool words = number_words_ && !in_solution_;
  const std::string_view two = lexicon_.language() == Language::Simplified ? "两" : "兩";
  if (form == Form::Fraction) {
    if (in_solution_) return value.text();
    const auto parts = static_cast<int64_t>(value.denominator());
    if (parts == 2) return "一半";
    return words || rng_.below(2) == 0 ? chinese_words(parts, "二") + "分之一" : value.text();
  }
  if (form == Form::Percent) {
    return words && value.is_integer() && value.numerator() < 100
               ? "百分之" + chinese_words(small(value), "二")
               : value.text() + "%";
  }
  std::string said = value.text();
  if (words && value.is_integer() && value.numerator() >= 1 && value.numerator() <= 99) {
    said = chinese_words(small(value), two);
  }
  if (form == Form::Times) return said + "倍";
  return said;
}

void Scene::say_noun(const Noun& noun, Form form, bool one, std::string* out) const {
  if (form == Form::Measure) {
    out->append(noun.measure);
  } else {
    out->append(one ? noun.singular : noun.plural);
  }
}

bool Scene::pronoun_is_clear(size_t index) const {
  if (!mentioned_[index] || in_solution_) return false;
  for (size_t i = 0; i < people_.size(); ++i) {
    if (i != index && mentioned_[i] && people_[i]->she == people_[index]->she) return false;
  }
  return true;
}

void Scene::say_person(const Slot& slot, std::string* out) {
  const Person& person = *people_[slot.index];
  if (lexicon_.language() == Language::English)
    return say_english_person(person, slot.index, slot.form, out);
  const bool pronoun =
      slot.form != Form::Name && pronoun_is_clear(slot.index) && rng_.below(2) == 0;
  out->append(pronoun ? (person.she ? "她" : "他") : person.later);
  if (slot.form == Form::Possessive) out->append("的");
  mentioned_[slot.index] = true;
}

void Scene::say_english_person(const Person& person, size_t index, Form form, std::string* out) {
  const std::string& name = mentioned_[index] || in_solution_ ? person.later : person.first;
  const bool clear = form != Form::Name && pronoun_is_clear(index);
  mentioned_[index] = true;
  switch (form) {
    case Form::Possessive:
      if (clear && rng_.below(10) < 7) {
        out->append(person.she ? "her" : "his");
      } else {
        out->append(name + "'s");
      }
      return;
    case Form::Object:
      if (clear && rng_.below(10) < 6) {
        out->append(person.she ? "her" : "him");
      } else {
        out->append(name);
      }
      return;
    default:
      if (clear && rng_.below(2) == 0) {
        out->append(person.she ? "she" : "he");
      } else {
        out->append(name);
      }
  }
}

void Scene::say_word(const Slot& slot, std::string* out) {
  const auto& words = grammar_.words(slot.list);
  const uint32_t key = uint32_t{slot.list} << 8 | slot.index;
  const auto found = std::ranges::find(drawn_words_, key, &std::pair<uint32_t, size_t>::first);
  if (found != drawn_words_.end()) {
    out->append(words[found->second]);
    return;
  }
  size_t pick = rng_.below(words.size());
  for (const auto& [other, place] : drawn_words_) {
    if (other >> 8 == slot.list && place == pick) pick = (pick + 1) % words.size();
  }
  drawn_words_.emplace_back(key, pick);
  out->append(words[pick]);
}

}  // namespace lab::synth
