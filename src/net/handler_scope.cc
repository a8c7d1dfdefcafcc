#include "net/handler_scope.h"

#include <utility>

namespace net {
namespace {

thread_local HandlerScope* open_scope = nullptr;

}  // namespace

HandlerScope::HandlerScope(const boost::asio::io_context& context)
    : context_(&context), outer_(open_scope) {
  if (!outer_) open_scope = this;
}

HandlerScope::~HandlerScope() {
  if (outer_) return;
  while (!work_.empty()) {
    for (std::move_only_function<void()>& work : std::exchange(work_, {})) work();
  }
  open_scope = nullptr;
}

bool HandlerScope::defer(const boost::asio::io_context& context,
                         std::move_only_function<void()> work) {
  if (!open_scope || open_scope->context_ != &context) return false;
  open_scope->work_.push_back(std::move(work));
  return true;
}

}  // namespace net
