// in-toto Statements (v1) about exactly one subject, named by its SHA-256 and nothing else.
#pragma once

#include <string>
#include <string_view>

#include "base/time.h"
#include "crypto/sha256.h"
#include "json/json.h"

namespace govern {

inline constexpr std::string_view kInTotoPayloadType = "application/vnd.in-toto+json";
inline constexpr std::string_view kStatementType = "https://in-toto.io/Statement/v1";

struct Statement {
  std::string subject_name;
  crypto::Digest subject_digest{};
  std::string predicate_type;
  json::Value predicate;
};

std::string format_statement(const Statement& statement);  // canonical JSON
base::Result<Statement> parse_statement(
    std::string_view payload);  // strict: unknown or other digests are refused

// Readers of our own payloads, in which every number is a decimal string and every digest
// lower-case hex.
base::Result<crypto::Digest> get_digest(const json::Value& object, std::string_view key);
base::Result<uint64_t> get_decimal(const json::Value& object, std::string_view key);
// "2026-11-21T00:00:00Z" and no other spelling; from 1970 to 2199, so that adding a charter's
// longest wait cannot overflow.
base::Result<base::Time> get_time(const json::Value& object, std::string_view key);

}  // namespace govern
