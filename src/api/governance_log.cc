// The log as a list that people read, entry by entry, and as one file.
#include "api/admin.h"
#include "api/governance.h"
#include "files/files.h"
#include "govern/dsse.h"
#include "govern/signers.h"

namespace api {
namespace {

using json::Array;
using json::Object;
using json::Value;

constexpr int64_t kEntriesMax = 1000;
// What a line of the list shows beside the entry itself, when the statement says it.
constexpr std::string_view kShown[] = {"person",  "holder", "body",       "vote",    "action",
                                       "channel", "model",  "stop_epoch", "epoch",   "share",
                                       "reason",  "cause",  "remedy",     "recused", "evaluator"};

void add_shown(const Value& payload, Value* entry) {
  for (const std::string_view name : kShown) {
    const Value& value = payload[name];
    if (value.is_string()) entry->set(std::string(name), value.as_string());
  }
}

base::Result<Value> entry_json(const journal::House& house, uint64_t index, bool whole) {
  TRY(const govern::LoggedStatement statement, house.log().statement(index));
  const govern::Leaf& leaf = statement.leaf;
  const std::string& payload = statement.envelope.payload;
  Value entry = Object{{"index", leaf.seq},
                       {"type", govern::kind_name(leaf.kind)},
                       {"time", leaf.time.seconds()},
                       {"subject", crypto::hex(leaf.subject)},
                       {"sha256", crypto::hex(leaf.envelope)}};
  const auto signers = govern::signers_of(house.charter(), statement.envelope);
  if (signers) entry.set("signers", person_names(*signers));
  const auto parsed = json::parse(payload);
  if (parsed) {
    const bool in_toto = (*parsed)["predicate"].is_object();
    add_shown(in_toto ? (*parsed)["predicate"] : *parsed, &entry);
  }
  if (!whole) return entry;
  entry.set("envelope", govern::envelope_to_json(statement.envelope));
  entry.set("payload_sha256", crypto::hex(crypto::sha256(payload)));
  entry.set("payload_text", payload);
  return entry;
}

}  // namespace

void list_log(const Call& call) {
  const auto after = query_int(call, "after", -1, -1, INT64_MAX - 1);
  if (!after) return call.fail(after.error());
  const auto limit = query_int(call, "limit", 100, 1, kEntriesMax);
  if (!limit) return call.fail(limit.error());
  answer_from_house(call, [&](const journal::House& house) -> base::Result<Value> {
    Array data;
    const uint64_t size = house.log().size();
    uint64_t index = static_cast<uint64_t>(*after + 1);
    for (; index < size && data.size() < static_cast<size_t>(*limit); ++index) {
      TRY(Value entry, entry_json(house, index, false));
      data.push_back(std::move(entry));
    }
    const govern::Checkpoint& checkpoint = house.log().checkpoint();
    return Value(Object{{"object", "list"},
                        {"data", std::move(data)},
                        {"has_more", index < size},
                        {"checkpoint", Object{{"origin", checkpoint.origin},
                                              {"size", checkpoint.size},
                                              {"root", crypto::hex(checkpoint.root)},
                                              {"note", house.log().checkpoint_note()}}}});
  });
}

void get_log_entry(const Call& call) {
  answer_from_house(call, [&](const journal::House& house) -> base::Result<Value> {
    const auto index = govern::parse_decimal(call.parameters[0]);
    if (!index || *index >= house.log().size()) return no_item("log entry", call.parameters[0]);
    return entry_json(house, *index, true);
  });
}

void export_log(const Call& call) {
  const auto house = house_of(call);
  if (!house) return call.fail(house.error());
  std::string lines;
  for (uint64_t i = 0; i < (*house)->log().size(); ++i) {
    const auto statement = (*house)->log().statement(i);
    if (!statement) return call.fail(statement.error());
    const auto leaf = json::parse(govern::format_leaf(statement->leaf));
    if (!leaf) return call.fail(leaf.error());
    lines += json::canonical(
                 Object{{"leaf", *leaf}, {"envelope", envelope_to_json(statement->envelope)}}) +
             '\n';
  }
  call.respond({200,
                {{"content-type", "application/jsonl"},
                 {"content-disposition", "attachment; filename=\"charter-log.jsonl\""},
                 {"cache-control", "no-store"}},
                std::move(lines)});
}

}  // namespace api
