// A small grammar language for generated text. A grammar file has sections (@id key=value ...),
// each with rules (NAME text, several lines of one NAME are alternatives, NAME*3 counts threefold)
// and word lists (%name = a|b|c). Text has {a|b} choices, {v:a|b} choices that agree within a
// sample wherever v stands, [NAME] rules and <slots>. The files are part of the program, so a
// mistake in one is a failed CHECK, which the tests would meet first.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/random.h"

namespace lab::synth {

// What a <slot> stands for; the language decides how it is said (realise.h).
//   <a> <a n> <$a> <a%> <a times> <a frac>   a number, alone or with a noun, as money, percent,
//   factor, fraction <t1> <t1 n> <$t1> <=1>                   the value of a step of the solution
//   (t9: the answer); its worked equation <n> <n.1> <n.c>  <a n.c>                 a noun: plural,
//   singular, measure word; number and measure word <p> <p's> <p.o> <p.n>                    a
//   person: subject, possessive, object, always by name <city> <city2>                           a
//   word of the list "city"; city2 is a second draw
struct Slot {
  enum class Kind : uint8_t { Number, Step, Equation, Noun, Person, Word };
  enum class Form : uint8_t {
    Plain,
    Money,
    Percent,
    Times,
    Fraction,
    Singular,
    Measure,
    Possessive,
    Object,
    Name
  };
  Kind kind = Kind::Number;
  Form form = Form::Plain;
  uint8_t index = 0;  // number a..h, x, y: letter - 'a'; step - 1, or 8; noun n m k: 0..2; person p
                      // q r: 0..2; draw of a list
  int8_t noun = -1;   // the noun that goes with a number, or -1
  uint16_t list = 0;  // of Kind::Word
};

class Grammar;

// Says slots in one language while a text is expanded. Holds the sample's entities.
class Speaker {
 public:
  virtual ~Speaker() = default;
  virtual void say(const Slot& slot, std::string* out) = 0;
};

// The choices of one sample: which way each {v:...} goes, and the hash of the wording so far.
struct Expansion {
  Expansion(base::Rng& rng_in, Speaker& speaker_in) : rng(rng_in), speaker(speaker_in) {
    for (uint32_t& choice : bound) choice = static_cast<uint32_t>(rng.next() >> 32);
  }
  base::Rng& rng;
  Speaker& speaker;
  std::array<uint32_t, 26> bound{};
  uint64_t skeleton = 0xcbf29ce484222325u;  // FNV-1a over literals and slot kinds
};

class Grammar {
 public:
  explicit Grammar(std::string_view text);

  struct Section {
    std::string id;
    std::map<std::string, std::string, std::less<>> attributes;
    std::vector<int32_t> rules;  // by rule name, -1 when the section has none
  };
  const std::vector<Section>& sections() const { return sections_; }  // "common" left out
  int rule(std::string_view name) const;                              // -1 when no section has it
  bool has(const Section& section, int rule) const;
  void expand(const Section& section, int rule, Expansion& expansion, std::string* out) const;

  const std::vector<std::string>& words(uint16_t list) const { return lists_[list]; }
  const std::vector<std::string>* find_list(
      std::string_view name) const;  // null when there is none

 private:
  struct Node {
    enum class Kind : uint8_t { Literal, Slot, Rule, Sequence, Choice };
    Kind kind = Kind::Literal;
    int8_t bound = -1;  // of a choice: the letter it agrees with
    int32_t rule = -1;
    Slot slot = {};
    std::string literal = {};
    std::vector<int32_t> children = {};
  };
  struct Cursor {
    std::string_view text;
    size_t at = 0;
  };

  void read_line(std::string_view line);
  void read_section(std::string_view header);
  int32_t read_sequence(Cursor& cursor, bool nested);
  int32_t read_choice(Cursor& cursor);
  Slot read_slot(std::string_view text);
  int32_t add(Node node);
  int rule_id(std::string_view name);
  void expand_node(int32_t node, const Section& section, Expansion& expansion, std::string* out,
                   int depth) const;

  std::vector<Node> nodes_;
  std::vector<Section> sections_;
  Section common_;
  Section* current_ = nullptr;
  std::map<std::string, int, std::less<>> rule_names_;
  std::map<std::string, int, std::less<>> list_names_;
  std::vector<std::vector<std::string>> lists_;
};

}  // namespace lab::synth
