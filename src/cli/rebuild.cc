// charter rebuild: makes the index tables again from the history they index, and says where they
// differed.
#include <cstdio>

#include "cli/command.h"
#include "journal/ledger.h"
#include "json/json.h"

namespace cli {
namespace {

using base::Code;

base::Status run_rebuild(std::span<const std::string> arguments) {
  Options options("rebuild");
  const auto& data = options.text("--data", "");
  const auto& check = options.flag("--check");
  TRY_VOID(options.parse(arguments));
  if (data.empty())
    return base::fail(Code::InvalidArgument, "name the data folder with --data DIR", "--data");

  auto rebuilt = journal::rebuild_ledger(data + "/ledger.db", !check);
  if (!rebuilt && rebuilt.error().reason == "DATABASE_LOCKED")
    return base::wrap(rebuilt.error(),
                      "`charter serve` is running on this data folder; stop it first");
  TRY(const journal::RebuildReport report, std::move(rebuilt));
  if (options.json()) {
    json::Array differences;
    for (const std::string& line : report.differences) differences.emplace_back(line);
    std::puts(json::dump(json::Object{{"transfers", report.transfers},
                                      {"usage_rows", report.usage_rows},
                                      {"accounts", report.accounts},
                                      {"root", crypto::hex(report.root)},
                                      {"differences", std::move(differences)},
                                      {"written", !check}})
                  .c_str());
  } else {
    std::printf("%lld transfers, %lld charges, %lld accounts; root %s\n",
                static_cast<long long>(report.transfers), static_cast<long long>(report.usage_rows),
                static_cast<long long>(report.accounts), crypto::hex(report.root).c_str());
    for (const std::string& line : report.differences) std::printf("%s\n", line.c_str());
  }
  if (check && !report.differences.empty())
    return base::fail(Code::Corrupt,
                      "the index differs from the transfers in " +
                          std::to_string(report.differences.size()) +
                          " accounts; `charter rebuild` without --check mends it",
                      data, "LEDGER_INDEX_DIFFERS");
  std::fputs(report.differences.empty() ? "the index is what the transfers give\n"
                                        : "the index was made again\n",
             stderr);
  return {};
}

}  // namespace

extern const Command kRebuildCommand;
const Command kRebuildCommand = {"rebuild", "makes the ledger's index again from its transfers",
                                 "usage: charter rebuild --data DIR [--check] [--json]\n\n"
                                 "Checks the digest of every transfer, folds them all, and "
                                 "compares the balances with the index; then writes the index\n"
                                 "again. --check only compares, and fails when there is a "
                                 "difference. Stop `charter serve` first.\n",
                                 run_rebuild};

}  // namespace cli
