// One request of the client: its curl handle's options and callbacks, and what its failures are
// called. Within net/ only.
#pragma once

#include <curl/curl.h>

#include <atomic>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "net/http_client.h"

namespace net {

class ClientLoop;

class Call final : public ClientCall, public std::enable_shared_from_this<Call> {
 public:
  Call(ClientLoop& loop, ClientRequest request, std::shared_ptr<ClientSink> sink);
  ~Call() override;

  void cancel() override;

  // --- for the loop, on its thread
  static void prepare(CURL* easy, ClientLoop& loop);  // a new or reset handle
  base::Status set_up(CURL* easy);  // a prepared one; what cannot be sent is invalid_request
  bool is_special() const;
  CURL* easy() const { return easy_; }
  CURL* release_easy();
  bool added() const { return added_; }  // to the multi handle
  void set_added() { added_ = true; }
  base::Status status_of(CURLcode code);
  // Whether a deadline has passed, and which: an empty pointer while none has.
  base::Status check_deadline(int64_t now_ns) const;
  base::Status cancelled_status() const;
  bool is_cancelled() const { return cancelled_.load(std::memory_order_relaxed); }
  void end(const base::Status& status);  // once

 private:
  base::Status add_headers();
  void set_method();
  void set_connection();
  bool take_header_line(std::string_view line);
  bool take_body(std::string_view bytes);
  void deliver_head();
  base::Status failure(base::Code code, std::string message, std::string reason) const;
  static size_t on_header(char* bytes, size_t size, size_t count, void* self);
  static size_t on_body(char* bytes, size_t size, size_t count, void* self);
  static curl_socket_t on_open_socket(void* self, curlsocktype purpose, curl_sockaddr* address);

  std::mutex mutex_;
  ClientLoop* loop_;  // under mutex_ off the loop's thread; null after the end
  std::atomic<bool> cancelled_{false};

  const ClientRequest request_;
  std::shared_ptr<ClientSink> sink_;
  CURL* easy_ = nullptr;
  bool added_ = false;
  curl_slist* header_list_ = nullptr;
  int64_t started_ns_ = 0;
  int64_t last_byte_ns_ = 0;
  int status_ = 0;
  std::vector<Header> headers_;
  size_t head_bytes_ = 0;
  size_t body_bytes_ = 0;
  bool head_complete_ = false;
  bool head_delivered_ = false;
  bool address_refused_ = false;
  bool too_large_ = false;
  bool head_too_large_ = false;
};

}  // namespace net
