#include "govern/witness_policy.h"

#include <algorithm>
#include <map>
#include <set>

#include "base/bytes.h"
#include "govern/refusal.h"

namespace govern {
namespace {

constexpr size_t kPolicyBytesMax = 1 << 20;
constexpr size_t kLinesMax = 256;  // of logs, of witnesses, of groups
constexpr std::string_view kNone = "none";

std::vector<std::string_view> split_items(std::string_view line) {
  std::vector<std::string_view> items;
  for (;;) {
    const size_t begin = line.find_first_not_of(" \t");
    if (begin == line.npos) return items;
    line.remove_prefix(begin);
    const size_t end = std::min(line.find_first_of(" \t"), line.size());
    items.push_back(line.substr(0, end));
    line.remove_prefix(end);
  }
}

class PolicyParser {
 public:
  base::Status add_line(std::string_view line) {
    const std::vector<std::string_view> items = split_items(line);
    if (items.empty() || items[0].starts_with('#')) return {};
    if (items[0] == "log") return add_log(items);
    if (items[0] == "witness") return add_witness(items);
    if (items[0] == "group") return add_group(items);
    if (items[0] == "quorum") return add_quorum(items);
    return malformed("a policy has lines of log, witness, group and quorum", std::string(items[0]));
  }

  base::Result<WitnessPolicy> finish() && {
    if (!has_quorum_) return malformed("a policy has one quorum line");
    return std::move(policy_);
  }

 private:
  using Items = std::span<const std::string_view>;

  base::Status add_log(Items items) {
    if (items.size() < 2 || items.size() > 3) return malformed("log is followed by VKEY [URL]");
    if (policy_.logs.size() == kLinesMax) return malformed("a policy has at most 256 logs");
    TRY(VerifierKey key, parse_vkey(items[1]));
    TRY_VOID(take_key(key.key, key.name));
    policy_.logs.push_back({std::move(key), items.size() == 3 ? std::string(items[2]) : ""});
    return {};
  }

  base::Status add_witness(Items items) {
    if (items.size() < 3 || items.size() > 4)
      return malformed("witness is followed by NAME VKEY [URL]");
    if (policy_.witnesses.size() == kLinesMax)
      return malformed("a policy has at most 256 witnesses");
    TRY(std::string name, define(items[1]));
    TRY(WitnessKey key, parse_witness_vkey(items[2]));
    TRY_VOID(take_key(key.key, key.name));
    policy_.witnesses.push_back(
        {std::move(name), std::move(key), items.size() == 4 ? std::string(items[3]) : ""});
    return {};
  }

  base::Status add_group(Items items) {
    if (items.size() < 4) return malformed("group is followed by NAME all|any|K MEMBER...");
    if (policy_.groups.size() == kLinesMax) return malformed("a policy has at most 256 groups");
    WitnessGroup group;
    for (const std::string_view member : items.subspan(3)) {
      std::string name(member);
      if (!names_.contains(name))
        return malformed("a group's member is defined on a line before it", name);
      if (!grouped_.insert(name).second)
        return malformed("each name is in at most one group, once", name);
      group.members.push_back(std::move(name));
    }
    TRY(group.threshold, threshold(items[2], group.members.size()));
    TRY(group.name, define(items[1]));
    policy_.groups.push_back(std::move(group));
    return {};
  }

  base::Status add_quorum(Items items) {
    if (items.size() != 2) return malformed("quorum is followed by NAME or none");
    if (has_quorum_) return malformed("a policy has one quorum line");
    if (items[1] != kNone && !names_.contains(std::string(items[1])))
      return malformed("the quorum is a witness or a group that a line before it defines",
                       std::string(items[1]));
    policy_.quorum = items[1];
    has_quorum_ = true;
    return {};
  }

  static base::Result<uint64_t> threshold(std::string_view text, size_t members) {
    if (text == "all") return members;
    if (text == "any") return 1;
    TRY(const uint64_t k, parse_decimal(text));
    if (k < 1 || k > members)
      return malformed("a group's threshold is at least 1 and at most its number of members",
                       std::string(text));
    return k;
  }

