// A request that comes from inside: a line of a batch takes the same route, handler, gateway and
// ledger as one that comes by the network, in the name of a caller who was authenticated before.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/call.h"

namespace api {

struct InternalRequest {
  std::string method = "POST";
  std::string path = {};  // "/v1/embeddings"
  std::string body = {};
  std::string request_id = {};  // the ledger knows it by this
  bool batch = false;           // priced and scheduled as batch work
};

struct InternalResponse {
  int status = 0;
  std::string body = {};
};

// A request under way. Letting go of it without cancel() leaves it running, unheard.
class InternalCall {
 public:
  virtual ~InternalCall() = default;
  // The handler learns that its client is gone; `done` is not called any more.
  virtual void cancel() = 0;
};

// `done` comes once with the whole answer, on any thread, perhaps before this returns; it must not
// block. Streamed answers come whole, as their text. The returned object must be kept until then.
std::shared_ptr<InternalCall> run_internal_call(App& app, const identity::Caller& caller,
                                                InternalRequest request,
                                                std::function<void(InternalResponse)> done);

}  // namespace api
