#include "lab/synth/schemas.h"

#include <algorithm>
#include <charconv>

#include "base/check.h"

namespace lab::synth {
namespace {

using base::Rng;
using reason::Rational;

int64_t between(Rng& rng, int64_t low, int64_t high) {
  return low + static_cast<int64_t>(rng.below(static_cast<uint64_t>(high - low + 1)));
}

// Mostly numbers that a person can do in the head, some of three digits.
int64_t amount(Rng& rng) {
  const uint64_t level = rng.below(100);
  if (level < 42) return between(rng, 2, 20);
  return level < 86 ? between(rng, 10, 99) : between(rng, 100, 999);
}

int64_t part_of(Rng& rng, int64_t whole) { return whole <= 2 ? 1 : between(rng, 1, whole - 1); }

// A factor of the table mostly, sometimes of two digits.
int64_t factor(Rng& rng) { return rng.below(4) == 0 ? between(rng, 11, 30) : between(rng, 2, 12); }

Rational& at(Numbers& n, char letter) { return n[static_cast<size_t>(letter - 'a')]; }
void set(Numbers& n, char letter, int64_t value) { at(n, letter) = Rational(value); }

void two_amounts(Rng& rng, Numbers& n) {
  set(n, 'a', amount(rng));
  set(n, 'b', amount(rng));
}
void three_amounts(Rng& rng, Numbers& n) {
  for (const char letter : {'a', 'b', 'c'})
    set(n, letter, rng.below(5) == 0 ? amount(rng) : between(rng, 2, 60));
}
void whole_and_part(Rng& rng, Numbers& n) {  // a > b
  const int64_t whole = amount(rng) + 1;
  set(n, 'a', whole);
  set(n, 'b', part_of(rng, whole));
}
void part_and_whole(Rng& rng, Numbers& n) {  // a < b
  whole_and_part(rng, n);
  std::swap(at(n, 'a'), at(n, 'b'));
}
void two_factors(Rng& rng, Numbers& n) {
  const int64_t first = factor(rng);
  set(n, 'a', first);
  set(n, 'b', first > 12 ? between(rng, 2, 12) : factor(rng));
}
void large_factors(Rng& rng, Numbers& n) {  // a few, b large: speeds, areas
  set(n, 'a', between(rng, 2, 9));
  set(n, 'b', rng.below(2) == 0 ? between(rng, 1, 12) * 10 : between(rng, 11, 95));
}
void quotient(Rng& rng, Numbers& n) {  // a = b * q
  const int64_t divisor = between(rng, 2, 12);
  const int64_t result = rng.below(4) == 0 ? between(rng, 13, 40) : between(rng, 2, 12);
  set(n, 'a', divisor * result);
  set(n, 'b', divisor);
}
void times(Rng& rng, Numbers& n) {
  set(n, 'a', rng.below(3) == 0 ? between(rng, 13, 60) : between(rng, 2, 12));
  set(n, 'b', between(rng, 2, 6));
}
void factors_and_more(Rng& rng, Numbers& n) {
  two_factors(rng, n);
  set(n, 'c', between(rng, 2, 40));
}
void factors_and_less(Rng& rng, Numbers& n) {  // c < a * b
  two_factors(rng, n);
  const auto product = static_cast<int64_t>(at(n, 'a').numerator() * at(n, 'b').numerator());
  set(n, 'c', between(rng, 1, std::min<int64_t>(product - 1, 60)));
}
void buy_and_pay(Rng& rng, Numbers& n) {  // a things at b, c paid
  set(n, 'a', between(rng, 2, 9));
  set(n, 'b', between(rng, 2, 12));
  const auto cost = static_cast<int64_t>(at(n, 'a').numerator() * at(n, 'b').numerator());
  set(n, 'c',
      rng.below(2) == 0 ? (cost / 10 + between(rng, 1, 5)) * 10 : cost + between(rng, 1, 60));
}
void rest_of_groups(Rng& rng, Numbers& n) {  // a = b * c + rest
  set(n, 'b', between(rng, 2, 12));
  set(n, 'c', between(rng, 2, 12));
  const auto product = static_cast<int64_t>(at(n, 'b').numerator() * at(n, 'c').numerator());
  set(n, 'a', product + between(rng, 1, static_cast<int64_t>(at(n, 'c').numerator()) + 6));
}
void two_purchases(Rng& rng, Numbers& n) {
  for (const char letter : {'a', 'c'}) set(n, letter, between(rng, 2, 9));
  for (const char letter : {'b', 'd'}) set(n, letter, between(rng, 2, 12));
}
void percent(Rng& rng, Numbers& n) {  // a percent of b is whole
  constexpr std::array<int64_t, 9> kPercents = {10, 20, 25, 30, 40, 50, 60, 75, 80};
  const int64_t share = kPercents[rng.below(kPercents.size())];
  const int64_t unit = share % 10 == 0 ? 10 : 4;
  set(n, 'a', share);
  set(n, 'b', unit * between(rng, 1, rng.below(3) == 0 ? 50 : 20));
}
void fraction_of(Rng& rng, Numbers& n) {  // b of a is whole
  const int64_t divisor = between(rng, 2, 8);
  auto share = Rational::make(1, divisor);
  CHECK(share.has_value());
  at(n, 'b') = *share;
  set(n, 'a', divisor * between(rng, 2, 15));
}
void ages(Rng& rng, Numbers& n) {
  set(n, 'a', between(rng, 4, 60));
  set(n, 'b', between(rng, 2, 20));
}
void age_ago(Rng& rng, Numbers& n) {
  const int64_t age = between(rng, 6, 70);
  set(n, 'a', age);
  set(n, 'b', between(rng, 2, std::min<int64_t>(age - 2, 20)));
}
void less_then_more(Rng& rng, Numbers& n) {
  whole_and_part(rng, n);
  set(n, 'c', between(rng, 2, 40));
}
void less_twice(Rng& rng, Numbers& n) {  // a > b + c
  set(n, 'b', between(rng, 2, 40));
  set(n, 'c', between(rng, 2, 40));
  const auto gone = static_cast<int64_t>(at(n, 'b').numerator() + at(n, 'c').numerator());
  set(n, 'a', gone + between(rng, 1, 60));
}
void mean_of_two(Rng& rng, Numbers& n) {
  const int64_t mean = between(rng, 4, 60);
  const int64_t away = between(rng, 1, mean - 2);
  const bool up = rng.below(2) == 0;
  set(n, 'a', up ? mean + away : mean - away);
  set(n, 'b', up ? mean - away : mean + away);
}
void mean_of_three(Rng& rng, Numbers& n) {
  const int64_t mean = between(rng, 6, 40);
  const int64_t first = between(rng, 1, mean / 2);
  const int64_t second = between(rng, 1, mean / 2);
  set(n, 'a', mean + first);
  set(n, 'b', mean - second);
  set(n, 'c', mean - first + second);
}
void hours(Rng& rng, Numbers& n) { set(n, 'a', between(rng, 2, 12)); }
void sides(Rng& rng, Numbers& n) {
  const int64_t width = between(rng, 2, 20);
  set(n, 'b', width);
  set(n, 'a', width + between(rng, 1, 12));
}
void share_then_less(Rng& rng, Numbers& n) {  // a / b - c
  const int64_t divisor = between(rng, 2, 9);
  const int64_t each = between(rng, 3, 12);
  set(n, 'a', divisor * each);
  set(n, 'b', divisor);
  set(n, 'c', between(rng, 1, each - 1));
}
void sum_of_two(Rng& rng, Numbers& n) { two_amounts(rng, n); }
void product_then_sum(Rng& rng, Numbers& n) {
  set(n, 'a', between(rng, 2, 60));
  set(n, 'b', between(rng, 2, 12));
  set(n, 'c', between(rng, 2, 12));
}
void twelfths(Rng& rng, Numbers& n) { set(n, 'a', between(rng, 2, 9)); }

constexpr std::array kSchemas = {
    Schema{"change.more", "a+b:count", two_amounts},
    Schema{"change.less", "a-b:count", whole_and_part},
    Schema{"change.start_less", "a+b:count", two_amounts},
    Schema{"change.start_more", "a-b:count", whole_and_part},
    Schema{"change.amount_less", "a-b:count", whole_and_part},
    Schema{"change.amount_more", "b-a:count", part_and_whole},
    Schema{"change.less_more", "a-b:count; t1+c:count", less_then_more},
    Schema{"change.less_less", "a-b:count; t1-c:count", less_twice, true},
    Schema{"combine.total", "a+b:count", two_amounts},
    Schema{"combine.three", "a+b:count; t1+c:count", three_amounts},
    Schema{"combine.part", "a-b:count", whole_and_part},
    Schema{"compare.more", "a+b:count", two_amounts},
    Schema{"compare.fewer", "a-b:count", whole_and_part},
    Schema{"compare.difference", "a-b:count", whole_and_part},
    Schema{"compare.more_total", "a+b:count; a+t1:count", two_amounts},
    Schema{"compare.fewer_total", "a-b:count; a+t1:count", whole_and_part, true},
    Schema{"compare.times", "a*b:count", times},
    Schema{"compare.times_total", "a*b:count; a+t1:count", times},
    Schema{"compare.equalise", "a-b:count", whole_and_part},
    Schema{"groups.total", "a*b:count", two_factors},
    Schema{"groups.share", "a/b:count", quotient},
    Schema{"groups.count", "a/b:count", quotient},
    Schema{"groups.more", "a*b:count; t1+c:count", factors_and_more},
    Schema{"groups.less", "a*b:count; t1-c:count", factors_and_less, true},
    Schema{"groups.rest", "b*c:count; a-t1:count", rest_of_groups},
    Schema{"groups.share_less", "a/b:count; t1-c:count", share_then_less},
    Schema{"groups.dozen", "a*#12:count", twelfths},
    Schema{"price.total", "a*b:money", two_factors},
    Schema{"price.unit", "b/a:money",
           [](Rng& rng, Numbers& n) {
             quotient(rng, n);
             std::swap(at(n, 'a'), at(n, 'b'));
           }},
    Schema{"price.change", "a-b:money", whole_and_part},
    Schema{"price.buy_change", "a*b:money; c-t1:money", buy_and_pay},
    Schema{"price.two", "a*b:money; c*d:money; t1+t2:money", two_purchases},
    Schema{"rate.distance", "a*b:length", large_factors},
    Schema{"rate.time", "a/b:time",
           [](Rng& rng, Numbers& n) {
             large_factors(rng, n);
             at(n, 'a') =
                 Rational(static_cast<int64_t>(at(n, 'a').numerator() * at(n, 'b').numerator()));
           }},
    Schema{"rate.work", "a*b:count", two_factors},
    Schema{"rate.days", "a/b:time", quotient},
    Schema{"percent.of", "b*a:count; t1/#100:count", percent},
    Schema{"percent.discount", "b*a:money; t1/#100:money; b-t2:money", percent},
    Schema{"fraction.of", "a*b:count", fraction_of},
    Schema{"fraction.left", "a*b:count; a-t1:count", fraction_of, true},
    Schema{"shape.perimeter", "a+b:length; t1*#2:length", sides},
    Schema{"shape.area", "a*b:length", sides},
    Schema{"shape.square", "a*#4:length", hours},
    Schema{"age.later", "a+b:time", ages},
    Schema{"age.ago", "a-b:time", age_ago},
    Schema{"age.older", "a+b:time", ages},
    Schema{"time.minutes", "a*#60:time", hours},
    Schema{"time.days", "a*#7:time", hours},
    Schema{"mean.two", "a+b:count; t1/#2:count", mean_of_two},
    Schema{"mean.three", "a+b:count; t1+c:count; t2/#3:count", mean_of_three},
    Schema{"expression.add", "a+b:number", sum_of_two},
    Schema{"expression.subtract", "a-b:number", whole_and_part},
    Schema{"expression.multiply", "a*b:number", two_factors},
    Schema{"expression.divide", "a/b:number", quotient},
    Schema{"expression.two", "b*c:number; a+t1:number", product_then_sum},
};

// One operand of a schema's program: a letter, a step, or a constant.
reason::Operand operand_of(std::string_view text, std::string_view order) {
  using Kind = reason::Operand::Kind;
  CHECK(!text.empty());
  if (text.size() == 2 && text[0] == 't') return {Kind::Step, text[1] - '1'};
  if (text[0] == '#') {
    int64_t value = 0;
    CHECK(std::from_chars(text.data() + 1, text.data() + text.size(), value).ec == std::errc{});
    const auto constant = reason::find_constant(value);
    CHECK(constant.has_value());
    return *constant;
  }
  CHECK(text.size() == 1);
  const size_t place = order.find(text[0]);
  CHECK(place != std::string_view::npos && place < static_cast<size_t>(reason::kNumbersMax));
  return {Kind::Number, static_cast<int>(place)};
}

}  // namespace

std::span<const Schema> schemas() { return kSchemas; }

const Schema* find_schema(std::string_view id) {
  const auto found = std::ranges::find(kSchemas, id, &Schema::id);
  return found == kSchemas.end() ? nullptr : &*found;
}

reason::Program bind_program(const Schema& schema, std::string_view order) {
  constexpr std::string_view kSigns = "+-*/";
  reason::Program program;
  std::string_view rest = schema.program;
  while (!rest.empty()) {
    const size_t end = std::min(rest.find(';'), rest.size());
    std::string_view step = rest.substr(0, end);
    rest.remove_prefix(std::min(end + 1, rest.size()));
    while (step.starts_with(' ')) step.remove_prefix(1);
    const size_t sign = step.find_first_of(kSigns);
    const size_t colon = step.find(':');
    CHECK(sign != std::string_view::npos && colon != std::string_view::npos && sign < colon);
    program.steps.push_back({static_cast<reason::Op>(kSigns.find(step[sign])),
                             operand_of(step.substr(0, sign), order),
                             operand_of(step.substr(sign + 1, colon - sign - 1), order),
                             std::string(step.substr(colon + 1))});
  }
  program.answer = {reason::Operand::Kind::Step, static_cast<int>(program.steps.size()) - 1};
  return program;
}

}  // namespace lab::synth
