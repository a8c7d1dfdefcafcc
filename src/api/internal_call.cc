#include "api/internal_call.h"

#include <charconv>
#include <mutex>

#include "api/routes.h"
#include "api/service.h"
#include "api/workers.h"

namespace api {
namespace {

// What an Exchange would have sent: a head that this process wrote, then the body.
InternalResponse read_answer(const std::string& bytes) {
  InternalResponse response;
  std::from_chars(bytes.data() + std::min<size_t>(9, bytes.size()), bytes.data() + bytes.size(),
                  response.status);
  const size_t end = bytes.find("\r\n\r\n");
  if (end != std::string::npos) response.body = bytes.substr(end + 4);
  return response;
}

class Under final : public InternalCall, public std::enable_shared_from_this<Under> {
 public:
  explicit Under(std::function<void(InternalResponse)> done) : done_(std::move(done)) {}

  void start(App& app, const identity::Caller& caller, InternalRequest given) {
    net::Request request;
    request.method = given.method;
    request.target = request.path = given.path;
    request.version_minor = 0;  // a streamed answer needs no chunks
    request.body = std::move(given.body);
    request.body_bytes_max = request.body.size();
    request.headers = {{"content-type", "application/json"}};
    request.received_ns = base::monotonic_ns();
    // The exchange calls under its lock, so what it has is fetched by a worker.
    exchange_ = std::make_shared<net::Exchange>(std::move(request), true, SIZE_MAX,
                                                [weak = weak_from_this(), &app] {
                                                  app.workers.run([weak] {
                                                    if (const auto strong = weak.lock())
                                                      strong->collect();
                                                  });
                                                });
    Call call;
    call.app = &app;
    call.request_id = std::move(given.request_id);
    call.caller = caller;
    call.batch = given.batch;
    call.exchange = net::guard_exchange(exchange_, [](const net::Request& of) {
      return error_response({base::Code::Internal, "a handler gave no answer", {}, of.path, {}});
    });
    Match match = find_route(given.method, given.path);
    if (match.route == nullptr)
      return call.respond(error_response(unknown_url(given.method, given.path)));
    if (const auto refused = check_scope(*match.route, caller))
      return call.respond(error_response(*refused));
    call.route = match.route;
    call.parameters = std::move(match.parameters);
    app.workers.run([call] { call.route->handle(call); });
  }

  void cancel() override {
    {
      const std::lock_guard lock(mutex_);
      done_ = nullptr;
    }
    exchange_->peer_gone();
  }

 private:
  void collect() {
    std::function<void(InternalResponse)> done;
    std::string bytes;
    {
      const std::lock_guard lock(mutex_);
      const size_t before = bytes_.size();
      const auto stage = exchange_->collect(&bytes_);
      exchange_->sent(bytes_.size() - before);
      const bool over =
          stage == net::Exchange::Stage::Ended || stage == net::Exchange::Stage::Aborted;
      if (!over || !done_) return;
      done = std::exchange(done_, nullptr);
      bytes = std::move(bytes_);
    }
    exchange_->finished();
    done(read_answer(bytes));
  }

  std::shared_ptr<net::Exchange> exchange_;
  std::mutex mutex_;  // all below
  std::function<void(InternalResponse)> done_;
  std::string bytes_;
};

}  // namespace

std::shared_ptr<InternalCall> run_internal_call(App& app, const identity::Caller& caller,
                                                InternalRequest request,
                                                std::function<void(InternalResponse)> done) {
  auto under = std::make_shared<Under>(std::move(done));
  under->start(app, caller, std::move(request));
  return under;
}

}  // namespace api