  base::Result<std::string> define(std::string_view name) {
    if (name == kNone) return malformed("the name none is taken: it means no quorum");
    if (!names_.insert(std::string(name)).second)
      return malformed("each name is defined once", std::string(name));
    return std::string(name);
  }

  base::Status take_key(const crypto::PublicKey& key, const std::string& name) {
    if (!keys_.insert(key.bytes).second)
      return base::fail(base::Code::Malformed,
                        "the same 32 bytes of a key stand in the policy twice; one key is one log "
                        "or one witness",
                        name, "BAD_KEY");
    return {};
  }

  WitnessPolicy policy_;
  std::set<std::string> names_, grouped_;
  std::set<std::array<uint8_t, 32>> keys_;
  bool has_quorum_ = false;
};

}  // namespace

base::Result<WitnessPolicy> parse_witness_policy(std::string_view text) {
  if (text.size() > kPolicyBytesMax) return malformed("a witness policy has at most 1 MiB");
  PolicyParser parser;
  for (size_t number = 1; !text.empty(); ++number) {
    const std::string where = "line " + std::to_string(number);
    const size_t end = text.find('\n');
    if (end == text.npos) return malformed("every line of a policy ends in a newline", where);
    const std::string_view line = text.substr(0, end);
    if (std::ranges::any_of(line, [](char c) {
          return (static_cast<uint8_t>(c) < 0x20 && c != '\t') || c == 0x7f;
        }))
      return malformed("a policy has no control characters but tab and newline", where);
    if (const base::Status added = parser.add_line(line); !added)
      return base::wrap(added.error(), "the witness policy does not read", where);
    text.remove_prefix(end + 1);
  }
  return std::move(parser).finish();
}

bool quorum_met(const WitnessPolicy& policy, std::span<const Cosignature> cosignatures) {
  if (policy.quorum == kNone) return true;
  std::map<std::string_view, bool> met;
  for (const PolicyWitness& witness : policy.witnesses) {
    met[witness.name] = std::ranges::any_of(
        cosignatures, [&](const Cosignature& c) { return c.witness.key == witness.key.key; });
  }
  for (const WitnessGroup& group : policy.groups) {
    const auto count =
        std::ranges::count_if(group.members, [&](const std::string& m) { return met.at(m); });
    met[group.name] = static_cast<uint64_t>(count) >= group.threshold;
  }
  return met.at(policy.quorum);
}

base::Result<WitnessedCheckpoint> open_witnessed(const WitnessPolicy& policy,
                                                 const VerifierKey& log,
                                                 std::string_view note_bytes) {
  if (!policy.logs.empty() &&
      std::ranges::none_of(policy.logs, [&](const PolicyLog& l) { return l.key == log; }))
    return refuse("CONTEXT_MISMATCH", "the witness policy names other logs than this one",
                  log.name);
  WitnessedCheckpoint out;
  TRY(out.checkpoint, open_checkpoint(note_bytes, log));
  TRY(const Note note, parse_note(note_bytes));
  std::vector<WitnessKey> keys;
  for (const PolicyWitness& witness : policy.witnesses) keys.push_back(witness.key);
  TRY(out.cosignatures, verify_cosignatures(note, keys));
  out.quorum_met = quorum_met(policy, out.cosignatures);
  return out;
}

base::Result<WitnessedCheckpoint> open_witnessed(const WitnessPolicy& policy,
                                                 std::string_view note_bytes) {
  const std::string_view origin = note_bytes.substr(0, note_bytes.find('\n'));
  const auto log = std::ranges::find(
      policy.logs, origin, [](const PolicyLog& l) -> std::string_view { return l.key.name; });
  if (log == policy.logs.end())
    return refuse("CONTEXT_MISMATCH", "the witness policy names no such log",
                  std::string(origin.substr(0, 200)));
  return open_witnessed(policy, log->key, note_bytes);
}

}  // namespace govern
