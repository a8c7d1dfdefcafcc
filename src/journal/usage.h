// What requests used: the rows of the ledger that say whom and what a charge was for, and their
// sums by time and group. Read by the usage and cost routes, the page and the command line.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "money/amount.h"
#include "money/budget.h"

namespace journal {

using money::Amount;
using money::PriceQuote;

// What kind of work was done; one route of /v1/organization/usage each.
enum class UsageKind : uint8_t {
  Completions = 1,  // chat completions, responses, messages, completions
  Embeddings = 2,
  Moderations = 3,
  VectorStores = 4,     // units: bytes stored
  FileSearchCalls = 5,  // units: calls
  FineTuning = 6,       // units: trained tokens
};
std::string_view usage_kind_name(UsageKind kind);  // "completions", "file_search_calls", ...

// Whom and what a charge was for; copied into the usage row, price included.
struct Usage {
  std::string org_id = {}, project_id = {}, user_id = {}, key_id = {};
  std::string model = {};       // the channel that was asked for
  std::string release_id = {};  // what answered: a release of the house, ...
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  std::string upstream = {};     // ... or a model of this provider
  int64_t cached_tokens = 0;     // of the prompt
  int64_t reasoning_tokens = 0;  // of the completion
  int64_t units = 0;             // what the kind counts besides tokens
  UsageKind kind = UsageKind::Completions;
  bool batch = false;
  bool continued = false;  // begun by one target and ended by another
  friend bool operator==(const Usage&, const Usage&) = default;
};

enum class UsageMark : uint8_t { Charge = 1, Correction = 2, Refund = 3 };

// A correction or refund is a row of its own, with the differences: its token counts may be below
// zero, and `given_back` says which way its amount went.
struct UsageRow {
  int64_t seq = 0;
  std::string request_id = {};
  Usage usage = {};
  PriceQuote price = {};
  Amount amount = {};
  base::Time at = {};
  UsageMark mark = UsageMark::Charge;
  bool given_back = false;
  std::string reason = {};
};

struct UsageQuery {
  std::string org_id = {}, project_id = {}, user_id = {}, key_id = {}, model = {};  // empty: all
  base::Time from = {};
  base::Time to = {INT64_MAX};
  int64_t before_seq = INT64_MAX;  // newest first; pass the last row's seq for the next page
  int64_t limit = 100;
};

struct UsageTotals {
  int64_t requests = 0;
  int64_t prompt_tokens = 0;
  int64_t completion_tokens = 0;
  int64_t cached_tokens = 0;
  int64_t reasoning_tokens = 0;
  int64_t units = 0;
  Amount amount = {};  // charged less given back
  friend bool operator==(const UsageTotals&, const UsageTotals&) = default;
};

enum class BucketWidth : uint8_t { Minute, Hour, Day };  // "1m" "1h" "1d", at UTC borders
base::Result<BucketWidth> bucket_width_from(std::string_view text);
base::Duration bucket_duration(BucketWidth width);

// Sums by bucket. A correction or refund counts in the bucket of the request it is for, so that a
// sum is never below zero. An empty list lets everything pass.
struct BucketQuery {
  std::string org_id = {};
  std::optional<UsageKind> kind = {};  // none: all (costs)
  base::Time from = {};                // rounded down to a bucket
  base::Time to = {INT64_MAX};         // exclusive
  BucketWidth width = BucketWidth::Day;
  std::vector<std::string> project_ids = {}, user_ids = {}, key_ids = {}, models = {};
  std::optional<bool> batch = {};
  bool by_project = false, by_user = false, by_key = false, by_model = false, by_batch = false,
       by_kind = false;
  int64_t limit = 0;      // buckets; 0: 60 minutes, 24 hours or 7 days; at most 1440, 168 or 180
  std::string page = {};  // UsagePage::next_page of the page before
};

struct UsageGroup {  // a field is set when the query groups by it
  std::optional<std::string> project_id = {}, user_id = {}, key_id = {}, model = {};
  std::optional<bool> batch = {};
  std::optional<UsageKind> kind = {};
  UsageTotals sums = {};
};

struct UsageBucket {
  base::Time start = {}, end = {};
  std::vector<UsageGroup> groups = {};  // empty when nothing was used
};

struct UsagePage {
  std::vector<UsageBucket> buckets = {};  // oldest first, without a gap
  std::string next_page = {};             // empty: the last one
};

}  // namespace journal
