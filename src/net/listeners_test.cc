// The server's other doors: TLS, a unix-domain socket, several addresses; and bodies that go to a
// file.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdio>
#include <fstream>
#include <thread>

#include "files/files.h"
#include "net/http_client.h"
#include "net/http_server.h"
#include "net/raw_client.h"

namespace net {
namespace {

// Tells how the request came in.
class DoorService : public Service {
 public:
  std::optional<Response> admit(Request& request) override {
    request.spool = request.path == "/upload";
    request.body_bytes_max = 64u << 20;
    if (request.path == "/refused") return Response{401, {}, "no"};
    return {};
  }
  void handle(std::shared_ptr<Exchange> exchange) override {
    const Request& request = exchange->request();
    std::string text = request.remote_address;
    text += request.via_unix_socket ? " unix" : "";
    text += request.via_tls ? " tls" : "";
    text += request.spooled ? " spooled" : "";
    uint64_t sum = 0;
    for (const char c : request.body_view()) sum = sum * 31 + static_cast<unsigned char>(c);
    text += " " + std::to_string(request.body_view().size()) + " " + std::to_string(sum);
    if (request.path == "/slow") {
      std::thread([exchange, text] {
        std::this_thread::sleep_for(std::chrono::milliseconds(30));
        exchange->respond({200, {}, text});
      }).detach();
      return;
    }
    exchange->respond({200, {}, text});
  }
  Response refuse(int status, std::string_view message, std::string_view) override {
    return {status, {}, std::string(message)};
  }
};

uint64_t sum_of(std::string_view bytes) {
  uint64_t sum = 0;
  for (const char c : bytes) sum = sum * 31 + static_cast<unsigned char>(c);
  return sum;
}

std::string output_of(const std::string& command) {
  std::string out;
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) return out;
  char bytes[4096];
  for (size_t count; (count = fread(bytes, 1, sizeof bytes, pipe)) > 0;) out.append(bytes, count);
  pclose(pipe);
  return out;
}

class ListenersTest : public testing::Test {
 protected:
  ListenersTest() : folder_(files::TemporaryDirectory::create("listeners").value()) {}

  std::string in_folder(std::string_view name) const { return files::join(folder_.path(), name); }
  void make_certificate(const std::string& name, const std::string& subject) const {
    const std::string made = output_of(
        "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -days 2 -subj /CN=" +
        subject + " -addext subjectAltName=IP:127.0.0.1 -keyout " + in_folder(name + ".key") +
        " -out " + in_folder(name + ".pem") + " 2>&1 && echo made");
    ASSERT_TRUE(made.ends_with("made\n")) << made;
  }
  ServerOptions tls_options() {
    make_certificate("one", "first");
    ServerOptions options;
    options.tls = true;
    options.certificate_file = in_folder("one.pem");
    options.key_file = in_folder("one.key");
    return options;
  }
  void start(const ServerOptions& options) {
    auto server = HttpServer::listen(options);
    ASSERT_TRUE(server) << server.error().text();
    server_ = *std::move(server);
    server_->start(service_);
  }
  std::string port(size_t index = 0) const { return std::to_string(server_->ports()[index]); }

