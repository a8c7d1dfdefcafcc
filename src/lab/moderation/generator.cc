#include "lab/moderation/generator.h"

#include <algorithm>
#include <charconv>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "lab/synth/grammar.h"

namespace lab::moderation {
namespace {

using synth::Grammar;

constexpr std::string_view kEnglish =
#include "lab/moderation/moderation_en.inc"
    ;
constexpr std::string_view kChinese =
#include "lab/moderation/moderation_zh.inc"
    ;
constexpr uint64_t kHeldOutOneIn = 10;  // wordings
constexpr uint64_t kChineseOneIn = 3;   // samples
constexpr uint64_t kSurroundedOneIn = 4;
constexpr uint64_t kOthersMax = 2;
constexpr uint64_t kUpperOneIn = 20;

// Draws words; <word> and <word2> are two draws that stay the same within a text.
class Words final : public synth::Speaker {
 public:
  Words(const Grammar& grammar, base::Rng& rng) : grammar_(grammar), rng_(rng) {}
  void say(const synth::Slot& slot, std::string* out) override {
    CHECK(slot.kind == synth::Slot::Kind::Word);
    const auto& words = grammar_.words(slot.list);
    out->append(words[static_cast<size_t>(rng_.below(words.size()))]);
  }

 private:
  const Grammar& grammar_;
  base::Rng& rng_;
};

Labels parse_labels(std::string_view names) {
  Labels labels = {};
  while (!names.empty()) {
    const size_t comma = std::min(names.find(','), names.size());
    const size_t category = base::moderation_category(names.substr(0, comma));
    CHECK(category < labels.size());
    labels[category] = true;
    names.remove_prefix(std::min(comma + 1, names.size()));
  }
  return labels;
}

}  // namespace

struct Generator::Language {
  Language(std::string_view name_in, std::string_view text)
      : name(name_in), grammar(text), rule(grammar.rule("T")) {
    for (const Grammar::Section& section : grammar.sections()) {
      const auto found = section.attributes.find("labels");
      labels.push_back(found == section.attributes.end() ? Labels{} : parse_labels(found->second));
      int weight = 0;
      const std::string& digits = section.attributes.at("weight");
      CHECK(std::from_chars(digits.data(), digits.data() + digits.size(), weight).ptr ==
            digits.data() + digits.size());
      const bool harmless = found == section.attributes.end();
      order.insert(order.end(), static_cast<size_t>(weight), labels.size() - 1);
      if (harmless) safe.insert(safe.end(), static_cast<size_t>(weight), labels.size() - 1);
    }
  }
  Sample draw(const std::vector<size_t>& from, base::Rng& rng) const {
    const size_t chosen = from[static_cast<size_t>(rng.below(from.size()))];
    const Grammar::Section& section = grammar.sections()[chosen];
    Sample sample;
    sample.family = name + "/" + section.id;
    sample.labels = labels[chosen];
    Words words(grammar, rng);
    synth::Expansion expansion(rng, words);
    grammar.expand(section, rule, expansion, &sample.text);
    sample.held_out = expansion.skeleton % kHeldOutOneIn == 0;
    return sample;
  }

  std::string name;
  Grammar grammar;
  int rule;
  std::vector<Labels> labels;       // by section
  std::vector<size_t> order, safe;  // sections, each as often as its weight
};

Generator::Generator()
    : english_(std::make_unique<const Language>("en", kEnglish)),
      chinese_(std::make_unique<const Language>("zh", kChinese)) {}
Generator::~Generator() = default;

Sample Generator::next(base::Rng& rng) const {
  const Language& language = rng.below(kChineseOneIn) == 0 ? *chinese_ : *english_;
  Sample sample = language.draw(language.order, rng);
  // A text is often more than its worst sentence.
  if (rng.below(kSurroundedOneIn) == 0) {
    for (uint64_t others = 1 + rng.below(kOthersMax); others > 0; --others) {
      const Sample other = language.draw(language.safe, rng);
      const bool before = rng.below(2) == 0;
      sample.text = before ? other.text + " " + sample.text : sample.text + " " + other.text;
    }
  }
  if (rng.below(kUpperOneIn) == 0) {
    for (char& c : sample.text) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  }
  return sample;
}

}  // namespace lab::moderation
