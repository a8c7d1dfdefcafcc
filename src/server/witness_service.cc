#include "server/witness_service.h"

#include <algorithm>

#include "govern/witness_core.h"

namespace server {
namespace {

constexpr std::string_view kText = "text/plain; charset=utf-8";
constexpr std::string_view kAddCheckpoint = "/add-checkpoint";
constexpr std::string_view kCheckpoint = "/checkpoint";

net::Response text_response(int status, std::string body) {
  return {status,
          {{"content-type", std::string(kText)}, {"cache-control", "no-store"}},
          std::move(body)};
}

}  // namespace

std::optional<net::Response> WitnessService::admit(net::Request& request) {
  request.body_bytes_max = 0;
  if (request.path == kAddCheckpoint) {
    if (request.method != "POST")
      return refuse(405, "add-checkpoint is asked for with POST", request.path);
    request.body_bytes_max = govern::kAddCheckpointBytesMax;
    return std::nullopt;
  }
  const bool known = request.path == "/healthz" || request.path.ends_with(kCheckpoint);
  if (!known) return refuse(404, "there is nothing here", request.path);
  if (request.method != "GET" && request.method != "HEAD")
    return refuse(405, "this is asked for with GET", request.path);
  return std::nullopt;
}

void WitnessService::handle(std::shared_ptr<net::Exchange> exchange) {
  const std::string& path = exchange->request().path;
  if (path == "/healthz") return exchange->respond(text_response(200, "ok\n"));
  if (path == kAddCheckpoint) {
    const bool taken = workers_.try_run([this, exchange] {
      govern::WitnessAnswer answer =
          store_.add_checkpoint(exchange->request().body_view(), clock_.now());
      exchange->respond({answer.status,
                         {{"content-type", std::move(answer.content_type)}},
                         std::move(answer.body)});
    });
    if (!taken) exchange->respond(text_response(503, "too many checkpoints wait; try again\n"));
    return;
  }
  // "/<id>/checkpoint"
  const std::string id =
      path.substr(1, path.size() - std::min(path.size(), 1 + kCheckpoint.size()));
  std::optional<std::string> note = store_.cosigned(id);
  exchange->respond(note ? text_response(200, *std::move(note))
                         : text_response(404, "this witness has cosigned no such log\n"));
}

net::Response WitnessService::refuse(int status, std::string_view message, std::string_view) {
  return text_response(status, std::string(message) + '\n');
}

}  // namespace server
