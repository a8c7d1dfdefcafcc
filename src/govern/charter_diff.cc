#include "govern/charter_diff.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <map>
#include <set>

#include "base/time.h"
#include "govern/charter.h"
#include "json/toml.h"

namespace govern {
namespace {

using json::Value;

// The field that names a table of an array.
std::string_view id_field(std::string_view table) { return table == "power" ? "action" : "id"; }

// Leaves by path. A list is one leaf: its members have no place of their own.
void flatten(const std::string& path, const Value& value, std::map<std::string, Value>* out) {
  if (value.is_object()) {
    for (const auto& [key, member] : value.as_object())
      flatten(path.empty() ? key : path + '.' + key, member, out);
    return;
  }
  const bool tables = value.is_array() && !value.as_array().empty() &&
                      std::ranges::all_of(value.as_array(), &Value::is_object);
  if (!tables) {
    out->emplace(path, value);
    return;
  }
  for (const Value& table : value.as_array()) {
    const Value& id = table[id_field(path)];
    flatten(path + '.' + (id.is_string() ? id.as_string() : json::dump(id)), table, out);
  }
}

// What more of it means. Both values are there and differ.
using Order = std::function<bool(const Value&, const Value&)>;  // whether the change restricts

int64_t duration_ns(const Value& value) {
  const auto wait = value.is_string() ? base::parse_duration(value.as_string())
                                      : base::Result<base::Duration>(base::Duration{-1});
  return wait ? wait->ns : -1;
}
double number(const Value& value) {
  if (value.is_number()) return value.as_double();
  if (!value.is_string()) return -1;
  const std::string& text = value.as_string();
  double top = -1;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), top);
  if (error != std::errc{}) return -1;
  if (end == text.data() + text.size()) return top;
  double bottom = -1;
  if (*end != '/') return -1;
  std::from_chars(end + 1, text.data() + text.size(), bottom);
  return bottom > 0 ? top / bottom : -1;
}
std::set<std::string> members(const Value& value) {
  std::set<std::string> out;
  if (!value.is_array()) return out;
  for (const Value& item : value.as_array()) out.insert(json::dump(item));
  return out;
}

bool higher(const Value& before, const Value& after) { return number(after) > number(before); }
bool lower(const Value& before, const Value& after) {
  return number(after) >= 0 && number(after) < number(before);
}
bool longer(const Value& before, const Value& after) {
  return duration_ns(after) > duration_ns(before);
}
bool shorter(const Value& before, const Value& after) {
  return duration_ns(after) >= 0 && duration_ns(after) < duration_ns(before);
}
bool more_members(const Value& before, const Value& after) {
  return std::ranges::includes(members(after), members(before));
}
bool younger_evidence(const Value& before, const Value& after) {
  // needs = [..., "evidence.fresh<=90d"]: a shorter age asks for more.
  std::set<std::string> old_needs, new_needs;
  int64_t old_age = INT64_MAX, new_age = INT64_MAX;
  const auto split = [](const Value& value, std::set<std::string>* needs, int64_t* age) {
    constexpr std::string_view kFresh = "evidence.fresh<=";
    for (const std::string& need : members(value)) {
      const std::string_view bare = std::string_view(need).substr(1, need.size() - 2);
      if (bare.starts_with(kFresh))
        *age = duration_ns(Value(bare.substr(kFresh.size())));
      else
        needs->insert(need);
    }
  };
  split(before, &old_needs, &old_age);
  split(after, &new_needs, &new_age);
  return std::ranges::includes(new_needs, old_needs) && new_age <= old_age && new_age > 0;
}

struct FieldOrder {
  std::string_view table, field;  // of "rule.NAME.field"; "" for any depth below the table
  Order restricts;
  bool added = false;    // that it appears restricts
  bool removed = false;  // that it goes restricts
};

const std::vector<FieldOrder>& orders() {
  static const std::vector<FieldOrder> kOrders = [] {
    std::vector<FieldOrder> out;
    for (const std::string_view table : {"rule", "power"}) {
      out.push_back({table, "threshold", higher, table == "power"});
      out.push_back({table, "floor_for", higher});
      out.push_back({table, "notice", longer});
      out.push_back({table, "timelock", longer});
      out.push_back({table, "expires", shorter});
      out.push_back({table, "late_extension", longer, true});
      out.push_back({table, "consent", more_members, table == "rule"});
      out.push_back({table, "veto.needs", lower, table == "rule"});
      out.push_back({table, "veto.window", longer, table == "rule"});
      out.push_back({table, "veto.body", nullptr, table == "rule"});
    }
    out.push_back({"power", "needs", younger_evidence, true});
    out.push_back({"power", "notify", more_members, true});
    out.push_back({"power", "not_by", more_members, true});
    out.push_back({"power", "max_duration", shorter, true});
    out.push_back({"power", "must_open", nullptr, true});
    out.push_back({"time", "elapsed_witnesses", higher});
    out.push_back({"time", "lease_ttl", shorter, true});
    out.push_back({"gate", "alpha", lower});
    out.push_back({"gate", "min_n", higher});
    out.push_back({"gate", "suite_root", nullptr, true});
    out.push_back({"petition", "share", lower});
    out.push_back({"economics", "cap", lower});
    out.push_back({"entrench", "paths", more_members});
    return out;
  }();
  return kOrders;
}

