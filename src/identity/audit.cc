// The audit trail, read page by page from the file.
#include "identity/audit.h"

#include <algorithm>

#include "identity/store.h"

namespace identity {
namespace {

// "column IN (?,?)", or nothing when there is nothing to choose from.
void add_choice(std::string* where, std::vector<std::string>* values, std::string_view column,
                const std::vector<std::string>& choice) {
  if (choice.empty()) return;
  where->append(" AND ").append(column).append(" IN (");
  for (size_t i = 0; i < choice.size(); ++i) where->append(i == 0 ? "?" : ",?");
  where->append(")");
  values->insert(values->end(), choice.begin(), choice.end());
}

base::Result<int64_t> seq_of(db::Database& database, const std::string& id,
                             std::string_view parameter) {
  TRY(db::Statement rows, database.query("SELECT seq FROM audit WHERE id = ?", id));
  TRY(const bool there, rows.step());
  if (there) return rows.integer(0);
  return base::fail(base::Code::InvalidArgument, "there is no audit event \"" + id + "\"",
                    std::string(parameter), "invalid_value");
}

base::Result<AuditEvent> read_event(const db::Statement& row) {
  AuditEvent event;
  event.seq = row.integer(0), event.id = row.text(1), event.at = {row.integer(2)};
  event.type = row.text(3), event.org_id = row.text(4), event.project_id = row.text(5);
  event.subject = row.text(6);
  TRY(event.details, json::parse(row.text(7)));
  const int64_t kind = row.integer(8);
  event.actor.kind = kind >= 0 && kind <= 3 ? static_cast<ActorKind>(kind) : ActorKind::System;
  event.actor.id = row.text(9), event.actor.user_id = row.text(10);
  event.actor.address = row.text(11), event.actor.agent = row.text(12);
  event.actor.request_id = row.text(13);
  return event;
}

}  // namespace

base::Status Identity::record(AuditEvent event) {
  const Actor by = event.actor;
  return state_->write({}, std::move(event), by);
}

base::Result<Identity::AuditPage> Identity::audit(const AuditQuery& query) const {
  AuditPage page;
  TRY_VOID(state_->reading->read([&](db::Database& database) -> base::Status {
    std::string where = "org = ?";
    std::vector<std::string> values{query.org_id};
    add_choice(&where, &values, "type", query.types);
    add_choice(&where, &values, "project", query.project_ids);
    add_choice(&where, &values, "actor_user", query.actor_ids);
    add_choice(&where, &values, "subject", query.subjects);
    int64_t below = INT64_MAX, above = -1;
    if (!query.after.empty()) {
      TRY(below, seq_of(database, query.after, "after"));
    }
    if (!query.before.empty()) {
      TRY(above, seq_of(database, query.before, "before"));
    }
    const int64_t from = query.after_time ? query.after_time->ns : INT64_MIN;
    const int64_t to = query.before_time ? query.before_time->ns : INT64_MAX;
    // A page before an event is the one next to it, so it is read upwards and turned round.
    const bool upward = !query.before.empty();
    where += " AND seq < ? AND seq > ? AND at >= ? AND at < ? ORDER BY seq ";
    where += upward ? "ASC LIMIT ?" : "DESC LIMIT ?";
    TRY(db::Statement rows,
        database.prepare("SELECT seq, id, at, type, org, project, subject, details, actor_kind, "
                         "actor, actor_user, address, agent, request_id FROM audit WHERE " +
                         where));
    int index = 0;
    for (const std::string& value : values) rows.bind(++index, value);
    for (const int64_t number : {below, above, from, to, query.limit + 1})
      rows.bind(++index, number);
    for (;;) {
      TRY(const bool more, rows.step());
      if (!more) break;
      TRY(AuditEvent event, read_event(rows));
      page.events.push_back(std::move(event));
    }
    page.has_more = static_cast<int64_t>(page.events.size()) > query.limit;
    if (page.has_more) page.events.pop_back();
    if (upward) std::reverse(page.events.begin(), page.events.end());
    return {};
  }));
  return page;
}

}  // namespace identity
