// `charter verify`: is this model what was released? Offline: from the bundle, the files and a pin,
// and nothing else.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "journal/charter_house.h"
#include "journal/model_folder.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter verify PATH [--pin FILE] [--makers] [--data DIR]

PATH is a released model's folder, or a bundle.json alone. Verifies that the log whose key is pinned holds the charter,
the evidence, the gate's verdict, the proposal, every ballot, the tally and the certificate; counts the ballots again;
and, for a folder, hashes every file: one changed byte, one file more or one file less is named.

  --pin FILE   pin.json of the house that released it; DIR/charter/pin.json unless told
  --makers     the pin of Charter's makers, which is built into the program
  --data DIR   the data folder whose pin is taken

exit codes: 0 it is what was released, 65 it is not, 66 a file is not there
)";

base::Result<govern::CharterPin> pin_of(const std::string& file, bool makers,
                                        const std::string& data) {
  if (makers) return journal::makers_pin();
  if (file.empty()) return journal::House::read_pin(data_folder(data));
  TRY(const std::string text, files::read_file(file, 64u << 10));
  return govern::parse_pin(text);
}

// Whatever a bundle or a folder is refused for, for the shell it is data that is not right.
base::Status as_data_error(const base::Status& status) {
  if (status || status.error().code == base::Code::NotFound ||
      status.error().code == base::Code::Io)
    return status;
  base::Error error = status.error();
  error.code = base::Code::Corrupt;
  return std::unexpected(std::move(error));
}

base::Result<govern::VerifiedRelease> verify(const std::string& path,
                                             const govern::CharterPin& pin) {
  const bool is_folder = files::is_directory(path);
  const std::string bundle_path = is_folder ? files::join(path, govern::kBundleFile) : path;
  TRY(const std::string text, files::read_file(bundle_path, govern::kBundleBytesMax));
  auto bundle = govern::parse_bundle_file(text);
  if (!bundle) return base::wrap(bundle.error(), "the bundle cannot be read", bundle_path);
  auto release = govern::verify_release(*bundle, pin, base::system_now());
  if (!release) return base::wrap(release.error(), "the release does not verify", bundle_path);
  if (!is_folder) return release;
  TRY(const auto found, journal::hash_model_files(path));
  TRY_VOID(govern::check_files(release->manifest, found));
  return release;
}

json::Value to_json(const std::string& path, const govern::VerifiedRelease& r) {
  json::Array persons;
  for (const std::string& person : r.persons_for) persons.emplace_back(person);
  return json::Object{{"verified", true},
                      {"path", path},
                      {"model", r.model},
                      {"channel", r.channel},
                      {"epoch", static_cast<int64_t>(r.epoch)},
                      {"manifest_digest", crypto::hex(r.manifest_digest)},
                      {"charter", r.charter_id},
                      {"charter_version", static_cast<int64_t>(r.charter_version)},
                      {"charter_sha256", crypto::hex(r.charter_sha256)},
                      {"proposal", crypto::hex(r.proposal)},
                      {"leaf", static_cast<int64_t>(r.leaf)},
                      {"log_size", static_cast<int64_t>(r.log_size)},
                      {"persons", std::move(persons)},
                      {"one_person_decides", r.one_person_decides},
                      {"results", govern::outcome_to_json(r.outcome)},
                      {"evidence", govern::evidence_to_json(r.evidence)},
                      {"not_before", base::rfc3339(r.not_before)},
                      {"not_after", base::rfc3339(r.not_after)},
                      {"files", static_cast<int64_t>(r.manifest.files.size())}};
}

void print_release(const std::string& path, const govern::VerifiedRelease& r) {
  std::printf("%s: verified\n", path.c_str());
  std::printf("  model     %s, %zu files, manifest %s\n", r.model.c_str(), r.manifest.files.size(),
              crypto::hex(r.manifest_digest).c_str());
  std::printf("  channel   %s, epoch %lu\n", r.channel.c_str(),
              static_cast<unsigned long>(r.epoch));
  std::printf("  charter   %s, version %lu%s\n", r.charter_id.c_str(),
              static_cast<unsigned long>(r.charter_version),
              r.one_person_decides ? " (one person decides)" : "");
  std::printf("  votes     %s\n", govern::describe(r.outcome).c_str());
  for (const govern::LoggedEvidence& logged : r.evidence) {
    const govern::Evidence& e = logged.evidence;
    std::printf("  evidence  %s@%s: %lu of %lu passed\n", e.suite.c_str(), e.suite_version.c_str(),
                static_cast<unsigned long>(e.passed),
                static_cast<unsigned long>(e.size * e.epochs));
  }
  std::printf("  log       entry %lu of %lu\n", static_cast<unsigned long>(r.leaf),
              static_cast<unsigned long>(r.log_size));
  std::printf("  valid     %s to %s\n", base::rfc3339(r.not_before).c_str(),
              base::rfc3339(r.not_after).c_str());
}

base::Status run(std::span<const std::string> arguments) {
  Options options("verify");
  const std::string& path = options.positional("PATH");
  const std::string& pin_file = options.text("--pin", "");
  const bool& makers = options.flag("--makers");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const govern::CharterPin pin, pin_of(pin_file, makers, data));
  const auto release = verify(path, pin);
  if (!release) {
    if (options.json()) {
      print_json(json::Object{{"verified", false},
                              {"path", path},
                              {"reason", release.error().reason},
                              {"message", release.error().text()}});
    }
    return as_data_error(std::unexpected(release.error()));
  }
  if (options.json())
    print_json(to_json(path, *release));
  else
    print_release(path, *release);
  return {};
}

}  // namespace

extern const Command kVerifyCommand;
const Command kVerifyCommand = {"verify", "verify a released model offline", kHelp, run};

}  // namespace cli
