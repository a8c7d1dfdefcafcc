#include "cli/house_options.h"

#include <cstdio>
#include <cstdlib>

namespace cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string data_folder(const std::string& given) {
  if (!given.empty()) return given;
  if (const std::string set = environment("CHARTER_DATA"); !set.empty()) return set;
  if (const std::string xdg = environment("XDG_DATA_HOME"); xdg.starts_with('/'))
    return xdg + "/charter";
  const std::string home = environment("HOME");
  return (home.empty() ? "." : home) + "/.local/share/charter";
}

void print_json(const json::Value& value) { std::printf("%s\n", json::dump(value).c_str()); }

}  // namespace cli
