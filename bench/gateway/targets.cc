#include "bench/gateway/targets.h"

#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/time.h"
#include "bench/gateway/charter_target.h"
#include "net/raw_client.h"

namespace bench {
namespace {

namespace fs = std::filesystem;
constexpr int64_t kStartNs = 120'000'000'000;

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value ? value : "";
}

std::string upstream_of(const Setting& setting) {
  return "http://127.0.0.1:" + std::to_string(setting.mock_port);
}

double resident_bytes_of(pid_t pid) {
  double sum = 0;
  const std::string folder = "/proc/" + std::to_string(pid);
  std::ifstream status(folder + "/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("VmRSS:")) sum += std::stod(line.substr(6)) * 1024;
  }
  std::ifstream children(folder + "/task/" + std::to_string(pid) + "/children");
  for (pid_t child = 0; children >> child;) sum += resident_bytes_of(child);
  return sum;
}

bool answers(uint16_t port) {
  net::RawClient client(port);
  return client.connected() &&
         client.send("GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n") &&
         client.read_until("\r\n").starts_with("HTTP/1.");
}

std::string write_file(const Target& target, const std::string& name, const std::string& text) {
  const std::string path = files::join(target.folder->path(), name);
  std::ofstream(path) << text;
  return path;
}

std::unique_ptr<Target> start_direct(const Setting& setting, std::string*) {
  auto target = std::make_unique<Target>();
  target->name = "direct";
  target->port = setting.mock_port;
  return target;
}

std::unique_ptr<Target> start_floor(const Setting& setting, std::string* why_not) {
  auto target = make_target("net alone");
  const std::string port = std::to_string(target->port);
  return start_target(std::move(target),
                      {setting.self, "floor", "--port", port, "--upstream",
                       std::to_string(setting.mock_port), "--threads", "2"},
                      why_not);
}

std::unique_ptr<Target> start_nginx(const Setting& setting, std::string* why_not) {
  const std::string program = "/usr/sbin/nginx";
  if (!fs::exists(program)) {
    *why_not = "not installed: apt-get install nginx-light";
    return nullptr;
  }
  auto target = make_target("nginx");
  const std::string conf = write_file(
      *target, "nginx.conf",
      "daemon off; worker_processes 2; error_log /dev/null; pid " + target->folder->path() +
          "/pid;\nevents { worker_connections 8192; }\nhttp { access_log off; tcp_nodelay on;\n"
          "keepalive_requests 100000000; client_body_temp_path " +
          target->folder->path() + "/b; proxy_temp_path " + target->folder->path() +
          "/p; fastcgi_temp_path " + target->folder->path() + "/f; uwsgi_temp_path " +
          target->folder->path() + "/u; scgi_temp_path " + target->folder->path() +
          "/s;\nupstream mock { server 127.0.0.1:" + std::to_string(setting.mock_port) +
          "; keepalive 2048; keepalive_requests 100000000; }\nserver { listen 127.0.0.1:" +
          std::to_string(target->port) +
          " backlog=4096; location / { proxy_pass http://mock; proxy_http_version 1.1; "
          "proxy_set_header Connection \"\"; proxy_buffering off; } } }\n");
  return start_target(std::move(target), {program, "-c", conf}, why_not);
}

// LiteLLM's own advice for production: no debug log, no price list from the network.
std::unique_ptr<Target> start_litellm(const Setting& setting, std::string* why_not) {
  const std::string program = environment("CHARTER_BENCH_LITELLM");
  if (program.empty()) {
    *why_not = "CHARTER_BENCH_LITELLM does not name its program (pip install 'litellm[proxy]')";
    return nullptr;
  }
  auto target = make_target("litellm");
  target->key = "sk-a-key-that-is-long-enough-for-its-own-check-4711";
  const std::string conf = write_file(
      *target, "config.yaml",
      "model_list:\n  - model_name: mock\n    litellm_params:\n      model: openai/mock\n"
      "      api_base: " +
          upstream_of(setting) +
          "/v1\n      api_key: none\nlitellm_settings:\n  telemetry: false\n"
          "general_settings:\n  master_key: " +
          target->key + "\n");
  const std::string port = std::to_string(target->port);
  return start_target(std::move(target),
                      {"/usr/bin/env", "LITELLM_MODE=PRODUCTION", "LITELLM_LOG=ERROR",
                       "LITELLM_LOCAL_MODEL_COST_MAP=True", program, "--config", conf, "--host",
                       "127.0.0.1", "--port", port, "--num_workers", "2"},
                      why_not);
}

std::unique_ptr<Target> start_portkey(const Setting& setting, std::string* why_not) {
  const std::string program = environment("CHARTER_BENCH_PORTKEY");
  if (program.empty()) {
    *why_not = "CHARTER_BENCH_PORTKEY does not name its start-server.js (npm @portkey-ai/gateway)";
    return nullptr;
  }
  auto target = make_target("portkey");
  target->key = "none";
  target->headers =
      "x-portkey-provider: openai\r\nx-portkey-custom-host: " + upstream_of(setting) + "/v1\r\n";
  const std::string port = "--port=" + std::to_string(target->port);
  return start_target(
      std::move(target),
      {"/usr/bin/env", "NODE_ENV=production", "TRUSTED_CUSTOM_HOSTS=127.0.0.1,localhost", "node",
       program, "--headless", port},
      why_not);
}

}  // namespace

std::unique_ptr<Target> start_target(std::unique_ptr<Target> target,
                                     std::vector<std::string> command, std::string* why_not) {
  const int64_t start_ns = base::monotonic_ns();
  target->child = std::make_unique<Child>(command);
  while (target->child->alive() && base::monotonic_ns() - start_ns < kStartNs) {
    if (answers(target->port)) {
      target->start_ms = static_cast<double>(base::monotonic_ns() - start_ns) / 1e6;
      return target;
    }
    usleep(500);
  }
  *why_not = "it did not start: " + command[0];
  return nullptr;
}

std::unique_ptr<Target> make_target(const std::string& name) {
  auto target = std::make_unique<Target>();
  target->name = name;
  target->port = free_port();
  auto folder = files::TemporaryDirectory::create("charter-bench");
  if (folder) target->folder = std::make_unique<files::TemporaryDirectory>(*std::move(folder));
  return target;
}

double Target::resident_bytes() const { return child ? resident_bytes_of(child->pid()) : 0; }

uint16_t free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool good = bind(fd, reinterpret_cast<const sockaddr*>(&address), size) == 0 &&
                    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  close(fd);
  return good ? ntohs(address.sin_port) : uint16_t{0};
}

std::unique_ptr<Child> start_mock(const Setting& setting, int frame_ms) {
  auto mock = std::make_unique<Child>(
      std::vector<std::string>{setting.self, "mock", "--port", std::to_string(setting.mock_port),
                               "--frame-ms", std::to_string(frame_ms)});
  return mock->started() && mock->read_some() ? std::move(mock) : nullptr;
}

const std::vector<TargetKind>& target_kinds() {
  static const std::vector<TargetKind> kinds{
      {"direct", start_direct},
      {"charter", start_charter_plain},
      {"charter governed", start_charter_governed},
      {"net alone", start_floor},
      {"nginx", start_nginx},
      {"litellm", start_litellm},
      {"portkey", start_portkey},
  };
  return kinds;
}

}  // namespace bench
