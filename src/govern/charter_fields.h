// Readers of the fields of a charter: each refuses what it does not know, and names the field.
#pragma once

#include <string>
#include <vector>

#include "govern/charter.h"
#include "json/json.h"

namespace govern {

inline constexpr int64_t kCountMax = 10'000;
inline constexpr base::Duration kWaitMax{int64_t{366} * 86'400 * 1'000'000'000};

// Every failure names the table it happened in.
template <class T>
base::Result<T> in_table(base::Result<T> result, const std::string& table) {
  if (result) return result;
  return base::wrap(std::move(result).error(), "in the charter's " + table, table);
}

std::unexpected<base::Error> wrong(const std::string& field, const std::string& why);

base::Result<std::string> text_or(const json::Value& table, const std::string& key,
                                  std::string otherwise);
base::Result<uint64_t> count_of(const json::Value& table, const std::string& key, int64_t min,
                                int64_t max);
// A list of strings, none twice.
base::Result<std::vector<std::string>> texts_of(const json::Value& table, const std::string& key,
                                                bool required);
bool is_id(std::string_view text);
base::Result<std::string> id_of(const json::Value& table, const std::string& key);
base::Result<base::Duration> wait_of(const json::Value& table, const std::string& key);
base::Result<base::Duration> wait_or(const json::Value& table, const std::string& key,
                                     base::Duration otherwise);
// A decimal between 0 and 1, such as "0.05".
base::Result<double> share_of(const std::string& text, const std::string& key);
base::Result<std::vector<VerifierKey>> keys_of(const json::Value& table);
base::Result<Fraction> fraction_of(const json::Value& table, const std::string& key);
base::Result<crypto::Digest> digest_of(const json::Value& table, const std::string& key);

// The parts of a charter, each by its own reader.
base::Result<Rule> read_rule(const std::string& id, const json::Value& table);
base::Result<Power> read_power(const json::Value& table);
base::Result<Gate> read_gate(const json::Value& table);
base::Result<Monitor> read_monitor(const json::Value& table);
base::Status read_rollout(const json::Value& root, Charter* out);  // after the monitors
base::Status read_prices(const json::Value& root, Charter* out);
base::Result<Plan> read_plan(const json::Value& table);
base::Status read_succession(const json::Value& root, Charter* out);
base::Status read_petition(const json::Value& root, Charter* out);
base::Status read_economics(const json::Value& root, Charter* out);
base::Status read_recovery(const json::Value& root, Charter* out);
base::Status read_moderation(const json::Value& root, Charter* out);

}  // namespace govern
