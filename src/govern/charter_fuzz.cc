// charter.toml is written by people and read by everyone: any bytes, and counting under whatever
// parses.
#include "govern/charter.h"
#include "govern/gate.h"
#include "govern/tally.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto charter = govern::parse_charter({reinterpret_cast<const char*>(data), size});
  if (!charter) return 0;
  govern::standard_digest(*charter);
  for (const govern::Power& power : charter->powers) {
    std::vector<govern::CountedVote> votes;
    for (const govern::Body& body : charter->bodies) {
      for (const std::string& member : body.members)
        votes.push_back({body.id, member, govern::Vote::For, 1});
    }
    govern::count(*charter, power, votes);
  }
  return 0;
}
