// The load generator: one thread, one epoll, many connections that each send the next request when
// the last is answered. Every answer is checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

struct LoadOptions {
  uint16_t port = 0;
  std::string path = "/v1/chat/completions";
  std::string key;  // of the Authorization header; empty: none
  std::string model = "mock";
  std::string headers;  // more of them, each with its line end
  int connections = 1;
  int64_t requests = 0;  // in all; 0: as many as fit into `seconds`
  double seconds = 0;
  int64_t warm_up = 20;       // requests that are not counted
  int64_t stream_frames = 0;  // 0: plain answers
  int64_t max_tokens = 16;    // of plain answers
};

struct LoadResult {
  int64_t good = 0;
  int64_t failed = 0;       // another status, a cut, a frame missing or out of order
  int64_t frames = 0;       // received
  int64_t frames_lost = 0;  // of all streams
  double seconds = 0;
  std::vector<int64_t> latency_ns;  // plain: to the answer's end; streams: to the first frame
  std::vector<int64_t> frame_ns;    // from the upstream's sending of a frame to its arrival
  std::string first_failure;        // what was received, cut short
};

LoadResult run_load(const LoadOptions& options);

int64_t percentile(std::vector<int64_t>* values, double share);  // sorts; 0 of none

}  // namespace bench
