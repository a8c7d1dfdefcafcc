#include "text/number_grammar.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace text {
namespace {

using State = GrammarBuilder::State;

constexpr size_t kIntegerDigitsMax = 18;
constexpr size_t kSignificantDigitsMax = 15;
constexpr size_t kUnboundedMultipleDigitsMax = 9;
constexpr int64_t kMultipleMax = 1000;
constexpr size_t kNumberStatesMax = 30'000;

std::unexpected<base::Error> refuse(std::string message) {
  return base::fail(base::Code::InvalidArgument, std::move(message), {}, "INVALID_NUMBER");
}

// A decimal number without exponent; digits without leading or trailing zeros beyond the one that
// "0" has.
struct Decimal {
  bool negative = false;
  std::string whole = "0", fraction = {};
  bool zero() const { return whole == "0" && fraction.empty(); }
};

base::Result<Decimal> decimal_of(const json::Value& number) {
  const std::string text = json::dump(number);
  Decimal out;
  size_t at = 0;
  if (text[0] == '-') out.negative = ++at > 0;
  const size_t mantissa_end = std::min(text.find_first_of("eE"), text.size());
  const std::string mantissa = text.substr(at, mantissa_end - at);
  const int exponent = mantissa_end < text.size() ? std::stoi(text.substr(mantissa_end + 1)) : 0;
  const size_t point = std::min(mantissa.find('.'), mantissa.size());
  std::string digits = mantissa.substr(0, point);
  if (point < mantissa.size()) digits += mantissa.substr(point + 1);
  const int whole_digits = static_cast<int>(point) + exponent;
  if (whole_digits > 400 || whole_digits < -40) return refuse("is too large or too small a number");
  if (whole_digits <= 0) digits.insert(0, static_cast<size_t>(1 - whole_digits), '0');
  const auto split = static_cast<size_t>(std::max(whole_digits, 1));
  if (digits.size() < split) digits.append(split - digits.size(), '0');
  out.whole = digits.substr(0, split);
  out.fraction = digits.substr(split);
  out.whole.erase(0, std::min(out.whole.find_first_not_of('0'), out.whole.size() - 1));
  out.fraction.erase(out.fraction.find_last_not_of('0') + 1);
  if (out.zero()) out.negative = false;
  return out;
}

// A bound on a number without its sign.
struct Side {
  Decimal value = {};
  bool open = false;
};

struct Range {
  Side least = {};
  std::optional<Side> most = {};
};

// What the number is a multiple of: modulus * 10^-places.
struct Multiple {
  int64_t modulus = 1;
  size_t places = 0;
  bool given = false;
};

base::Result<Multiple> multiple_of(const json::Value& value) {
  if (value.is_null()) return Multiple{};
  TRY(const Decimal decimal, decimal_of(value));
  if (decimal.negative || decimal.zero()) return refuse("'multipleOf' must be greater than 0");
  const std::string digits = decimal.whole + decimal.fraction;
  if (digits.size() > 9 || decimal.fraction.size() > 6 || std::stoll(digits) > kMultipleMax)
    return refuse("'multipleOf' can be kept to up to 1000 units of its last decimal place");
  return Multiple{std::stoll(digits), decimal.fraction.size(), true};
}

class NumberDrawer {
 public:
  NumberDrawer(GrammarBuilder* builder, bool integer, Multiple multiple, const Range& range,
               State to)
      : b_(*builder),
        integer_(integer),
        multiple_(multiple),
        range_(range),
        to_(to),
        states_max_(builder->states() + kNumberStatesMax) {}

  base::Status draw(State from) {
    const size_t least = range_.least.value.whole.size();
    const size_t digits_max = integer_ ? kIntegerDigitsMax : kSignificantDigitsMax;
    size_t most = multiple_.given ? std::max(least + 1, kUnboundedMultipleDigitsMax) : digits_max;
    if (range_.most) most = std::min(digits_max, range_.most->value.whole.size());
    most = std::min(most, digits_max);
    if (least > digits_max) return refuse("the bounds are too large to be kept to");
    for (size_t length = least; length <= most; ++length) {
      length_ = length;
      known_.clear();
      const bool low = length == least;
      const bool high = range_.most && length == range_.most->value.whole.size();
      TRY_VOID(whole_digit(from, {0, low, high, 0}));
    }
    return {};
  }

 private:
  struct Place {
    size_t digits;   // written so far, of the whole part and then of the fraction
    bool low, high;  // equal so far to the lower, to the upper bound
    int64_t rest;    // of what is written, by the modulus
    auto operator<=>(const Place&) const = default;
  };

  static int digit_at(const std::string& digits, size_t index) {
    return index < digits.size() ? digits[index] - '0' : 0;
  }

  // The digits that may come at this place, by the place to which they lead.
  template <class Allowed>
  std::map<Place, ByteSet> follow(const Place& place, int low_digit, int high_digit,
                                  Allowed&& allowed) const {
    std::map<Place, ByteSet> out;
    for (int digit = 0; digit <= 9; ++digit) {
      if ((place.low && digit < low_digit) || (place.high && digit > high_digit)) continue;
      if (!allowed(digit)) continue;
      const Place next{place.digits + 1, place.low && digit == low_digit,
                       place.high && digit == high_digit,
                       (place.rest * 10 + digit) % multiple_.modulus};
      out[next].set(static_cast<size_t>('0' + digit));
    }
    return out;
  }

