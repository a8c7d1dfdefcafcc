// `charter log`: what a house has decided, entry by entry, and whether the log still holds it.
#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "cli/log_public.h"
#include "cli/operate.h"
#include "govern/checkpoint.h"
#include "journal/charter_house.h"

namespace cli {
namespace {

constexpr std::string_view kHelp =
    R"(usage: charter log checkpoint [--data DIR]
       charter log verify [--data DIR]
       charter log show [INDEX] [--data DIR]
       charter log witness [--policy FILE] [--data DIR]
       charter log prove INDEX [--entry FILE] [--data DIR]
       charter log check PROOF --entry FILE --policy FILE
       charter log export DIR [--data DIR]

checkpoint prints the signed size and root. verify reads every entry, tile and statement again, checks every signature
and replays every decision from the first entry: the state is recomputed, never read. show lists the entries, or prints
one with its statement. witness asks the witnesses of the policy (the charter's; when it pins none,
DATA/charter/policy.txt, a C2SP tlog-policy) to cosign the checkpoint, keeps what they sign beside it, and logs the
times that they name when the charter's waits are measured by them. prove prints a proof (C2SP tlog-proof) that entry
INDEX is in the log, and writes the entry's own bytes to FILE; check verifies one offline: the log's signature, the
entry's place, the quorum of witnesses. export writes checkpoint and tile/ (C2SP tlog-tiles) for any static web server.

exit codes: 0 in order, 65 the log or a proof does not hold what is signed (INCONSISTENT: a witness has cosigned another
history), 66 there is no house or no such entry, 69 too few witnesses have cosigned
)";

using journal::House;

base::Status checkpoint(const std::string& data, bool as_json) {
  TRY(const House house, House::open_to_read(data));
  const govern::Checkpoint& c = house.log().checkpoint();
  if (as_json) {
    print_json(json::Object{{"origin", c.origin},
                            {"size", static_cast<int64_t>(c.size)},
                            {"root", crypto::hex(c.root)},
                            {"note", house.log().checkpoint_note()}});
  } else {
    std::fputs(house.log().checkpoint_note().c_str(), stdout);
  }
  return {};
}

base::Status verify(const std::string& data, bool as_json) {
  TRY(const House house, House::open_to_read(data));
  TRY_VOID(house.log().verify_files());
  const std::string hash = crypto::hex(govern::state_hash(house.state()));
  if (as_json) {
    print_json(json::Object{{"verified", true},
                            {"origin", house.pin().origin},
                            {"size", static_cast<int64_t>(house.log().size())},
                            {"state_sha256", hash},
                            {"state", govern::state_to_json(house.state())}});
  } else {
    std::printf("%s: %lu entries in order; state %s\n", house.pin().origin.c_str(),
                static_cast<unsigned long>(house.log().size()), hash.c_str());
  }
  return {};
}

json::Value entry_to_json(const govern::Leaf& leaf) {
  return json::Object{{"index", static_cast<int64_t>(leaf.seq)},
                      {"type", govern::kind_name(leaf.kind)},
                      {"time", base::rfc3339(leaf.time)},
                      {"subject", crypto::hex(leaf.subject)},
                      {"sha256", crypto::hex(leaf.envelope)}};
}

base::Status show_all(const House& house, bool as_json) {
  for (uint64_t i = 0; i < house.log().size(); ++i) {
    const govern::Leaf& leaf = house.log().leaf(i);
    if (as_json) {
      print_json(entry_to_json(leaf));
    } else {
      std::printf(
          "%6lu  %s  %-11s  %s\n", static_cast<unsigned long>(i), base::rfc3339(leaf.time).c_str(),
          std::string(govern::kind_name(leaf.kind)).c_str(), crypto::hex(leaf.subject).c_str());
    }
  }
  return {};
}

base::Status show_one(const House& house, const std::string& text) {
  const auto index = govern::parse_decimal(text);
  if (!index || *index >= house.log().size())
    return base::fail(
        base::Code::NotFound,
        "the log has " + std::to_string(house.log().size()) + " entries, counted from 0", text);
  TRY(const auto statement, house.log().statement(*index));
  TRY(json::Value payload, json::parse(statement.envelope.payload));
  json::Value entry = entry_to_json(statement.leaf);
  entry.set("payload_type", statement.envelope.payload_type);
  entry.set("payload", std::move(payload));
  std::printf("%s\n", json::dump_pretty(entry).c_str());
  return {};
}

base::Status run(std::span<const std::string> arguments) {
  for (const Action& others : {Action{"witness", log_witness}, Action{"prove", log_prove},
                               Action{"check", log_check}, Action{"export", log_export}}) {
    if (!arguments.empty() && arguments[0] == others.name) return others.run(arguments.subspan(1));
  }
  Options options("log");
  const std::string& action = options.positional("ACTION");
  const std::string& index = options.optional_positional("INDEX");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  if (action == "checkpoint") return checkpoint(folder, options.json());
  if (action == "verify") return verify(folder, options.json());
  if (action != "show")
    return base::fail(base::Code::InvalidArgument,
                      "log knows checkpoint, verify, show, witness, prove, check and export; see "
                      "charter help log",
                      action);
  TRY(const House house, House::open_to_read(folder));
  return index.empty() ? show_all(house, options.json()) : show_one(house, index);
}

}  // namespace

extern const Command kLogCommand;
const Command kLogCommand = {"log", "look at the log of decisions and verify it", kHelp, run};

}  // namespace cli
