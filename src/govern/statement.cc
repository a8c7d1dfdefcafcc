#include "govern/statement.h"

#include "govern/checkpoint.h"
#include "govern/refusal.h"

namespace govern {

std::string format_statement(const Statement& statement) {
  const json::Value digest = json::Object{{"sha256", crypto::hex(statement.subject_digest)}};
  const json::Value subject = json::Object{{"name", statement.subject_name}, {"digest", digest}};
  return json::canonical(json::Object{{"_type", kStatementType},
                                      {"subject", json::Array{subject}},
                                      {"predicateType", statement.predicate_type},
                                      {"predicate", statement.predicate}});
}

base::Result<Statement> parse_statement(std::string_view payload) {
  TRY(json::Value value, json::parse(payload));
  TRY_VOID(json::only_fields(value, {"_type", "subject", "predicateType", "predicate"}));
  TRY(const std::string type, json::get_string(value, "_type"));
  if (type != kStatementType)
    return malformed("the statement is not an in-toto Statement v1", type);
  TRY(const json::Array* subjects, json::get_array(value, "subject"));
  if (subjects->size() != 1)
    return malformed("a statement of ours has exactly one subject", "subject");
  const json::Value& subject = subjects->front();
  TRY_VOID(json::only_fields(subject, {"name", "digest"}));
  Statement statement;
  TRY(statement.subject_name, json::get_string(subject, "name"));
  TRY(const json::Value* digest, json::get_object(subject, "digest"));
  TRY_VOID(json::only_fields(*digest, {"sha256"}));
  TRY(statement.subject_digest, get_digest(*digest, "sha256"));
  TRY(statement.predicate_type, json::get_string(value, "predicateType"));
  TRY_VOID(json::get_object(value, "predicate"));
  statement.predicate = std::move(*value.find("predicate"));
  return statement;
}

base::Result<crypto::Digest> get_digest(const json::Value& object, std::string_view key) {
  TRY(const std::string text, json::get_string(object, key));
  auto digest = crypto::digest_from_hex(text);
  if (!digest)
    return malformed("field '" + std::string(key) + "': " + digest.error().message,
                     std::string(key));
  return digest;
}

base::Result<uint64_t> get_decimal(const json::Value& object, std::string_view key) {
  TRY(const std::string text, json::get_string(object, key));
  auto number = parse_decimal(text);
  if (!number)
    return malformed("field '" + std::string(key) + "': " + number.error().message,
                     std::string(key));
  return number;
}

base::Result<base::Time> get_time(const json::Value& object, std::string_view key) {
  TRY(const std::string text, json::get_string(object, key));
  const bool in_range =
      text.size() == 20 && text.substr(0, 4) >= "1970" && text.substr(0, 4) < "2200";
  const auto time = in_range ? base::parse_rfc3339(text) : base::Result<base::Time>(base::Time{-1});
  if (!time || time->ns < 0 || base::rfc3339(*time) != text)
    return malformed(
        "field '" + std::string(key) + "': expected a time such as 2026-11-21T00:00:00Z",
        std::string(key));
  return *time;
}

}  // namespace govern
