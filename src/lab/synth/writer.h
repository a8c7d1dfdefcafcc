// Writes samples from a grammar file: picks a section, draws what it is about, says the user's
// text, and, where the section has a schema, computes the solution before it says it. Word problems
// and small talk are both written so.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "lab/synth/generator.h"
#include "lab/synth/scene.h"

namespace lab::synth {

class Writer {
 public:
  Writer(Language language, std::string_view grammar_text, Split split);

  Sample write(base::Rng& rng) const;  // one exchange, with a system message now and then
  // One exchange of the section `id` (Split::Train wording); null when this split has no such
  // section.
  std::optional<Sample> write_section(base::Rng& rng, std::string_view id) const;
  void add_system(base::Rng& rng, Sample* sample) const;
  Language language() const { return lexicon_.language(); }

 private:
  struct Turn;
  bool try_write(base::Rng& rng, const Grammar::Section& section, Sample* sample) const;
  void solve(base::Rng& rng, const Grammar::Section& section, const Schema& schema, Scene& scene,
             Expansion& expansion, Sample* sample) const;
  std::string finish(std::string text) const;
  void disturb(base::Rng& rng, std::string* text) const;

  Lexicon lexicon_;
  Grammar grammar_;
  Split split_;
  std::vector<const Grammar::Section*>
      sections_;  // those of this split, each as often as its weight
  int problem_rule_;
  int solution_rule_;
  int end_rule_;
  int system_rule_;
};

// Capital letters at the start of sentences, where the grammar wrote small ones.
std::string capitalise_sentences(std::string text);

}  // namespace lab::synth
