// The audit trail: every administrative act, with who, what, when and from where. Rows are written
// in the transaction of the act itself and can only be added.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "json/json.h"

namespace identity {

enum class ActorKind : unsigned char {
  System,   // Charter itself: the first start, a sign-in without a session yet
  Key,      // an API key
  Session,  // the page
  Local,    // the operator's command line: who may open the data folder
};
std::string_view actor_kind_name(ActorKind kind);  // "system" "api_key" "session" "local"

struct Actor {
  ActorKind kind = ActorKind::System;
  std::string id = {};       // the key's or session's
  std::string user_id = {};  // whom it acts for
  std::string address = {};  // where the request came from; empty: this machine
  std::string agent = {};
  std::string request_id = {};
};

struct AuditEvent {
  int64_t seq = 0;
  std::string id = {};  // "audit_log-…"
  base::Time at = {};
  std::string type = {};  // "api_key.created", "project.archived", …
  std::string org_id = {}, project_id = {};
  std::string subject = {};  // the id of what was changed
  json::Value details = {};  // an object: what was asked for, never a secret
  Actor actor = {};
};

struct AuditQuery {
  std::string org_id = {};
  std::vector<std::string> types = {}, project_ids = {}, actor_ids = {},
                           subjects = {};  // empty: all
  std::optional<base::Time> after_time = {}, before_time = {};
  std::string after = {}, before = {};  // ids: older, newer than
  int64_t limit = 20;
};

}  // namespace identity
