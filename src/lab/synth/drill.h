// Bare sums, several in one sample: "17 + 25, 8 * 7" and the worked equation of each. Small models
// learn digits from these far faster than from word problems, which have one sum among forty words.
#pragma once

#include "lab/synth/generator.h"

namespace lab::synth {

std::unique_ptr<Generator> make_drill(Split split);

}  // namespace lab::synth
