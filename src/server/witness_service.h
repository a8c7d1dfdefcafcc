// The witness protocol over HTTP (C2SP tlog-witness): POST /add-checkpoint, GET /<id>/checkpoint,
// and GET /healthz. No authentication: what counts is the log's signature in the request.
#pragma once

#include <memory>
#include <optional>
#include <string_view>

#include "api/workers.h"
#include "base/time.h"
#include "journal/witness_store.h"
#include "net/http_server.h"

namespace server {

class WitnessService final : public net::Service {
 public:
  WitnessService(journal::WitnessStore& store, const base::Clock& clock)
      : store_(store), clock_(clock), workers_(1) {}

  std::optional<net::Response> admit(net::Request& request) override;
  void handle(std::shared_ptr<net::Exchange> exchange) override;
  net::Response refuse(int status, std::string_view message, std::string_view path) override;

 private:
  journal::WitnessStore& store_;
  const base::Clock& clock_;
  api::Workers workers_;  // one: a checkpoint waits for the disk
};

}  // namespace server
