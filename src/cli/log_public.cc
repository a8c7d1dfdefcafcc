#include "cli/log_public.h"

#include <cstdio>

#include "cli/command.h"
#include "cli/house_options.h"
#include "files/files.h"
#include "govern/refusal.h"
#include "govern/tlog_proof.h"
#include "journal/charter_house.h"
#include "server/witness_client.h"

namespace cli {
namespace {

using journal::House;

base::Result<govern::WitnessPolicy> read_policy(const std::string& path) {
  TRY(const std::string text, files::read_file(path, 1u << 20));
  auto policy = govern::parse_witness_policy(text);
  if (!policy) return base::wrap(policy.error(), "the witness policy does not read", path);
  return policy;
}

json::Value reply_to_json(const server::WitnessReply& reply) {
  if (!reply.cosignature)
    return json::Object{{"witness", reply.name},
                        {"url", reply.url},
                        {"reason", reply.cosignature.error().reason},
                        {"error", reply.cosignature.error().text()}};
  return json::Object{{"witness", reply.name},
                      {"url", reply.url},
                      {"cosignature", govern::format_signature_line(*reply.cosignature)}};
}

struct Collected {
  std::vector<server::WitnessReply> replies;
  govern::WitnessedCheckpoint seen;
  base::Status alarm;  // INCONSISTENT, when a witness says so
};

// Reads without the house's lock while the witnesses are asked, so that nothing waits for them.
base::Result<Collected> collect(const std::string& folder, const govern::WitnessPolicy& policy,
                                const base::Clock& clock) {
  Collected out;
  TRY(const House house, House::open_to_read(folder));
  TRY(const auto client, net::HttpClient::start());
  out.replies = server::ask_witnesses(*client, policy, house.log(), clock);
  std::vector<govern::NoteSignature> lines;
  for (const server::WitnessReply& reply : out.replies) {
    if (reply.cosignature)
      lines.push_back(*reply.cosignature);
    else if (reply.cosignature.error().reason == "INCONSISTENT")
      out.alarm = std::unexpected(reply.cosignature.error());
  }
  TRY(House writer, House::open(folder));
  TRY_VOID(writer.add_cosignatures(govern::format_checkpoint(house.log().checkpoint()), lines));
  TRY(out.seen,
      govern::open_witnessed(policy, writer.pin().log_key, writer.log().checkpoint_note()));
  return out;
}

// The charter's policy: its witnesses' times count, so they are logged, and the checkpoint that
// covers that entry is cosigned in turn.
base::Result<Collected> collect_and_log(const std::string& folder,
                                        const govern::WitnessPolicy& policy) {
  const base::SystemClock clock;
  TRY(Collected collected, collect(folder, policy, clock));
  if (collected.seen.cosignatures.empty()) return collected;
  {
    TRY(House house, House::open(folder));
    TRY_VOID(journal::log_cosignatures(&house, clock.now()));
  }
  return collect(folder, policy, clock);
}

void print_collected(const Collected& collected, bool as_json) {
  if (as_json) {
    json::Array replies;
    for (const server::WitnessReply& reply : collected.replies)
      replies.push_back(reply_to_json(reply));
    print_json(json::Object{{"size", std::to_string(collected.seen.checkpoint.size)},
                            {"quorum", collected.seen.quorum_met},
                            {"witnesses", std::move(replies)}});
    return;
  }
  for (const server::WitnessReply& reply : collected.replies)
    std::printf("%-20s %s\n", reply.name.c_str(),
                reply.cosignature ? "cosigned" : reply.cosignature.error().text().c_str());
  for (const govern::Cosignature& c : collected.seen.cosignatures)
    std::printf("  %s  %s\n", base::rfc3339(c.time).c_str(), c.witness.name.c_str());
  std::printf("%lu entries: the quorum is %s\n",
              static_cast<unsigned long>(collected.seen.checkpoint.size),
              collected.seen.quorum_met ? "met" : "not met");
}

}  // namespace

base::Status log_witness(std::span<const std::string> arguments) {
  Options options("log");
  const std::string& data = options.text("--data", "");
  const std::string& file = options.text("--policy", "");
  TRY_VOID(options.parse(arguments));
  const std::string folder = data_folder(data);
  TRY(const House house, House::open_to_read(folder));
  const std::shared_ptr<const govern::WitnessPolicy> of_charter = house.state().policy;
  govern::WitnessPolicy policy;
  if (file.empty() && of_charter) {
    policy = *of_charter;
  } else {
    TRY(policy, read_policy(file.empty() ? files::join(folder, "charter/policy.txt") : file));
  }
  const base::SystemClock clock;
  TRY(const Collected collected, file.empty() && of_charter ? collect_and_log(folder, policy)
                                                            : collect(folder, policy, clock));
  print_collected(collected, options.json());
  if (!collected.alarm) return collected.alarm;
  if (!collected.seen.quorum_met)
    return base::fail(base::Code::Unavailable,
                      "the quorum of witnesses is not met; what waits for it goes on waiting",
                      policy.quorum, "THRESHOLD_UNMET");
  return {};
}

base::Status log_prove(std::span<const std::string> arguments) {
  Options options("log");
  const std::string& text = options.positional("INDEX");
  const std::string& data = options.text("--data", "");
  const std::string& entry_file = options.text("--entry", "");
  TRY_VOID(options.parse(arguments));
  TRY(const House house, House::open_to_read(data_folder(data)));
  const auto index = govern::parse_decimal(text);
  if (!index || *index >= house.log().checkpoint().size)
    return base::fail(base::Code::NotFound,
                      "the checkpoint signs " + std::to_string(house.log().checkpoint().size) +
                          " entries, counted from 0",
                      text);
  if (!entry_file.empty())
    TRY_VOID(files::write_atomic(entry_file, govern::format_leaf(house.log().leaf(*index))));
  const std::string proof = govern::format_tlog_proof(
      {{}, *index, house.log().inclusion_proof(*index), house.log().checkpoint_note()});
  std::fputs(proof.c_str(), stdout);
  return {};
}

base::Status log_check(std::span<const std::string> arguments) {
  Options options("log");
  const std::string& file = options.positional("FILE");
  const std::string& entry_file = options.text("--entry", "");
  const std::string& policy_file = options.text("--policy", "");
  TRY_VOID(options.parse(arguments));
  if (entry_file.empty() || policy_file.empty())
    return base::fail(base::Code::InvalidArgument,
                      "a proof is checked for an entry (--entry FILE) under a policy (--policy "
                      "FILE)");
  TRY(const std::string text, files::read_file(file, 4u << 20));
  TRY(const govern::TlogProof proof, govern::parse_tlog_proof(text));
  TRY(const std::string entry, files::read_file(entry_file, 1u << 20));
  TRY(const auto policy, read_policy(policy_file));
  auto seen = govern::verify_tlog_proof(proof, entry, policy);
  if (!seen) {
    seen.error().code = base::Code::Corrupt;
    return base::wrap(seen.error(), "the proof does not verify", file);
  }
  if (options.json()) {
    json::Array times;
    for (const govern::Cosignature& c : seen->cosignatures)
      times.emplace_back(
          json::Object{{"witness", c.witness.name}, {"time", base::rfc3339(c.time)}});
    print_json(json::Object{{"verified", true},
                            {"origin", seen->checkpoint.origin},
                            {"index", std::to_string(proof.index)},
                            {"size", std::to_string(seen->checkpoint.size)},
                            {"witnesses", std::move(times)}});
  } else {
    std::printf("entry %lu of %lu of %s, seen by %zu witnesses\n",
                static_cast<unsigned long>(proof.index),
                static_cast<unsigned long>(seen->checkpoint.size), seen->checkpoint.origin.c_str(),
                seen->cosignatures.size());
  }
  return {};
}

base::Status log_export(std::span<const std::string> arguments) {
  Options options("log");
  const std::string& target = options.positional("DIR");
  const std::string& data = options.text("--data", "");
  TRY_VOID(options.parse(arguments));
  TRY(const House house, House::open_to_read(data_folder(data)));
  TRY(const uint64_t written, house.log().export_to(target));
  if (options.json())
    print_json(json::Object{{"directory", target},
                            {"size", std::to_string(house.log().checkpoint().size)},
                            {"files", static_cast<int64_t>(written)}});
  else
    std::printf("%s: %lu files of %lu entries\n", target.c_str(),
                static_cast<unsigned long>(written),
                static_cast<unsigned long>(house.log().checkpoint().size));
  return {};
}

}  // namespace cli
