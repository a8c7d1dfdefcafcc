// charter usage: what was used and what it cost, from the ledger of a data folder, also while its
// server runs.
#include <cstdio>
#include <map>

#include "base/time.h"
#include "cli/command.h"
#include "journal/ledger.h"
#include "json/json.h"

namespace cli {
namespace {

using base::Code;
using Totals = std::map<std::string, journal::UsageTotals>;

base::Status add(journal::UsageTotals* totals, const journal::UsageRow& row) {
  const auto sum = money::checked_add(totals->amount, row.amount);
  if (!sum) return base::fail(Code::TooLarge, "the sum does not fit; ask for fewer days", "usage");
  totals->amount = *sum;
  totals->requests += 1;
  totals->prompt_tokens += row.usage.prompt_tokens;
  totals->completion_tokens += row.usage.completion_tokens;
  return {};
}

base::Result<std::string> group_of(const journal::UsageRow& row, const std::string& by) {
  if (by == "day") return base::rfc3339(row.at).substr(0, 10);
  if (by == "model") return row.usage.model;
  if (by == "key") return row.usage.key_id;
  if (by == "project") return row.usage.project_id;
  if (by == "user") return row.usage.user_id;
  return base::fail(Code::InvalidArgument, "--by is day, model, key, project or user", by);
}

json::Object totals_json(const journal::UsageTotals& totals) {
  return {{"requests", totals.requests},
          {"prompt_tokens", totals.prompt_tokens},
          {"completion_tokens", totals.completion_tokens},
          {"amount_pico", totals.amount.decimal()},
          {"amount_usd", totals.amount.in_usd()}};
}

json::Value report_json(const Totals& groups, const journal::UsageTotals& all,
                        const std::vector<money::AccountBalances>& accounts) {
  json::Array group_list;
  for (const auto& [name, totals] : groups) {
    json::Object row{{"group", name}};
    for (auto& member : totals_json(totals)) row.push_back(std::move(member));
    group_list.emplace_back(std::move(row));
  }
  json::Array account_list;
  for (const auto& [name, b] : accounts)
    account_list.emplace_back(json::Object{{"account", name},
                                           {"debits_pending", b.debits_pending.decimal()},
                                           {"debits_posted", b.debits_posted.decimal()},
                                           {"credits_pending", b.credits_pending.decimal()},
                                           {"credits_posted", b.credits_posted.decimal()}});
  return json::Object{{"groups", std::move(group_list)},
                      {"total", totals_json(all)},
                      {"accounts", std::move(account_list)}};
}

void print_line(const std::string& name, const journal::UsageTotals& t) {
  std::printf("%-32s %10lld %14lld %14lld  $%s\n", name.c_str(), static_cast<long long>(t.requests),
              static_cast<long long>(t.prompt_tokens), static_cast<long long>(t.completion_tokens),
              t.amount.in_usd().c_str());
}

base::Status run_usage(std::span<const std::string> arguments) {
  Options options("usage");
  const auto& data = options.text("--data", "");
  const auto& by = options.text("--by", "day");
  const auto& days = options.integer("--days", 30, 1, 36'500);
  TRY_VOID(options.parse(arguments));
  if (data.empty())
    return base::fail(Code::InvalidArgument, "name the data folder with --data DIR", "--data");
  TRY_VOID(group_of({}, by));

  const std::string path = data + "/ledger.db";
  journal::UsageQuery query{.from = base::system_now() + base::seconds(-days * 24 * 3600),
                            .limit = 1000};
  Totals groups;
  journal::UsageTotals all;
  for (;;) {
    TRY(const auto page, journal::read_usage(path, query));
    if (page.empty()) break;
    for (const journal::UsageRow& row : page) {
      TRY(const std::string group, group_of(row, by));
      TRY_VOID(add(&groups[group], row));
      TRY_VOID(add(&all, row));
    }
    query.before_seq = page.back().seq;
  }
  TRY(const auto accounts, journal::read_balances(path));
  if (options.json()) {
    std::puts(json::dump(report_json(groups, all, accounts)).c_str());
    return {};
  }
  std::printf("%-32s %10s %14s %14s  %s\n", by.c_str(), "requests", "tokens read", "tokens written",
              "cost");
  for (const auto& [name, totals] : groups) print_line(name, totals);
  print_line("total", all);
  return {};
}

}  // namespace

extern const Command kUsageCommand;
const Command kUsageCommand = {
    "usage", "requests, tokens and cost from the ledger",
    "usage: charter usage --data DIR [--by day|model|key|project|user] [--days 30] [--json]\n\n"
    "Reads the ledger, also while `charter serve` runs. With --json, amounts are whole "
    "pico-dollars beside exact dollars,\n"
    "and the balances of all accounts follow.\n",
    run_usage};

}  // namespace cli
