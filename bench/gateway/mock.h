// An upstream provider that costs next to nothing: one thread, one epoll, answers of fixed text
// after a fixed delay. It speaks enough of chat completions for the gateways that are measured.
#pragma once

#include <cstdint>

namespace bench {

struct MockOptions {
  uint16_t port = 0;
  int delay_ms = 20;  // before an answer, or a stream's first frame
  int frame_ms = 50;  // between two frames
};

// Frames of a stream carry their number and the time they were sent: "17@123456789 ", in
// nanoseconds of the monotonic clock; max_tokens is the number of frames. Prints "ready" when it
// listens; serves until the process ends.
int run_mock(const MockOptions& options);

}  // namespace bench
