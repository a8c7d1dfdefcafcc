// What a handler of an event loop leaves for its own end, on the same thread: cheaper than posting
// it, which costs a look at the sockets first. Within net/ only.
#pragma once

#include <functional>
#include <vector>

namespace boost::asio {
class io_context;
}

namespace net {

// Opened by a handler of `context`; its end runs what was left. An inner one leaves it to the
// outer.
class HandlerScope {
 public:
  explicit HandlerScope(const boost::asio::io_context& context);
  ~HandlerScope();
  HandlerScope(const HandlerScope&) = delete;

  // False when this thread is in no handler of `context`: then the caller posts.
  static bool defer(const boost::asio::io_context& context, std::move_only_function<void()> work);

 private:
  const boost::asio::io_context* const context_;
  HandlerScope* const outer_;
  std::vector<std::move_only_function<void()>> work_;
};

}  // namespace net
