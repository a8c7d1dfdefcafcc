// Fields that the payloads of our statements have in common: context, references to leaves, digests
// and numbers, in their one canonical spelling.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "govern/refusal.h"
#include "govern/statements.h"
#include "json/json.h"

namespace govern::fields {

inline json::Value number(uint64_t n) { return std::to_string(n); }
inline json::Value moment(base::Time time) { return base::rfc3339(time); }
inline json::Value digest(const crypto::Digest& d) { return crypto::hex(d); }

json::Value to_json(const Context& context);
json::Value to_json(const LeafReference& reference);
json::Value to_json(const std::vector<LeafReference>& references);

json::Value to_json(const std::vector<std::string>& texts);

base::Result<Context> get_context(const json::Value& object);
base::Result<std::string> get_nonce(const json::Value& object);
base::Result<LeafReference> get_reference(const json::Value& object, std::string_view key);
// In the order of the log, none twice.
base::Result<std::vector<LeafReference>> get_references(const json::Value& object,
                                                        std::string_view key);
// Sorted, none twice.
base::Result<std::vector<std::string>> get_sorted_texts(const json::Value& object,
                                                        std::string_view key);
// Text for people, of 1 to `bytes_max` bytes.
base::Result<std::string> get_words(const json::Value& object, std::string_view key,
                                    size_t bytes_max = 4096);

// A payload of ours: canonical JSON of the kind's type, so that there is one spelling of it.
base::Result<json::Value> parse_payload(std::string_view payload, Kind kind);

template <class T>
base::Result<T> only_canonical(T parsed, const std::string& formatted, std::string_view payload) {
  if (formatted != payload) return malformed("the payload is not in canonical form");
  return parsed;
}

}  // namespace govern::fields
