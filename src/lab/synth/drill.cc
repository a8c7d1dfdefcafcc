#include "lab/synth/drill.h"

#include <array>

#include "base/check.h"
#include "lab/synth/schemas.h"
#include "lab/synth/worked.h"

namespace lab::synth {
namespace {

using reason::Op;

struct Sum {
  Op op;
  reason::Rational left, right;
};

constexpr std::array<std::string_view, 4> kSchemaOf = {"expression.add", "expression.subtract",
                                                       "expression.multiply", "expression.divide"};
constexpr std::array<std::string_view, 8> kOpenings = {
    "", "", "", "", "Calculate: ", "Work out ", "计算：", "計算："};
constexpr std::array<std::string_view, 3> kSeparators = {", ", "; ", "\n"};

Sum draw_sum(base::Rng& rng) {
  const auto op = static_cast<Op>(rng.below(4));
  const Schema* schema = find_schema(kSchemaOf[static_cast<size_t>(op)]);
  CHECK(schema != nullptr);
  Numbers numbers;
  schema->draw(rng, numbers);
  return {op, numbers[0], numbers[1]};
}

std::string sum_text(const Sum& sum, bool tight) {
  const std::string blank = tight ? "" : " ";
  return sum.left.text() + blank + reason::op_sign(sum.op) + blank + sum.right.text();
}

uint64_t hash_of(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325u;
  for (const char c : text) hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3u;
  return base::splitmix64(&hash);
}

// Train: no single sum whose hash is 0 mod 16. HeldOutSkeleton: only such sums. HeldOutFamily:
// chains of two operations.
class Drill final : public Generator {
 public:
  explicit Drill(Split split) : split_(split) {}

  Sample next(base::Rng& rng) const override {
    const bool tight = rng.below(3) == 0;
    const std::string_view separator = kSeparators[rng.below(kSeparators.size())];
    std::string question(kOpenings[rng.below(kOpenings.size())]);
    std::string answer;
    uint64_t skeleton = 0;
    const uint64_t count = 3 + rng.below(4);
    for (uint64_t i = 0; i < count; ++i) {
      if (i > 0) question += separator;
      if (i > 0) answer += '\n';
      skeleton ^= split_ == Split::HeldOutFamily ? add_chain(rng, tight, &question, &answer)
                                                 : add_sum(rng, tight, &question, &answer);
    }
    Sample sample;
    sample.family = split_ == Split::HeldOutFamily ? "drill.chain" : "drill.sums";
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (int shift = 60; shift >= 0; shift -= 4) sample.skeleton += kDigits[skeleton >> shift & 15];
    sample.messages = {{"user", std::move(question)}, {"assistant", std::move(answer)}};
    return sample;
  }

 private:
  uint64_t add_sum(base::Rng& rng, bool tight, std::string* question, std::string* answer) const {
    for (;;) {
      const Sum sum = draw_sum(rng);
      const uint64_t hash = hash_of(sum_text(sum, true));
      if ((hash % 16 == 0) != (split_ == Split::HeldOutSkeleton)) continue;
      *question += sum_text(sum, tight);
      *answer += worked_equation(sum.op, sum.left, sum.right);
      return hash;
    }
  }

  static uint64_t add_chain(base::Rng& rng, bool tight, std::string* question,
                            std::string* answer) {
    const Sum first = draw_sum(rng);
    const auto middle = reason::apply(first.op, first.left, first.right);
    CHECK(middle.has_value());
    const Sum second{Op::Add, *middle, static_cast<int64_t>(rng.below(60) + 1)};
    const std::string blank = tight ? "" : " ";
    const std::string text = sum_text(first, tight) + blank + '+' + blank + second.right.text();
    *question += text;
    *answer += worked_equation(first.op, first.left, first.right) + ". " +
               worked_equation(second.op, second.left, second.right) + ".";
    return hash_of(text);
  }

  Split split_;
};

}  // namespace

std::unique_ptr<Generator> make_drill(Split split) { return std::make_unique<Drill>(split); }

}  // namespace lab::synth
