// One step of a solution as a line of arithmetic that a small model can learn digit by digit: "12 -
// 5 = 7", "24 * 7 = 140 + 28 = 168". Every number in it is computed, none is guessed.
#pragma once

#include <string>

#include "reason/program.h"

namespace lab::synth {

// The operation must have a value (reason::apply); a product with 1/q is written as a division.
std::string worked_equation(reason::Op op, const reason::Rational& left,
                            const reason::Rational& right);

}  // namespace lab::synth
