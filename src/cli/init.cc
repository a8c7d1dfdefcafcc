// `charter init`: a data folder gets its charter, its keys and its log.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "journal/charter_house.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter init [--one-person NAME] [--data DIR]
       charter init --charter FILE --as NAME --key FILE [--policy FILE] [--data DIR]

Without --charter it makes a charter in which one person decides, with a fresh key for that person in
DIR/charter/keys. With --charter it takes the charter of FILE, which NAME signs with a key made by `charter keygen`;
charters/ has ready ones to start from. Either way the log begins with the signed charter, and DIR/charter/pin.json is
what others need to verify this house's releases.

  --one-person NAME   id of the one person, p.owner unless told
  --charter FILE      a charter.toml
  --as NAME           who signs it: a person with a seat in a body of class control
  --key FILE          that person's private key
  --policy FILE       the witness policy (C2SP tlog-policy) whose digest the charter pins
  --data DIR          $CHARTER_DATA, or $XDG_DATA_HOME/charter, or ~/.local/share/charter unless told

exit codes: 0 done, 64 wrong usage, 65 a charter that does not parse, 73 there is a house already
)";

base::Result<journal::InitOptions> options_of(const Options& given, const std::string& one_person,
                                              const std::string& charter, const std::string& as,
                                              const std::string& key, const std::string& policy) {
  journal::InitOptions options;
  if (charter.empty()) {
    if (given.given("--as") || given.given("--key"))
      return base::fail(base::Code::InvalidArgument,
                        "--as and --key go with --charter; see charter help init", "--charter");
    options.person = one_person;
    return options;
  }
  if (as.empty() || key.empty())
    return base::fail(base::Code::InvalidArgument,
                      "--charter needs --as NAME and --key FILE; see charter help init", "--as");
  options.person = as;
  TRY(options.charter_text, files::read_file(charter, 4u << 20));
  TRY(options.key, journal::read_signer_key(key));
  if (!policy.empty()) {
    TRY(options.witness_policy, files::read_file(policy, 1u << 20));
  }
  return options;
}

base::Status run(std::span<const std::string> arguments) {
  Options options("init");
  const std::string& one_person = options.text("--one-person", "p.owner");
  const std::string& charter = options.text("--charter", "");
  const std::string& as = options.text("--as", "");
  const std::string& key = options.text("--key", "");
  const std::string& policy = options.text("--policy", "");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  TRY(const auto init, options_of(options, one_person, charter, as, key, policy));
  TRY(const journal::House house, journal::init_house(folder, init, base::system_now()));
  for (const govern::LintFinding& finding : govern::lint_charter(house.charter()))
    std::fprintf(stderr, "note: %s\n", finding.message.c_str());
  if (options.json()) {
    print_json(json::Object{{"data", folder},
                            {"charter", house.charter().id},
                            {"charter_sha256", crypto::hex(house.pin().charter_sha256)},
                            {"origin", house.pin().origin},
                            {"log_vkey", govern::format_vkey(house.pin().log_key)},
                            {"one_person_decides", house.charter().one_person_decides()}});
    return {};
  }
  std::printf("%s: charter %s, log %s\n", folder.c_str(), house.charter().id.c_str(),
              house.pin().origin.c_str());
  return {};
}

}  // namespace

extern const Command kInitCommand;
const Command kInitCommand = {"init", "make a house: its charter, keys and log", kHelp, run};

}  // namespace cli
