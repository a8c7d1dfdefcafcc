#include "govern/charter_fields.h"

#include <algorithm>
#include <charconv>

#include "govern/checkpoint.h"

namespace govern {

using base::Result;
using json::Value;

std::unexpected<base::Error> wrong(const std::string& field, const std::string& why) {
  return base::fail(base::Code::Malformed, "field '" + field + "': " + why, field, "CHARTER_FIELD");
}

Result<std::string> text_or(const Value& table, const std::string& key, std::string otherwise) {
  if (table.find(key) == nullptr) return otherwise;
  return json::get_string(table, key);
}

Result<uint64_t> count_of(const Value& table, const std::string& key, int64_t min, int64_t max) {
  TRY(const int64_t number, json::get_int(table, key));
  if (number < min || number > max)
    return wrong(key,
                 "expected an integer from " + std::to_string(min) + " to " + std::to_string(max));
  return static_cast<uint64_t>(number);
}

Result<std::vector<std::string>> texts_of(const Value& table, const std::string& key,
                                          bool required) {
  std::vector<std::string> out;
  if (!required && table.find(key) == nullptr) return out;
  TRY(const json::Array* items, json::get_array(table, key));
  for (const Value& item : *items) {
    if (!item.is_string()) return wrong(key, "expected a list of strings");
    if (std::ranges::find(out, item.as_string()) != out.end())
      return wrong(key, "'" + item.as_string() + "' stands twice");
    out.push_back(item.as_string());
  }
  return out;
}

bool is_id(std::string_view text) {
  return !text.empty() && text.size() <= 100 && std::ranges::all_of(text, [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '_' ||
           c == '/';
  });
}

Result<std::string> id_of(const Value& table, const std::string& key) {
  TRY(std::string id, json::get_string(table, key));
  if (!is_id(id))
    return wrong(key, "an id has lower-case letters, digits, '.', '-', '_' and '/' only");
  return id;
}

Result<base::Duration> wait_of(const Value& table, const std::string& key) {
  TRY(const std::string text, json::get_string(table, key));
  const auto wait = base::parse_duration(text);
  if (!wait || wait->ns < 0 || *wait > kWaitMax)
    return wrong(key, "expected a duration such as \"72h\" or \"14d\", at most 366d");
  return *wait;
}

Result<double> share_of(const std::string& text, const std::string& key) {
  double value = -1;
  const auto [end, error] =
      std::from_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed);
  if (error != std::errc{} || end != text.data() + text.size() || !(value >= 0 && value <= 1))
    return wrong(key, "expected a decimal string from \"0\" to \"1\"");
  return value;
}

Result<std::vector<VerifierKey>> keys_of(const Value& table) {
  TRY(const auto texts, texts_of(table, "keys", true));
  std::vector<VerifierKey> keys;
  for (const std::string& text : texts) {
    TRY(auto key, parse_vkey(text));
    keys.push_back(std::move(key));
  }
  if (keys.empty()) return wrong("keys", "at least one key is needed");
  return keys;
}

Result<crypto::Digest> digest_of(const Value& table, const std::string& key) {
  TRY(const std::string text, json::get_string(table, key));
  const auto digest = crypto::digest_from_hex(text);
  if (!digest) return wrong(key, digest.error().message);
  return *digest;
}

Result<base::Duration> wait_or(const Value& table, const std::string& key,
                               base::Duration otherwise) {
  return table.find(key) == nullptr ? otherwise : wait_of(table, key);
}

Result<Fraction> fraction_of(const Value& table, const std::string& key) {
  TRY(const std::string text, json::get_string(table, key));
  const size_t slash = text.find('/');
  const auto top = parse_decimal(std::string_view(text).substr(0, slash));
  const auto bottom = slash == text.npos ? Result<uint64_t>(0)
                                         : parse_decimal(std::string_view(text).substr(slash + 1));
  if (!top || !bottom || *top == 0 || *bottom > 1000 || *top > *bottom)
    return wrong(key, "expected a fraction such as \"2/3\", above 0 and at most 1");
  return Fraction{*top, *bottom};
}

}  // namespace govern
