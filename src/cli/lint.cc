// `charter lint`: what is wrong with a charter, before anyone votes on it.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "govern/charter.h"
#include "govern/charter_diff.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter lint FILE [--against OLD]

Reads a charter as strictly as a house does, and says what is wrong with it: a threshold that nobody can reach, a power
that nobody holds, a stop that hangs on one body, an economic body in a rule, a consent or a veto, consents that go in a
circle, waits that outlast a proposal, a suspension that would lapse before the removal it prepares. Errors make a
charter unusable; notes are for people. With --against it also says, path by path, what FILE changes of OLD, whether
that only restricts, and which entrenched paths it touches.

  --against OLD   the charter that stands now

exit codes: 0 usable, 65 not a charter, 66 no such file, 69 a charter that can never work
)";

json::Value diff_to_json(const govern::CharterDiff& diff) {
  json::Array changes, entrenched;
  for (const govern::CharterChange& change : diff.changes)
    changes.emplace_back(json::Object{{"path", change.path},
                                      {"before", change.before},
                                      {"after", change.after},
                                      {"restricts", change.restricts}});
  for (const std::string& path : diff.entrenched) entrenched.emplace_back(path);
  return json::Object{{"restricts", diff.restricts()},
                      {"changes", std::move(changes)},
                      {"entrenched", std::move(entrenched)}};
}

void print_diff(const govern::CharterDiff& diff) {
  for (const govern::CharterChange& change : diff.changes)
    std::printf("%s %s: %s -> %s\n", change.restricts ? "restricts" : "expands  ",
                change.path.c_str(), change.before.c_str(), change.after.c_str());
  for (const std::string& path : diff.entrenched) std::printf("entrenched %s\n", path.c_str());
  std::printf("%s\n", diff.restricts() ? "it only restricts" : "it expands");
}

base::Status run(std::span<const std::string> arguments) {
  Options options("lint");
  const std::string& file = options.positional("FILE");
  const std::string& against = options.text("--against", "");
  TRY_VOID(options.parse(arguments));
  TRY(const std::string text, files::read_file(file, 4u << 20));
  TRY(const govern::Charter charter, govern::parse_charter(text));
  json::Array notes;
  for (const govern::LintFinding& finding : govern::lint_charter(charter)) {
    notes.emplace_back(finding.message);
    if (!options.json()) std::printf("note: %s\n", finding.message.c_str());
  }
  json::Object out = {{"charter", charter.id},
                      {"version", std::to_string(charter.version)},
                      {"sha256", crypto::hex(crypto::sha256(text))},
                      {"notes", std::move(notes)}};
  if (!against.empty()) {
    TRY(const std::string old_text, files::read_file(against, 4u << 20));
    TRY_VOID(govern::parse_charter(old_text));
    TRY(const govern::CharterDiff diff, govern::diff_charters(old_text, text));
    out.emplace_back("diff", diff_to_json(diff));
    if (!options.json()) print_diff(diff);
  }
  if (options.json()) print_json(std::move(out));
  return {};
}

}  // namespace

extern const Command kLintCommand;
const Command kLintCommand = {"lint", "what is wrong with a charter, and what it changes", kHelp,
                              run};

}  // namespace cli