struct Parts {
  std::string_view table, name, field;
};
Parts split(std::string_view path) {
  const size_t first = path.find('.');
  if (first == path.npos) return {path, "", ""};
  const std::string_view table = path.substr(0, first);
  const std::string_view rest = path.substr(first + 1);
  // Actions have a point in their names, ids of persons and services too.
  if (table == "time" || table == "petition" || table == "entrench" || table == "charter" ||
      table == "economics")
    return {table, "", rest.substr(0, rest.find('.'))};
  const size_t veto = rest.find(".veto.");
  const size_t last = veto != rest.npos ? veto : rest.rfind('.');
  if (last == rest.npos) return {table, "", rest};
  return {table, rest.substr(0, last), rest.substr(last + 1)};
}

class Differ {
 public:
  Differ(std::map<std::string, Value> before, std::map<std::string, Value> after)
      : before_(std::move(before)), after_(std::move(after)) {}

  CharterDiff run() {
    for (const auto& [path, value] : before_) {
      const auto now = after_.find(path);
      if (now == after_.end())
        note(path, &value, nullptr);
      else if (!(now->second == value))
        note(path, &value, &now->second);
    }
    for (const auto& [path, value] : after_) {
      if (!before_.contains(path)) note(path, nullptr, &value);
    }
    std::ranges::sort(diff_.changes, {}, &CharterChange::path);
    find_entrenched();
    return std::move(diff_);
  }

 private:
  void note(const std::string& path, const Value* before, const Value* after) {
    if (path == "charter.version" || path == "charter.prev_sha256") return;
    diff_.changes.push_back({path, before == nullptr ? "" : json::dump(*before),
                             after == nullptr ? "" : json::dump(*after),
                             restricts(path, before, after)});
  }

  bool has_table(const std::map<std::string, Value>& side, const Parts& parts) const {
    const std::string prefix = std::string(parts.table) + '.' + std::string(parts.name) + '.';
    const auto at = side.lower_bound(prefix);
    return at != side.end() && at->first.starts_with(prefix);
  }

  bool restricts(const std::string& path, const Value* before, const Value* after) const {
    const Parts parts = split(path);
    // A whole gate more asks for more evidence; a whole monitor more watches more.
    const bool whole = !parts.name.empty() && has_table(before_, parts) != has_table(after_, parts);
    if (whole && (parts.table == "gate" || parts.table == "monitor")) return before == nullptr;
    // A power less lets nobody do it; but stopping is never taken away.
    if (whole && parts.table == "power") return after == nullptr && parts.name != "stop";
    if (parts.table == "power" && parts.field == "holders")
      return parts.name == "stop" && before != nullptr && after != nullptr &&
             more_members(*before, *after);
    if (parts.table == "gate" && parts.field == "limit" && before && after)
      return is_upper(parts) ? lower(*before, *after) : higher(*before, *after);
    const auto order = std::ranges::find_if(orders(), [&](const FieldOrder& known) {
      return known.table == parts.table && known.field == parts.field;
    });
    if (order == orders().end()) return false;
    if (before == nullptr) return order->added;
    if (after == nullptr) return order->removed;
    return order->restricts && order->restricts(*before, *after);
  }

  bool is_upper(const Parts& parts) const {
    const std::string path = "gate." + std::string(parts.name) + ".direction";
    const auto before = before_.find(path), after = after_.find(path);
    return before != before_.end() && after != after_.end() && before->second == after->second &&
           before->second == Value("upper");
  }

  void find_entrenched() {
    std::set<std::string> paths = {"entrench"};
    if (const auto listed = before_.find("entrench.paths");
        listed != before_.end() && listed->second.is_array()) {
      for (const Value& path : listed->second.as_array()) paths.insert(path.as_string());
    } else {
      paths.clear();  // a charter that entrenches nothing may begin to
    }
    for (const std::string& path : paths) {
      const bool touched = std::ranges::any_of(diff_.changes, [&](const CharterChange& change) {
        return change.path == path || change.path.starts_with(path + '.') ||
               path.starts_with(change.path + '.');
      });
      if (touched) diff_.entrenched.push_back(path);
    }
  }

  std::map<std::string, Value> before_, after_;
  CharterDiff diff_;
};

}  // namespace

bool CharterDiff::restricts() const {
  return std::ranges::all_of(changes, &CharterChange::restricts);
}

base::Result<CharterDiff> diff_charters(std::string_view before, std::string_view after) {
  TRY(const Value old_root, json::parse_toml(before, "charter.toml"));
  TRY(const Value new_root, json::parse_toml(after, "charter.toml"));
  std::map<std::string, Value> old_paths, new_paths;
  flatten("", old_root, &old_paths);
  flatten("", new_root, &new_paths);
  return Differ(std::move(old_paths), std::move(new_paths)).run();
}

}  // namespace govern
