// Events and answers of providers: whatever bytes come, in whatever pieces, neither the parser nor
// the readers of both wires break, and what is handed out fits what was asked for.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "gateway/sse.h"
#include "gateway/wire.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  gateway::Generation generation;
  generation.input = gateway::Messages{json::Array{}};
  generation.choices = data[0] % 3 + 1;
  const auto kind =
      data[0] & 0x80 ? gateway::UpstreamKind::Anthropic : gateway::UpstreamKind::OpenAi;
  const size_t step = data[1] + 1u;
  std::string_view rest(reinterpret_cast<const char*>(data) + 2, size - 2);
  const auto reader = gateway::make_reader(kind, generation);
  gateway::SseParser parser(4096);
  while (!rest.empty()) {
    const std::string_view piece = rest.substr(0, step);
    rest.remove_prefix(piece.size());
    const auto status = parser.push(piece, [&](std::string_view type, std::string_view event) {
      std::vector<gateway::Delta> deltas;
      const base::Status read = reader->read_event(type, event, &deltas);
      for (const gateway::Delta& delta : deltas)
        if (delta.choice < 0 || delta.choice >= generation.choices) std::abort();
      return read;
    });
    if (!status) break;
  }
  return 0;
}
