// What the operator's commands (key, project, user, limit, upstream) have in common: each has
// actions, talks to the administrative routes of a data folder, and prints lines or JSON.
#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "cli/command.h"
#include "json/json.h"
#include "server/backup.h"
#include "server/control.h"

namespace cli {

// The data folder by --data or its defaults, through its running server or opened for the moment.
base::Result<std::unique_ptr<server::Control>> open_control(const std::string& data);

// A row of `list`: with --json each item is a line of JSON.
base::Status print_items(const base::Result<json::Array>& items, bool as_json,
                         const std::function<std::string(const json::Value&)>& line);

// "-" for null and absent; RFC 3339 for a time.
std::string shown(const json::Value& value);
std::string shown_time(const json::Value& seconds);

// "a/b" → "a%2Fb", for an id in a path or a query.
std::string escaped(std::string_view text);

void print_backup(const server::Backup& backup, const std::string& where, bool as_json,
                  const char* done);

// FailedPrecondition (SERVER_RUNS) when a program has the folder's databases open.
base::Status check_stopped(const std::string& folder);

struct Action {
  std::string_view name;
  base::Status (*run)(std::span<const std::string> arguments);
};
// Runs the action that the first argument names; the refusal lists them all.
base::Status run_action(std::string_view command, std::span<const Action> actions,
                        std::span<const std::string> arguments);

}  // namespace cli
