#include "base/time.h"

#include <charconv>
#include <chrono>
#include <cstdio>

namespace base {
namespace {

template <class T>
bool read_int(std::string_view text, T* out) {
  if (text.empty() || text[0] < '0' || text[0] > '9') return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *out);
  return error == std::errc() && end == text.data() + text.size();
}

std::unexpected<Error> bad_time(std::string_view text) {
  return fail(Code::Malformed, "not an RFC 3339 time such as 2026-11-21T19:34:12Z",
              std::string(text));
}

}  // namespace

Time system_now() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return {std::chrono::duration_cast<std::chrono::nanoseconds>(now).count()};
}

int64_t monotonic_ns() {
  const auto now = std::chrono::steady_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::nanoseconds>(now).count();
}

std::string rfc3339(Time time) {
  using namespace std::chrono;
  const auto point = sys_time<nanoseconds>(nanoseconds(time.ns));
  const auto day = floor<days>(point);
  const year_month_day date(day);
  const hh_mm_ss clock(floor<std::chrono::seconds>(point) - day);
  char out[40];
  std::snprintf(out, sizeof out, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
                static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
                static_cast<int>(clock.seconds().count()));
  return out;
}

Result<Time> parse_rfc3339(std::string_view text) {
  using namespace std::chrono;
  int y = 0;
  unsigned mo = 0, d = 0;
  int h = 0, mi = 0, s = 0;
  const bool shape = text.size() >= 20 && text[4] == '-' && text[7] == '-' &&
                     (text[10] == 'T' || text[10] == 't' || text[10] == ' ') && text[13] == ':' &&
                     text[16] == ':';
  if (!shape || !read_int(text.substr(0, 4), &y) || !read_int(text.substr(5, 2), &mo) ||
      !read_int(text.substr(8, 2), &d) || !read_int(text.substr(11, 2), &h) ||
      !read_int(text.substr(14, 2), &mi) || !read_int(text.substr(17, 2), &s))
    return bad_time(text);
  const year_month_day date{year(y), month(mo), day(d)};
  // 64-bit nanoseconds reach from 1678 to 2261.
  if (!date.ok() || y < 1678 || y > 2261 || h > 23 || mi > 59 || s > 59) return bad_time(text);
  std::string_view rest = text.substr(19);
  int64_t fraction = 0;
  if (rest[0] == '.') {
    size_t i = 1;
    for (int64_t unit = 100'000'000; i < rest.size() && rest[i] >= '0' && rest[i] <= '9';
         ++i, unit /= 10)
      fraction += unit * (rest[i] - '0');
    if (i == 1) return bad_time(text);
    rest.remove_prefix(i);
  }
  int64_t offset_minutes = 0;
  if (rest != "Z" && rest != "z") {
    int oh = 0, om = 0;
    if (rest.size() != 6 || (rest[0] != '+' && rest[0] != '-') || rest[3] != ':' ||
        !read_int(rest.substr(1, 2), &oh) || !read_int(rest.substr(4, 2), &om) || oh > 23 ||
        om > 59)
      return bad_time(text);
    offset_minutes = (oh * 60 + om) * (rest[0] == '-' ? -1 : 1);
  }
  const int64_t days_count = sys_days(date).time_since_epoch().count();
  const int64_t secs = ((days_count * 24 + h) * 60 + mi - offset_minutes) * 60 + s;
  return Time{secs * 1'000'000'000 + fraction};
}

Result<Duration> parse_duration(std::string_view text) {
  const auto bad = [&] {
    return fail(Code::Malformed, "not a duration such as 90s, 10m, 24h or 30d", std::string(text));
  };
  if (text.size() < 2) return bad();
  int64_t unit = 0;
  switch (text.back()) {
    case 's':
      unit = 1;
      break;
    case 'm':
      unit = 60;
      break;
    case 'h':
      unit = 3600;
      break;
    case 'd':
      unit = 86400;
      break;
    default:
      return bad();
  }
  int64_t count = 0;
  if (!read_int(text.substr(0, text.size() - 1), &count) || count > 36500) return bad();
  return seconds(count * unit);
}

}  // namespace base
