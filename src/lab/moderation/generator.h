// Texts with the categories of harm that they belong to, and harmless ones that look like them,
// written by the grammars beside this file. The same seed gives the same texts on every machine.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "base/moderation.h"
#include "base/random.h"

namespace lab::moderation {

using Labels = std::array<bool, base::kModerationCategories.size()>;

struct Sample {
  std::string text;
  Labels labels = {};
  std::string family;     // the section of the grammar: "en/illicit.crime"
  bool held_out = false;  // of a wording that training never shows
};

class Generator {
 public:
  Generator();
  ~Generator();
  Sample next(base::Rng& rng) const;

 private:
  struct Language;
  std::unique_ptr<const Language> english_, chinese_;
};

}  // namespace lab::moderation
