#include "bench/gateway/floor.h"

#include <unistd.h>

#include <cstdio>

#include "net/http_client.h"
#include "net/http_server.h"

namespace bench {
namespace {

class Relay final : public net::ClientSink {
 public:
  explicit Relay(std::shared_ptr<net::Exchange> exchange) : exchange_(std::move(exchange)) {}

  void head(int status, const std::vector<net::Header>& headers) override {
    response_.status = status;
    bool streamed = true;
    for (const net::Header& header : headers) {
      if (header.name == "content-type") response_.headers.push_back(header);
      if (header.name == "content-length") streamed = false;
    }
    if (streamed) exchange_->begin_stream(response_);
  }
  void data(std::string_view bytes) override {
    if (exchange_->answered())
      exchange_->write(bytes);
    else
      response_.body += bytes;
  }
  void end(const base::Status& status) override {
    if (!status) return exchange_.reset();  // cut off, or a 500
    if (exchange_->answered())
      exchange_->end();
    else
      exchange_->respond(std::move(response_));
  }

 private:
  std::shared_ptr<net::Exchange> exchange_;
  net::Response response_;
};

class Proxy final : public net::Service {
 public:
  explicit Proxy(uint16_t upstream_port)
      : upstream_("http://127.0.0.1:" + std::to_string(upstream_port)) {}
  std::optional<net::Response> admit(net::Request&) override { return {}; }
  net::Response refuse(int status, std::string_view message, std::string_view) override {
    return {status, {}, std::string(message)};
  }
  void handle(std::shared_ptr<net::Exchange> exchange) override {
    net::Request& request = exchange->request();
    net::ClientRequest onward;
    onward.url = upstream_ + request.target;
    onward.headers = {{"Content-Type", std::string(request.header("content-type"))}};
    onward.body = std::move(request.body);
    auto relay = std::make_shared<Relay>(exchange);
    const std::shared_ptr<net::ClientCall> call = client->send(std::move(onward), relay);
    exchange->on_close([call] { call->cancel(); });
  }

  std::unique_ptr<net::HttpClient> client;

 private:
  const std::string upstream_;
};

}  // namespace

int run_floor(uint16_t port, uint16_t upstream_port, int threads) {
  net::ServerOptions options;
  options.port = port;
  options.threads = threads;
  auto server = net::HttpServer::listen(options);
  if (!server) {
    std::fprintf(stderr, "%s\n", server.error().text().c_str());
    return 74;
  }
  Proxy proxy(upstream_port);
  auto client = net::HttpClient::attach(**server);
  if (!client) return 70;
  proxy.client = *std::move(client);
  (*server)->start(proxy);
  std::puts("ready");
  std::fflush(stdout);
  while (true) pause();
}

}  // namespace bench
