// Usage read back from ledger.db: single rows, totals, and sums by bucket and group.
#include <algorithm>
#include <tuple>

#include "journal/ledger_state.h"

namespace journal {
namespace {

using base::Code;

constexpr int64_t kUsageRowsMax = 1000;
constexpr std::string_view kPagePrefix = "page_";
constexpr std::string_view kKindNames[] = {"completions",   "embeddings",        "moderations",
                                           "vector_stores", "file_search_calls", "fine_tuning"};

// One text for every filter: an empty value lets everything pass.
constexpr std::string_view kUsageWhere =
    "WHERE e.kind IN (1, 3, 4) AND (?1 = '' OR d.org = ?1) AND (?2 = '' OR d.project = ?2) AND "
    "(?3 = '' OR d.user = ?3) AND (?4 = '' OR d.key = ?4) AND (?5 = '' OR d.model = ?5) AND "
    "e.seq >= ?6 AND e.seq < ?7 ORDER BY e.seq DESC LIMIT ?8";

// The first entry that is not before `at`. Entries are in the order of their times.
base::Result<int64_t> seq_from(db::Database& database, base::Time at) {
  int64_t low = 0;
  {
    TRY(db::Statement last, database.query("SELECT coalesce(max(seq), 0) FROM entries"));
    TRY([[maybe_unused]] const bool there, last.step());
    low = last.integer(0) + 1;
  }
  if (at.ns == INT64_MAX) return low;
  int64_t high = low;
  for (low = 0; low < high;) {
    const int64_t middle = low + (high - low) / 2;
    TRY(db::Statement row,
        database.query("SELECT at FROM entries WHERE seq >= ? ORDER BY seq LIMIT 1", middle));
    TRY(const bool there, row.step());
    if (there && row.integer(0) < at.ns)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

base::Result<db::Statement> select_usage(db::Database& database, const UsageQuery& query,
                                         int64_t limit) {
  TRY(const int64_t from, seq_from(database, query.from));
  TRY(const int64_t to, seq_from(database, query.to));
  return database.query(
      "SELECT " + std::string(kEntryColumns) + std::string(kEntryTables) + std::string(kUsageWhere),
      query.org_id, query.project_id, query.user_id, query.key_id, query.model, from,
      std::min(to, query.before_seq), limit);
}

UsageMark mark_of(EntryKind kind) {
  if (kind == EntryKind::Correction) return UsageMark::Correction;
  return kind == EntryKind::Refund ? UsageMark::Refund : UsageMark::Charge;
}

base::Result<std::vector<UsageRow>> select_rows(db::Database& database, const UsageQuery& query) {
  TRY(db::Statement s,
      select_usage(database, query, std::clamp<int64_t>(query.limit, 0, kUsageRowsMax)));
  std::vector<UsageRow> rows;
  for (;;) {
    TRY(const bool more, s.step());
    if (!more) return rows;
    TRY(Entry entry, read_entry(s));
    const Amount amount = parts_of(entry).customer;
    rows.push_back({.seq = entry.seq,
                    .request_id = std::move(entry.name),
                    .usage = std::move(entry.usage),
                    .price = entry.price,
                    .amount = amount,
                    .at = entry.at,
                    .mark = mark_of(entry.kind),
                    .given_back = entry.given_back,
                    .reason = std::move(entry.reason)});
  }
}

// What tells a group from another, and the group's names.
using GroupKey = std::tuple<std::string, std::string, std::string, std::string, int64_t, int64_t>;
using Groups = std::map<GroupKey, Sums>;

struct Wanted {
  std::map<int64_t, GroupKey> dimensions;  // by id: those that pass the filters
  const BucketQuery& query;
};

bool passes(const std::vector<std::string>& list, const std::string& value) {
  return list.empty() || std::ranges::find(list, value) != list.end();
}

base::Result<Wanted> wanted_dimensions(db::Database& database, const BucketQuery& query) {
  Wanted wanted{{}, query};
  TRY(db::Statement rows,
      database.query("SELECT id, project, user, key, model, batch, kind FROM dimensions WHERE (?1 "
                     "= '' OR org = ?1) AND (?2 = 0 OR kind = ?2)",
                     query.org_id, query.kind ? static_cast<int64_t>(*query.kind) : int64_t{0}));
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return wanted;
    GroupKey key{rows.text(1), rows.text(2),    rows.text(3),
                 rows.text(4), rows.integer(5), rows.integer(6)};
    auto& [project, user, api_key, model, batch, kind] = key;
    if (!passes(query.project_ids, project) || !passes(query.user_ids, user) ||
        !passes(query.key_ids, api_key) || !passes(query.models, model) ||
        (query.batch && *query.batch != (batch != 0)))
      continue;
    if (!query.by_project) project.clear();
    if (!query.by_user) user.clear();
    if (!query.by_key) api_key.clear();
    if (!query.by_model) model.clear();
    if (!query.by_batch) batch = 0;
    if (!query.by_kind) kind = 0;
    wanted.dimensions.emplace(rows.integer(0), std::move(key));
  }
}

UsageGroup group_of(const BucketQuery& query, const GroupKey& key, const Sums& sums) {
  const auto& [project, user, api_key, model, batch, kind] = key;
  UsageGroup group;
  if (query.by_project) group.project_id = project;
  if (query.by_user) group.user_id = user;
  if (query.by_key) group.key_id = api_key;
  if (query.by_model) group.model = model;
  if (query.by_batch) group.batch = batch != 0;
  if (query.by_kind) group.kind = static_cast<UsageKind>(kind);
  group.sums = totals_of(sums);
  return group;
}

struct Range {
  base::Time from, to;
  int64_t width_ns = 0;
  int64_t buckets = 0;
  base::Time next = {};  // where the next page begins; zero: there is none
};

int64_t default_buckets(BucketWidth width) {
  switch (width) {
    case BucketWidth::Minute:
      return 60;
    case BucketWidth::Hour:
      return 24;
    case BucketWidth::Day:
      break;
  }
  return 7;
}

int64_t buckets_max(BucketWidth width) {
  switch (width) {
    case BucketWidth::Minute:
      return 1440;
    case BucketWidth::Hour:
      return 168;
    case BucketWidth::Day:
      break;
  }
  return 180;
}

base::Result<base::Time> page_start(const std::string& page) {
  int64_t seconds = 0;
  const bool prefixed = page.starts_with(kPagePrefix);
  const std::string digits = prefixed ? page.substr(kPagePrefix.size()) : "";
  const bool good = !digits.empty() && digits.size() <= 10 &&
                    std::ranges::all_of(digits, [](char c) { return c >= '0' && c <= '9'; });
  if (!good)
    return base::fail(Code::InvalidArgument, "this is no page of usage; pass next_page as it came",
                      "page", "invalid_page");
  for (const char digit : digits) seconds = seconds * 10 + (digit - '0');
  return base::Time{} + base::seconds(seconds);
}

base::Result<Range> range_of(const BucketQuery& query, base::Time now) {
  Range range;
  range.width_ns = bucket_duration(query.width).ns;
  base::Time from = query.from;
  if (!query.page.empty()) {
    TRY(const base::Time start, page_start(query.page));
    from = std::max(from, start);
  }
  if (from.ns < 0)
    return base::fail(Code::InvalidArgument, "usage begins in 1970 at the earliest", "start_time",
                      "invalid_value");
  range.from = {from.ns - from.ns % range.width_ns};
  const base::Time end = std::min(query.to, base::Time{now.ns + 1});
  const int64_t wanted = query.limit > 0 ? std::min(query.limit, buckets_max(query.width))
                                         : default_buckets(query.width);
  const int64_t there =
      end <= range.from ? 0 : ((end - range.from).ns + range.width_ns - 1) / range.width_ns;
  range.buckets = std::min(wanted, there);
  range.to = {range.from.ns + range.buckets * range.width_ns};
  if (there > wanted) range.next = range.to;
  return range;
}

// Adds rows of (time, dimensions, sums) to the buckets they are in.
template <class Read>
base::Status add_rows(db::Statement rows, const Wanted& wanted, const Range& range,
                      std::vector<Groups>* buckets, Read read) {
  for (;;) {
    TRY(const bool more, rows.step());
    if (!more) return {};
    const auto group = wanted.dimensions.find(rows.integer(1));
    if (group == wanted.dimensions.end()) continue;
    const int64_t index = (rows.integer(0) - range.from.ns) / range.width_ns;
    TRY(const Sums sums, read(rows));
    (*buckets)[static_cast<size_t>(index)][group->second].add(sums);
  }
}

base::Status add_hours(db::Database& database, const Wanted& wanted, const Range& range,
                       std::vector<Groups>* buckets) {
  TRY(db::Statement rows,
      database.query("SELECT start, dimensions, requests, prompt_tokens, completion_tokens, "
                     "cached_tokens, reasoning_tokens, units, amount FROM hours WHERE start >= ? "
                     "AND start < ?",
                     range.from.ns, range.to.ns));
  return add_rows(std::move(rows), wanted, range, buckets,
                  [](const db::Statement& row) { return read_sums(row, 2); });
}

// Minutes are not kept: they are summed from the entries.
base::Status add_minutes(db::Database& database, const Wanted& wanted, const Range& range,
                         std::vector<Groups>* buckets) {
  const std::string columns = ", e.dimensions, " + std::string(kEntryColumns);
  const auto read = [](const db::Statement& row) -> base::Result<Sums> {
    TRY(const Entry entry, read_entry(row, 2));
    return sums_of(entry);
  };
  TRY(const int64_t first, seq_from(database, range.from));
  TRY(const int64_t last, seq_from(database, range.to));
  TRY(db::Statement charges, database.query("SELECT e.at" + columns + std::string(kEntryTables) +
                                                "WHERE e.kind = 1 AND e.seq >= ? AND e.seq < ?",
                                            first, last));
  TRY_VOID(add_rows(std::move(charges), wanted, range, buckets, read));
  TRY(db::Statement differences,
      database.query("SELECT e.of" + columns + std::string(kEntryTables) +
                         "WHERE e.kind IN (3, 4) AND e.of >= ? AND e.of < ?",
                     range.from.ns, range.to.ns));
  return add_rows(std::move(differences), wanted, range, buckets, read);
}

base::Result<UsagePage> select_buckets(db::Database& database, const BucketQuery& query,
                                       base::Time now) {
  TRY(const Range range, range_of(query, now));
  TRY(const Wanted wanted, wanted_dimensions(database, query));
  std::vector<Groups> sums(static_cast<size_t>(range.buckets));
  if (query.width == BucketWidth::Minute)
    TRY_VOID(add_minutes(database, wanted, range, &sums));
  else
    TRY_VOID(add_hours(database, wanted, range, &sums));
  UsagePage page;
  for (size_t i = 0; i < sums.size(); ++i) {
    UsageBucket bucket;
    bucket.start = {range.from.ns + static_cast<int64_t>(i) * range.width_ns};
    bucket.end = {bucket.start.ns + range.width_ns};
    for (const auto& [key, sum] : sums[i]) bucket.groups.push_back(group_of(query, key, sum));
    page.buckets.push_back(std::move(bucket));
  }
  if (range.next != base::Time{})
    page.next_page = std::string(kPagePrefix) + std::to_string(range.next.seconds());
  return page;
}

}  // namespace

std::string_view usage_kind_name(UsageKind kind) {
  const size_t index = static_cast<size_t>(kind) - 1;
  return index < std::size(kKindNames) ? kKindNames[index] : "unknown";
}

base::Result<BucketWidth> bucket_width_from(std::string_view text) {
  if (text == "1m") return BucketWidth::Minute;
  if (text == "1h") return BucketWidth::Hour;
  if (text == "1d") return BucketWidth::Day;
  return base::fail(Code::InvalidArgument, "a bucket is 1m, 1h or 1d wide", "bucket_width",
                    "invalid_value");
}

base::Duration bucket_duration(BucketWidth width) {
  switch (width) {
    case BucketWidth::Minute:
      return base::seconds(60);
    case BucketWidth::Hour:
      return base::seconds(3600);
    case BucketWidth::Day:
      break;
  }
  return base::seconds(86'400);
}

base::Result<std::vector<UsageRow>> Ledger::usage(const UsageQuery& query) const {
  TRY_VOID(catch_up());
  std::vector<UsageRow> rows;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(rows, select_rows(database, query));
    return {};
  }));
  return rows;
}

base::Result<std::vector<UsageRow>> read_usage(const std::string& path, const UsageQuery& query) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return select_rows(database, query);
}

base::Result<UsageTotals> Ledger::usage_totals(const UsageQuery& query) const {
  TRY_VOID(catch_up());
  Sums sums;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(db::Statement rows, select_usage(database, query, INT64_MAX));
    for (;;) {
      TRY(const bool more, rows.step());
      if (!more) return {};
      TRY(const Entry entry, read_entry(rows));
      sums.add(sums_of(entry));
    }
  }));
  return totals_of(sums);
}

base::Result<UsagePage> Ledger::usage_buckets(const BucketQuery& query) const {
  TRY_VOID(catch_up());
  UsagePage page;
  TRY_VOID(state_->readers.read([&](db::Database& database) -> base::Status {
    TRY(page, select_buckets(database, query, state_->clock.now()));
    return {};
  }));
  return page;
}

base::Result<UsagePage> read_usage_buckets(const std::string& path, const BucketQuery& query,
                                           base::Time now) {
  TRY(db::Database database, db::Database::open_readonly(path));
  return select_buckets(database, query, now);
}

}  // namespace journal
