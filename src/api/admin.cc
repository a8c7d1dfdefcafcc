#include "api/admin.h"

#include <algorithm>
#include <charconv>

namespace api {
namespace {

using base::Code;

constexpr int64_t kPageDefault = 20, kPageMax = 100;

const std::string& id_of(const json::Value& item) { return item["id"].as_string(); }

base::Result<size_t> index_of(const json::Array& items, const std::string& id,
                              std::string_view parameter) {
  const auto found =
      std::ranges::find_if(items, [&](const json::Value& item) { return id_of(item) == id; });
  if (found != items.end()) return static_cast<size_t>(found - items.begin());
  return refuse_parameter("invalid_value", std::string(parameter),
                          "Invalid value: '" + id + "' is not the id of an item of this list.");
}

}  // namespace

identity::Actor actor_of(const Call& call) {
  const identity::Caller& caller = call.caller;
  identity::Actor actor;
  actor.kind = caller.local                ? identity::ActorKind::Local
               : !caller.key_id.empty()    ? identity::ActorKind::Key
               : caller.session_id.empty() ? identity::ActorKind::System
                                           : identity::ActorKind::Session;
  actor.id = caller.key_id.empty() ? caller.session_id : caller.key_id;
  if (!caller.local) actor.user_id = caller.user_id;
  actor.address = call.request().remote_address;
  actor.agent = call.request().header("user-agent").substr(0, 200);
  actor.request_id = call.request_id;
  return actor;
}

void answer(const Call& call, const base::Result<json::Value>& result) {
  if (!result) return call.fail(result.error());
  net::Response response = json_response(200, *result);
  response.headers.push_back({"cache-control", "no-store"});
  call.respond(std::move(response));
}

std::vector<std::string> query_list(const Call& call, std::string_view name) {
  std::vector<std::string> values;
  for (net::Header& parameter : net::parse_query(call.request().query)) {
    std::string_view given = parameter.name;
    if (given.ends_with("[]")) given.remove_suffix(2);
    if (given == name && !parameter.value.empty()) values.push_back(std::move(parameter.value));
  }
  return values;
}

std::string query_text(const Call& call, std::string_view name) {
  auto values = query_list(call, name);
  return values.empty() ? std::string() : std::move(values.back());
}

base::Result<int64_t> query_int(const Call& call, std::string_view name, int64_t default_value,
                                int64_t min, int64_t max) {
  const std::string text = query_text(call, name);
  if (text.empty()) return default_value;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size())
    return refuse_parameter("invalid_type", std::string(name),
                            "Invalid type for '" + std::string(name) +
                                "': expected an integer, but got '" + text + "' instead.");
  if (value >= min && value <= max) return value;
  const bool above = value > max;
  return refuse_parameter(
      above ? "integer_above_max_value" : "integer_below_min_value", std::string(name),
      "Invalid '" + std::string(name) + "': integer " +
          (above ? "above maximum" : "below minimum") + " value. Expected a value " +
          (above ? "<= " : ">= ") + std::to_string(above ? max : min) + ", but got " + text +
          " instead.");
}

base::Result<json::Value> page_of(const Call& call, json::Array items) {
  TRY(const int64_t limit, query_int(call, "limit", kPageDefault, 1, kPageMax));
  const std::string after = query_text(call, "after"), before = query_text(call, "before");
  const std::string order = query_text(call, "order");
  if (order == "asc")
    std::ranges::reverse(items);
  else if (!order.empty() && order != "desc")
    return refuse_parameter(
        "invalid_value", "order",
        "Invalid value: '" + order + "'. Supported values are: 'asc' and 'desc'.");
  size_t begin = 0, end = items.size();
  if (!after.empty()) {
    TRY(const size_t at, index_of(items, after, "after"));
    begin = at + 1;
  }
  if (!before.empty()) {
    TRY(end, index_of(items, before, "before"));
  }
  begin = std::min(begin, end);
  const bool has_more = end - begin > static_cast<size_t>(limit);
  if (has_more && after.empty() && !before.empty())
    begin = end - static_cast<size_t>(limit);  // the page next to `before`
  else if (has_more)
    end = begin + static_cast<size_t>(limit);
  json::Array data(std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(begin)),
                   std::make_move_iterator(items.begin() + static_cast<ptrdiff_t>(end)));
  json::Value first, last;
  if (!data.empty()) first = id_of(data.front()), last = id_of(data.back());
  return json::Object{{"object", "list"},
                      {"data", std::move(data)},
                      {"first_id", std::move(first)},
                      {"last_id", std::move(last)},
                      {"has_more", has_more}};
}

json::Value seconds_or_null(const std::optional<base::Time>& time) {
  return time ? json::Value(time->seconds()) : json::Value();
}

json::Value deletion_json(std::string_view object, std::string_view id) {
  return json::Object{{"object", std::string(object) + ".deleted"}, {"id", id}, {"deleted", true}};
}

std::unexpected<base::Error> no_item(std::string_view what, std::string_view id) {
  return base::fail(
      Code::NotFound,
      "No " + std::string(what) + " found with id '" + std::string(id.substr(0, 100)) + "'.", "id");
}

std::string text_field(const json::Value& body, std::string_view name, std::string_view absent) {
  const json::Value& value = body[name];
  return value.is_string() ? value.as_string() : std::string(absent);
}

std::optional<int64_t> int_field(const json::Value& body, std::string_view name) {
  const json::Value& value = body[name];
  if (!value.is_int()) return std::nullopt;
  return value.as_int();
}

base::Result<identity::Project> project_of(const Call& call, std::string_view id) {
  auto project = call.app->identity.find_project(id);
  if (!project || project->org_id != call.caller.org_id) return no_item("project", id);
  return *std::move(project);
}

base::Result<identity::User> user_of(const Call& call, std::string_view id) {
  auto user = call.app->identity.find_user(id);
  if (!user || user->removed || user->org_id != call.caller.org_id) return no_item("user", id);
  return *std::move(user);
}

base::Result<identity::Key> key_of(const Call& call, std::string_view id) {
  auto key = call.app->identity.find_key(id);
  if (!key || key->org_id != call.caller.org_id) return no_item("API key", id);
  return *std::move(key);
}

base::Result<std::optional<base::Time>> expiry_field(const Call& call, const json::Value& body) {
  const auto seconds = int_field(body, "expires_in_seconds");
  if (!seconds) return std::optional<base::Time>();
  return std::optional(call.app->clock.now() + base::seconds(*seconds));
}

}  // namespace api
