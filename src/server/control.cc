#include "server/control.h"

#include <fcntl.h>
#include <unistd.h>

#include <utility>

#include "files/files.h"
#include "net/http_client.h"
#include "server/app.h"

namespace server {
namespace {

using base::Code;

constexpr std::string_view kSocketName = "control.sock";
constexpr size_t kSocketPathBytesMax = 107;  // of sockaddr_un, with its terminator
constexpr int64_t kPageSize = 100;

Code code_of(int status) {
  switch (status) {
    case 400:
      return Code::InvalidArgument;
    case 401:
      return Code::Unauthenticated;
    case 403:
      return Code::PermissionDenied;
    case 404:
      return Code::NotFound;
    case 409:
      return Code::AlreadyExists;
    case 413:
      return Code::TooLarge;
    case 429:
      return Code::RateLimited;
    case 501:
      return Code::Unimplemented;
    case 503:
      return Code::Unavailable;
    default:
      return Code::Internal;
  }
}

base::Result<json::Value> read_answer(const net::ClientResponse& response) {
  auto value = json::parse(response.body);
  if (!value)
    return base::fail(Code::Internal, "the server's answer is not JSON (status " +
                                          std::to_string(response.status) + ")");
  if (response.status < 300) return value;
  const json::Value& error = (*value)["error"];
  const auto text = [&](std::string_view name) {
    return error[name].is_string() ? error[name].as_string() : std::string();
  };
  return base::fail(code_of(response.status), text("message"), text("param"), text("code"));
}

}  // namespace

base::Result<ControlPath> ControlPath::of(const std::string& data) {
  std::string path = files::join(data, kSocketName);
  if (path.size() <= kSocketPathBytesMax) return ControlPath(-1, std::move(path));
  const int fd = ::open(data.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0)
    return base::fail(Code::NotFound, "the data folder cannot be opened", data, "NO_DATA_FOLDER");
  return ControlPath(fd, "/proc/self/fd/" + std::to_string(fd) + "/" + std::string(kSocketName));
}

ControlPath::ControlPath(ControlPath&& other) noexcept
    : folder_fd_(std::exchange(other.folder_fd_, -1)), path_(std::move(other.path_)) {}

ControlPath::~ControlPath() {
  if (folder_fd_ >= 0) ::close(folder_fd_);
}

struct Control::State {
  ControlPath path;
  std::unique_ptr<App> app;  // when no server runs
  std::unique_ptr<net::HttpClient> client;
};

Control::Control(std::unique_ptr<State> state) : state_(std::move(state)) {}
Control::~Control() = default;

bool Control::server_runs() const { return state_->app == nullptr; }

base::Result<std::unique_ptr<Control>> Control::open(const std::string& data,
                                                     const base::Clock& clock) {
  if (!files::exists(files::join(data, "identity.db")))
    return base::fail(Code::NotFound,
                      "there is no data folder of Charter here; name it with --data, or start "
                      "`charter serve` once",
                      data, "NO_DATA_FOLDER");
  TRY(ControlPath path, ControlPath::of(data));
  auto state = std::make_unique<State>(std::move(path), nullptr, nullptr);
  TRY(state->client, net::HttpClient::start());
  std::unique_ptr<Control> control(new Control(std::move(state)));
  const auto probe = control->get("/healthz");
  if (probe || probe.error().reason != "connect_failed") return control;
  Config config;
  config.data = data;
  config.log_level = "warn";
  auto app = App::start(config, clock, Mode::Control);
  if (!app && app.error().reason == "DATABASE_LOCKED")
    return base::wrap(app.error(),
                      "another program has this data folder open, and does not answer at its "
                      "control socket; let it end, and try again");
  if (!app) return std::unexpected(app.error());
  control->state_->app = *std::move(app);
  return control;
}

base::Result<json::Value> Control::call(std::string_view method, const std::string& target,
                                        std::string body) {
  net::ClientRequest request;
  request.method = method;
  request.url = "http://localhost" + target;
  request.unix_socket = state_->path.path();
  request.idle_timeout = request.first_byte_timeout = base::seconds(60);
  if (!body.empty()) request.headers = {{"content-type", "application/json"}};
  request.body = std::move(body);
  TRY(const net::ClientResponse response, net::fetch(*state_->client, std::move(request)));
  return read_answer(response);
}

base::Result<json::Value> Control::get(const std::string& target) {
  return call("GET", target, "");
}
base::Result<json::Value> Control::post(const std::string& target, const json::Value& body) {
  return call("POST", target, json::dump(body));
}
base::Result<json::Value> Control::remove(const std::string& target) {
  return call("DELETE", target, "");
}

base::Result<json::Array> Control::list(const std::string& target) {
  json::Array all;
  const std::string first = target + (target.find('?') == std::string::npos ? "?" : "&") +
                            "limit=" + std::to_string(kPageSize);
  for (std::string next = first;;) {
    TRY(json::Value page, get(next));
    json::Value* data = page.find("data");
    if (data == nullptr || !data->is_array())
      return base::fail(Code::Internal, "the server's answer is not a list", target);
    for (json::Value& item : data->as_array()) all.push_back(std::move(item));
    const json::Value& more = page["has_more"];
    if (!more.is_bool() || !more.as_bool() || !page["last_id"].is_string()) return all;
    next = first + "&after=" + page["last_id"].as_string();
  }
}

}  // namespace server
