#include "gateway/generation.h"

namespace gateway {

std::string_view finish_name(Finish finish) {
  switch (finish) {
    case Finish::Stop:
      return "stop";
    case Finish::Length:
      return "length";
    case Finish::ToolCalls:
      return "tool_calls";
    case Finish::ContentFilter:
      return "content_filter";
    case Finish::Cancelled:
      return "cancelled";
    case Finish::Error:
      return "error";
  }
  return "error";
}

}  // namespace gateway
