// The client's part of one event loop: a curl multi handle whose sockets and timers Asio waits for.
// All of it runs on the loop's thread. Within net/ only.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "net/client_call.h"
#include "net/http_client.h"

namespace net {

class ClientLoop : public std::enable_shared_from_this<ClientLoop> {
 public:
  ClientLoop(boost::asio::io_context& context, const ClientOptions& options);
  ~ClientLoop();  // after stop()
  ClientLoop(const ClientLoop&) = delete;

  boost::asio::io_context& context() { return context_; }
  bool on_thread() const { return context_.get_executor().running_in_this_thread(); }

  void send(std::shared_ptr<Call> call);  // any thread
  void cancel(Call& call);                // on the loop's thread
  void stop();  // on the loop's thread, or when it runs no more: ends every call

  int64_t calls() const { return calls_.load(std::memory_order_relaxed); }
  int64_t calls_open() const { return calls_open_.load(std::memory_order_relaxed); }
  int64_t connections_opened() const { return connections_.load(std::memory_order_relaxed); }

  // For a call's easy handle.
  curl_socket_t open_socket(const curl_sockaddr& address);
  static int close_socket(void* self, curl_socket_t fd);

 private:
  struct Socket;

  void begin(std::shared_ptr<Call> call);
  void wake();
  void drive();
  void add(Call& call);
  void act(curl_socket_t fd, int mask);
  void finish_done();
  void finish(Call& call, const base::Status& status);
  void check_deadlines(int64_t now_ns);
  void arm_timer();
  void on_timer();
  std::shared_ptr<Socket> make_socket(curl_socket_t fd);  // null when the system refuses
  void wait(const std::shared_ptr<Socket>& socket);
  void wait_again(const std::shared_ptr<Socket>& socket);
  void ready(const std::shared_ptr<Socket>& socket, int mask);
  void forget(curl_socket_t fd, bool close);
  static int socket_changed(CURL*, curl_socket_t fd, int what, void* self, void*);
  static int timer_changed(CURLM*, long timeout_ms, void* self);

  boost::asio::io_context& context_;
  CURLM* multi_;
  boost::asio::steady_timer timer_;
  int64_t timer_ns_ = 0;          // when timer_ fires; 0: not armed
  int64_t curl_deadline_ns_ = 0;  // when curl wants to be called; 0: never
  bool curl_due_ = false;         // curl wants to be called now
  bool drive_coming_ = false;
  int inside_ = 0;  // curl: its callbacks may not call it
  std::unordered_map<curl_socket_t, std::shared_ptr<Socket>> sockets_;
  std::unordered_map<Call*, std::shared_ptr<Call>> open_;
  std::vector<std::shared_ptr<Call>> begun_;  // not yet with curl
  std::vector<std::shared_ptr<Call>> cancelled_inside_;
  std::vector<CURL*> spare_;
  std::atomic<int64_t> calls_{0}, calls_open_{0}, connections_{0};

  std::mutex mutex_;
  bool stopped_ = false;  // under mutex_ when written, or read off the loop's thread
};

}  // namespace net
