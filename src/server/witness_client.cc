#include "server/witness_client.h"

#include <algorithm>
#include <thread>

#include "govern/refusal.h"
#include "govern/witness_core.h"

namespace server {
namespace {

using base::Result;

constexpr base::Duration kClockSlack = base::seconds(300);
constexpr int kAttempts = 3;  // another client of this log may be answered in between

Result<net::ClientResponse> post(net::HttpClient& client, const std::string& url,
                                 const govern::AddCheckpoint& request) {
  net::ClientRequest asked;
  asked.url = url + (url.ends_with('/') ? "" : "/") + "add-checkpoint";
  asked.headers = {{"content-type", "text/plain; charset=utf-8"}};
  asked.body = govern::format_add_checkpoint(request);
  asked.first_byte_timeout = asked.idle_timeout = base::seconds(20);
  asked.response_bytes_max = 64u << 10;
  return net::fetch(client, std::move(asked));
}

// The one of this witness among the lines that came; other keys' are ignored.
Result<govern::NoteSignature> read_cosignature(const std::string& body, const std::string& text,
                                               const govern::WitnessKey& key, base::Time now) {
  TRY(const auto lines, govern::parse_signature_lines(body));
  const auto line = std::ranges::find_if(lines, [&](const govern::NoteSignature& s) {
    return s.name == key.name && s.id == key.id();
  });
  if (line == lines.end())
    return govern::corrupt("BAD_SIG", "the answer holds no cosignature of the witness's key",
                           key.name);
  TRY(const auto verified, govern::verify_cosignatures({text, {*line}}, {&key, 1}));
  if (verified.at(0).time > now + kClockSlack)
    return govern::refuse("CLOCK",
                          "the cosignature is dated in the future (" +
                              base::rfc3339(verified[0].time) + "); is a clock wrong?",
                          key.name);
  return *line;
}

Result<govern::NoteSignature> ask(net::HttpClient& client, const govern::PolicyWitness& witness,
                                  const journal::Log& log, const base::Clock& clock) {
  const govern::Checkpoint& own = log.checkpoint();
  govern::AddCheckpoint request{0, {}, log.checkpoint_note()};
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    TRY(const net::ClientResponse answer, post(client, witness.url, request));
    if (answer.status == 200)
      return read_cosignature(answer.body, govern::format_checkpoint(own), witness.key,
                              clock.now());
    std::string said = answer.body.substr(0, 200);
    while (said.ends_with('\n')) said.pop_back();
    if (answer.status == 422)
      return govern::corrupt("INCONSISTENT", "the witness has cosigned another history: " + said,
                             witness.name);
    if (answer.status != 409)
      return base::fail(base::Code::Unavailable,
                        "the witness answered " + std::to_string(answer.status) + ": " + said,
                        witness.name);
    TRY(request.old_size, govern::parse_decimal(said));
    if (request.old_size > own.size)
      return govern::corrupt("INCONSISTENT",
                             "the witness has cosigned " + said +
                                 " entries of this log, which has " + std::to_string(own.size) +
                                 " here: it was set back",
                             witness.name);
    request.proof = log.consistency_proof(request.old_size);
  }
  return base::fail(base::Code::Unavailable, "the witness names another size every time",
                    witness.name);
}

}  // namespace

std::vector<WitnessReply> ask_witnesses(net::HttpClient& client,
                                        const govern::WitnessPolicy& policy,
                                        const journal::Log& log, const base::Clock& clock) {
  std::vector<WitnessReply> replies;
  for (const govern::PolicyWitness& witness : policy.witnesses) {
    if (!witness.url.empty()) replies.push_back({witness.name, witness.url, {}});
  }
  std::vector<std::jthread> threads;
  for (WitnessReply& reply : replies) {
    const auto witness = std::ranges::find(policy.witnesses, reply.name,
                                           [](const govern::PolicyWitness& w) { return w.name; });
    threads.emplace_back([&, witness = &*witness, reply = &reply] {
      reply->cosignature = ask(client, *witness, log, clock);
    });
  }
  threads.clear();
  return replies;
}

}  // namespace server
