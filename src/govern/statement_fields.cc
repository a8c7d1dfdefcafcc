#include "govern/statement_fields.h"

namespace govern::fields {

using base::Result;
using json::Object;
using json::Value;

Value to_json(const Context& context) {
  return Object{{"charter", Object{{"id", context.charter_id},
                                   {"version", number(context.charter_version)},
                                   {"sha256", digest(context.charter_sha256)}}},
                {"nonce", context.nonce},
                {"origin", context.origin}};
}

Value to_json(const LeafReference& reference) {
  return Object{{"leaf", number(reference.leaf)}, {"sha256", digest(reference.sha256)}};
}

Value to_json(const std::vector<LeafReference>& references) {
  json::Array out;
  for (const LeafReference& reference : references) out.push_back(to_json(reference));
  return out;
}

Value to_json(const std::vector<std::string>& texts) {
  json::Array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

Result<std::vector<std::string>> get_sorted_texts(const Value& object, std::string_view key) {
  TRY(const json::Array* items, json::get_array(object, key));
  std::vector<std::string> out;
  for (const Value& item : *items) {
    if (!item.is_string() || (!out.empty() && out.back() >= item.as_string()))
      return malformed("field '" + std::string(key) + "': a sorted list of strings, each once",
                       std::string(key));
    out.push_back(item.as_string());
  }
  return out;
}

Result<std::string> get_nonce(const Value& object) {
  TRY(std::string nonce, json::get_string(object, "nonce"));
  if (!crypto::digest_from_hex(nonce))
    return malformed("a nonce has 64 lower-case hex digits", "nonce");
  return nonce;
}

Result<Context> get_context(const Value& object) {
  TRY(const Value* outer, json::get_object(object, "context"));
  TRY_VOID(json::only_fields(*outer, {"charter", "nonce", "origin"}));
  TRY(const Value* charter, json::get_object(*outer, "charter"));
  TRY_VOID(json::only_fields(*charter, {"id", "version", "sha256"}));
  Context context;
  TRY(context.charter_id, json::get_string(*charter, "id"));
  TRY(context.charter_version, get_decimal(*charter, "version"));
  TRY(context.charter_sha256, get_digest(*charter, "sha256"));
  TRY(context.origin, json::get_string(*outer, "origin"));
  TRY(context.nonce, get_nonce(*outer));
  return context;
}

namespace {

Result<LeafReference> read_reference(const Value& value) {
  TRY_VOID(json::only_fields(value, {"leaf", "sha256"}));
  LeafReference reference;
  TRY(reference.leaf, get_decimal(value, "leaf"));
  TRY(reference.sha256, get_digest(value, "sha256"));
  return reference;
}

}  // namespace

Result<LeafReference> get_reference(const Value& object, std::string_view key) {
  TRY(const Value* value, json::get_object(object, key));
  return read_reference(*value);
}

Result<std::vector<LeafReference>> get_references(const Value& object, std::string_view key) {
  TRY(const json::Array* items, json::get_array(object, key));
  std::vector<LeafReference> out;
  for (const Value& item : *items) {
    TRY(const LeafReference reference, read_reference(item));
    if (!out.empty() && out.back().leaf >= reference.leaf)
      return malformed("field '" + std::string(key) + "': leaves stand in order, each once",
                       std::string(key));
    out.push_back(reference);
  }
  return out;
}

Result<Value> parse_payload(std::string_view payload, Kind kind) {
  TRY(Value value, json::parse(payload));
  if (!value.is_object()) return malformed("a payload is a JSON object");
  TRY(const std::string type, json::get_string(value, "type"));
  if (type != kind_name(kind))
    return malformed("expected a payload of type " + std::string(kind_name(kind)), type);
  return value;
}

Result<std::string> get_words(const Value& object, std::string_view key, size_t bytes_max) {
  TRY(std::string text, json::get_string(object, key));
  if (text.empty() || text.size() > bytes_max)
    return malformed("field '" + std::string(key) + "': expected text of 1 to " +
                         std::to_string(bytes_max) + " bytes",
                     std::string(key));
  return text;
}

}  // namespace govern::fields