  files::TemporaryDirectory folder_;
  DoorService service_;
  std::unique_ptr<HttpServer> server_;
};

TEST_F(ListenersTest, TlsWithCurlAndOurOwnClient) {
  start(tls_options());
  const std::string url = "https://127.0.0.1:" + port();
  const std::string curl = "curl -sS --cacert " + in_folder("one.pem") + " ";
  EXPECT_EQ(output_of(curl + url + "/a " + url + "/b"), "127.0.0.1 tls 0 0127.0.0.1 tls 0 0");
  EXPECT_EQ(server_->stats().connections_accepted, 1) << "kept alive";
  EXPECT_EQ(output_of(curl + "-o /dev/null -w '%{http_code}' -d @" + in_folder("one.pem") + " " +
                      url + "/refused"),
            "401");
  EXPECT_EQ(output_of(curl + "--tls-max 1.1 " + url + " 2>/dev/null"), "");
  EXPECT_TRUE(output_of(curl + "--tls-max 1.2 " + url).starts_with("127.0.0.1 tls"));

  const auto client = HttpClient::start();
  ASSERT_TRUE(client);
  ClientRequest request;
  request.url = url;
  request.body.assign(1'000'000, 'x');
  const auto strict = fetch(**client, request);
  ASSERT_FALSE(strict);
  EXPECT_EQ(strict.error().reason, "tls_failed");
  request.ca_file = in_folder("one.pem");
  for (int i = 0; i < 3; ++i) {
    const auto response = fetch(**client, request);
    ASSERT_TRUE(response) << response.error().text();
    EXPECT_EQ(response->body, "127.0.0.1 tls 1000000 " + std::to_string(sum_of(request.body)));
  }
  EXPECT_EQ((*client)->stats().connections_opened, 2);
}

TEST_F(ListenersTest, TlsEndsWithACloseNotify) {
  start(tls_options());
  const std::string said = output_of(
      "printf 'GET /a HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n' | "
      "openssl s_client -quiet -no_ign_eof -ign_eof -connect 127.0.0.1:" +
      port() + " 2>&1");
  EXPECT_NE(said.find("tls 0 0"), std::string::npos) << said;
  EXPECT_EQ(said.find("unexpected eof"), std::string::npos) << said;
}

TEST_F(ListenersTest, TlsIsReloadedOrStays) {
  start(tls_options());
  const auto subject = [&] {
    return output_of("openssl s_client -connect 127.0.0.1:" + port() +
                     " </dev/null 2>/dev/null | openssl x509 -noout -subject");
  };
  EXPECT_NE(subject().find("first"), std::string::npos);
  make_certificate("two", "second");
  ASSERT_TRUE(files::rename(in_folder("two.pem"), in_folder("one.pem")));
  const base::Status mismatch = server_->reload_tls();
  ASSERT_FALSE(mismatch);
  EXPECT_EQ(mismatch.error().where, in_folder("one.key"));
  EXPECT_NE(subject().find("first"), std::string::npos);
  ASSERT_TRUE(files::rename(in_folder("two.key"), in_folder("one.key")));
  ASSERT_TRUE(server_->reload_tls());
  EXPECT_NE(subject().find("second"), std::string::npos);
}

TEST_F(ListenersTest, BadTlsFilesAreNamed) {
  ServerOptions options = tls_options();
  options.certificate_file = in_folder("absent.pem");
  EXPECT_EQ(HttpServer::listen(options).error().where, options.certificate_file);
  options.certificate_file = in_folder("one.key");
  EXPECT_EQ(HttpServer::listen(options).error().where, options.certificate_file);
  options.certificate_file = in_folder("one.pem");
  options.key_file = in_folder("one.pem");
  EXPECT_EQ(HttpServer::listen(options).error().code, base::Code::Malformed);
}

TEST_F(ListenersTest, ATlsPeerThatSaysNothingIsDropped) {
  ServerOptions options = tls_options();
  options.head_timeout = base::milliseconds(50);
  options.tick = base::milliseconds(5);
  start(options);
  RawClient silent(server_->port()), plain(server_->port());
  EXPECT_TRUE(silent.at_end());
  plain.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_EQ(plain.read_all().find("HTTP"), std::string::npos);
}

TEST_F(ListenersTest, SeveralAddressesAndAUnixSocket) {
  ServerOptions options;
  options.more_addresses = {{"127.0.0.1", 0, false}, {"::1", 0, false}};
  options.unix_socket = in_folder("control.sock");
  auto with_six = HttpServer::listen(options);
  if (!with_six) options.more_addresses.pop_back();  // a machine without IPv6
  with_six = base::fail(base::Code::NotFound, "");
  start(options);
  ASSERT_EQ(server_->ports().size(), options.more_addresses.size() + 1);
  for (size_t i = 0; i < 2; ++i) {
    RawClient client(server_->ports()[i]);
    client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    EXPECT_TRUE(client.read_response().ends_with("\r\n\r\n127.0.0.1 0 0"));
  }
  struct stat info{};
  ASSERT_EQ(stat(options.unix_socket.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  RawClient client(options.unix_socket);
  client.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
  EXPECT_TRUE(client.read_response().ends_with("\r\n\r\nunix unix 0 0"));

  ServerOptions again;
  again.unix_socket = options.unix_socket;
  const auto second = HttpServer::listen(again);
  ASSERT_FALSE(second);
  EXPECT_EQ(second.error().code, base::Code::Unavailable);
  server_.reset();
  EXPECT_FALSE(files::exists(options.unix_socket));
  again.unix_socket = in_folder(std::string(200, 'x'));
  EXPECT_EQ(HttpServer::listen(again).error().code, base::Code::InvalidArgument);
}

TEST_F(ListenersTest, AHalfClosedClientGetsItsAnswer) {
  ServerOptions options;
  options.unix_socket = in_folder("control.sock");
  start(options);
  const auto ask = [](RawClient& client) {
    client.send("GET /slow HTTP/1.1\r\nHost: a\r\n\r\nGET /a HTTP/1.1\r\nHost: a\r\n\r\n");
    client.close_sending();
    const std::string all = client.read_all();
    return all.find(" 0 0HTTP/1.1 200") != std::string::npos && all.ends_with(" 0 0");
  };
  RawClient tcp(server_->port()), local(options.unix_socket);
  EXPECT_TRUE(ask(tcp));
  EXPECT_TRUE(ask(local));
}

std::string chunked(std::string_view body, size_t piece) {
  std::string out;
  for (size_t at = 0; at < body.size(); at += piece) {
    char size[20];
    const std::string_view part = body.substr(at, piece);
    std::snprintf(size, sizeof size, "%zx\r\n", part.size());
    out.append(size).append(part).append("\r\n");
  }
  return out + "0\r\n\r\n";
}

TEST_F(ListenersTest, LargeBodiesGoToAFileWithoutAName) {
  ServerOptions options;
  options.spool_directory = folder_.path();
  options.spool_bytes_min = 100'000;
  start(options);
  for (const size_t size : {size_t{100'000}, size_t{100'001}, size_t{262'144}, size_t{3'000'000}}) {
    std::string body(size, 0);
    for (size_t i = 0; i < size; ++i) body[i] = static_cast<char>(i * 7 + i / 251);
    const std::string expected = "127.0.0.1" + std::string(size > 100'000 ? " spooled" : "") + " " +
                                 std::to_string(size) + " " + std::to_string(sum_of(body));
    RawClient client(server_->port());
    for (const char* path : {"/upload", "/upload"}) {  // twice on one connection
      client.send(std::string("POST ") + path + " HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                  std::to_string(size) + "\r\n\r\n" + body);
      const std::string answer = client.read_response();
      EXPECT_TRUE(answer.ends_with("\r\n\r\n" + expected)) << answer;
    }
    client.send("POST /upload HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" +
                chunked(body, 7777));
    const std::string answer = client.read_response();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n" + expected)) << answer;
    client.send("POST /heap HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(size) +
                "\r\n\r\n" + body);
    EXPECT_EQ(client.read_response().find("spooled"), std::string::npos);
  }
  EXPECT_TRUE(files::list_files(folder_.path())->empty());
}

TEST_F(ListenersTest, ABodyThatCannotBeKeptIsRefused) {
  ServerOptions options;
  options.spool_directory = in_folder("absent");
  options.spool_bytes_min = 10;
  start(options);
  RawClient client(server_->port());
  client.send("POST /upload HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n\r\nhello world");
  EXPECT_TRUE(client.read_response().starts_with("HTTP/1.1 503 "));
}

}  // namespace
}  // namespace net