  struct Entered {
    State state;
    bool fresh;  // nothing leads on from it yet
  };
  base::Result<Entered> enter(const Place& place) {
    if (b_.states() > states_max_)
      return refuse("the bounds and 'multipleOf' together are too large to be kept to");
    const auto [at, fresh] = known_.emplace(place, 0);
    if (fresh) at->second = b_.state();
    return Entered{at->second, fresh};
  }

  base::Status whole_digit(State from, const Place& place) {
    const auto next =
        follow(place, digit_at(range_.least.value.whole, place.digits),
               range_.most ? digit_at(range_.most->value.whole, place.digits) : 9,
               [&](int digit) { return digit > 0 || place.digits > 0 || length_ == 1; });
    for (const auto& [to, set] : next) {
      TRY(const Entered entered, enter(to));
      b_.bytes(from, set, entered.state);
      if (!entered.fresh) continue;
      TRY_VOID(to.digits < length_ ? whole_digit(entered.state, to)
                                   : end_or_fraction(entered.state, to));
    }
    return {};
  }

  size_t places_max() const {
    if (integer_) return 0;
    if (multiple_.given) return multiple_.places;
    return kSignificantDigitsMax - length_;
  }

  base::Status end_or_fraction(State at, const Place& place) {
    const size_t places = place.digits - length_;
    if (ends(place, places)) b_.empty(at, to_);
    if (places >= places_max()) return {};
    if (places == 0) at = b_.literal(at, ".");
    const auto next = follow(place, digit_at(range_.least.value.fraction, places),
                             range_.most ? digit_at(range_.most->value.fraction, places) : 9,
                             [](int) { return true; });
    for (const auto& [to, set] : next) {
      TRY(const Entered entered, enter(to));
      b_.bytes(at, set, entered.state);
      if (entered.fresh) TRY_VOID(end_or_fraction(entered.state, to));
    }
    return {};
  }

  // Whether the number may end here: what is left of a bound that it equals so far decides.
  bool ends(const Place& place, size_t places) const {
    int64_t rest = place.rest;
    for (size_t i = places; i < multiple_.places; ++i) rest = rest * 10 % multiple_.modulus;
    if (multiple_.given && rest != 0) return false;
    if (place.low) {
      const bool equal = places >= range_.least.value.fraction.size();
      if (!equal || range_.least.open) return false;
    }
    if (place.high) {
      const bool equal = places >= range_.most->value.fraction.size();
      if (equal && range_.most->open) return false;
    }
    return true;
  }

  GrammarBuilder& b_;
  const bool integer_;
  const Multiple multiple_;
  const Range range_;
  const State to_;
  const size_t states_max_;
  size_t length_ = 0;  // of the whole part
  std::map<Place, State> known_;
};

State draw_digits(GrammarBuilder* b, State from, size_t least, size_t most) {
  const ByteSet digit = byte_range('0', '9');
  for (size_t i = 0; i < least; ++i) from = b->bytes(from, digit);
  const State to = b->state();
  b->empty(from, to);
  for (size_t i = least; i < most; ++i) {
    from = b->bytes(from, digit);
    b->empty(from, to);
  }
  return to;
}

void draw_plain(GrammarBuilder* b, State from, bool integer, State to) {
  const size_t digits = integer ? kIntegerDigitsMax : kSignificantDigitsMax;
  const State whole = b->state();
  const State sign = b->literal(from, "-");
  for (const State at : {from, sign})
    b->empty(draw_digits(b, b->bytes(at, byte_range('1', '9')), 0, digits - 1), whole);
  b->bytes(from, bytes_of("0"), whole);
  b->empty(whole, to);
  if (integer) return;
  const State point = b->bytes(whole, bytes_of("."));
  b->bytes(b->literal(sign, "0"), bytes_of("."), point);
  const State fraction = draw_digits(b, point, 1, digits);
  b->empty(fraction, to);
  const State mark = b->state();
  for (const State at : {whole, fraction}) b->bytes(at, bytes_of("eE"), mark);
  const State exponent = b->bytes(mark, bytes_of("+-"));
  b->empty(mark, exponent);
  b->empty(draw_digits(b, exponent, 1, 2), to);
}

}  // namespace

base::Status draw_number(GrammarBuilder* b, State from, const NumberForm& form, State to) {
  if (form.plain()) {
    draw_plain(b, from, form.integer, to);
    return {};
  }
  TRY(const Multiple multiple, multiple_of(form.multiple_of));
  std::optional<Side> least, most;
  for (const auto& [bound, side] : {std::pair{&form.least, &least}, {&form.most, &most}}) {
    if (!*bound) continue;
    TRY(Decimal value, decimal_of((*bound)->value));
    *side = Side{std::move(value), (*bound)->open};
  }
  const bool may_be_positive = !most || !most->value.negative;
  if (may_be_positive) {
    Range range{.most = most};
    if (least && !least->value.negative) range.least = *least;
    TRY_VOID(NumberDrawer(b, form.integer, multiple, range, to).draw(from));
  }
  if (!least || least->value.negative) {
    Range range{.least = {.open = true}};  // there is no -0
    if (most && most->value.negative) range.least = *most;
    if (least) range.most = *least;
    TRY_VOID(NumberDrawer(b, form.integer, multiple, range, to).draw(b->literal(from, "-")));
  }
  return {};
}

}  // namespace text
