#include "text/string_formats.h"

#include <map>
#include <string>

namespace text {
namespace {

std::map<std::string, std::string, std::less<>> make_patterns() {
  // Years 1000 to 2999, so that every reader's calendar has them; February 29 in leap years.
  const std::string years = "[12]\\d{3}";
  const std::string leap_years = "(?:[12]\\d(?:0[48]|[2468][048]|[13579][26])|(?:1[26]|2[048])00)";
  const std::string date =
      "(?:" + years +
      "-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)|"
      "02-(?:0[1-9]|1\\d|2[0-8]))|" +
      leap_years + "-02-29)";
  const std::string clock = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?";
  const std::string zone = "(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
  const std::string label = "[a-zA-Z0-9](?:[a-zA-Z0-9-]{0,20}[a-zA-Z0-9])?";
  const std::string host = label + "(?:\\." + label + "){0,4}";
  const std::string octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
  const std::string piece = "[0-9a-fA-F]{1,4}";
  const std::string hex = "[0-9a-fA-F]";
  const auto whole = [](const std::string& pattern) { return "^(?:" + pattern + ")$"; };
  std::string compressed = "::(?:" + piece + "(?::" + piece + "){0,5})?";
  for (int left = 1; left <= 6; ++left) {
    const std::string right = std::to_string(6 - left);
    compressed += "|" + piece + "(?::" + piece + "){" + std::to_string(left - 1) + "}::";
    if (left < 6) compressed += "(?:" + piece + "(?::" + piece + "){0," + right + "})?";
  }
  return {
      {"date", whole(date)},
      {"time", whole(clock + zone)},
      {"date-time", whole(date + "T" + clock + zone)},
      {"duration", whole("P(?:\\d{1,4}W|(?:\\d{1,4}Y(?:\\d{1,4}M(?:\\d{1,4}D)?)?|\\d{1,4}M(?:\\d{1,"
                         "4}D)?|\\d{1,4}D)|T(?:\\d{1,4}H(?:\\d{1,4}M(?:\\d{1,4}S)?)?|\\d{1,4}M(?:"
                         "\\d{1,4}S)?|\\d{1,4}S))")},
      {"email", whole("[a-zA-Z0-9_+-]{1,32}(?:\\.[a-zA-Z0-9_+-]{1,16}){0,2}@" + label + "(?:\\." +
                      label + "){1,3}")},
      {"hostname", whole(host)},
      {"ipv4", whole(octet + "(?:\\." + octet + "){3}")},
      {"ipv6", whole(piece + "(?::" + piece + "){7}|" + compressed)},
      {"uuid", whole(hex + "{8}-" + hex + "{4}-" + hex + "{4}-" + hex + "{4}-" + hex + "{12}")},
  };
}

}  // namespace

std::string_view format_pattern(std::string_view format) {
  static const auto patterns = make_patterns();
  const auto found = patterns.find(format);
  return found == patterns.end() ? std::string_view() : found->second;
}

}  // namespace text
