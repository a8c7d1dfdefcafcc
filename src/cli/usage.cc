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

base::Status add(journal::UsageTotals* totals, const journal::UsageTotals& more) {
  const auto sum = money::checked_add(totals->amount, more.amount);
  if (!sum) return base::fail(Code::TooLarge, "the sum does not fit; ask for fewer days", "usage");
  totals->amount = *sum;
  totals->requests += more.requests;
  totals->prompt_tokens += more.prompt_tokens;
  totals->completion_tokens += more.completion_tokens;
  return {};
}

base::Result<journal::BucketQuery> query_by(const std::string& by) {
  journal::BucketQuery query{.limit = 180};
  query.by_model = by == "model";
  query.by_key = by == "key";
  query.by_project = by == "project";
  query.by_user = by == "user";
  if (by == "day" || query.by_model || query.by_key || query.by_project || query.by_user)
    return query;
  return base::fail(Code::InvalidArgument, "--by is day, model, key, project or user", by);
}

std::string name_of(const journal::UsageBucket& bucket, const journal::UsageGroup& group) {
  for (const auto* name : {&group.model, &group.key_id, &group.project_id, &group.user_id})
    if (*name) return **name;
  return base::rfc3339(bucket.start).substr(0, 10);
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
  TRY(journal::BucketQuery query, query_by(by));

  const std::string path = data + "/ledger.db";
  const base::Time now = base::system_now();
  query.from = now + base::seconds(-days * 24 * 3600);
  if (query.from.ns < 0) query.from = {};
  Totals groups;
  journal::UsageTotals all;
  do {
    TRY(const journal::UsagePage page, journal::read_usage_buckets(path, query, now));
    for (const journal::UsageBucket& bucket : page.buckets)
      for (const journal::UsageGroup& group : bucket.groups) {
        TRY_VOID(add(&groups[name_of(bucket, group)], group.sums));
        TRY_VOID(add(&all, group.sums));
      }
    query.page = page.next_page;
  } while (!query.page.empty());
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
