#include "journal/node_state.h"

#include "crypto/merkle.h"
#include "files/files.h"
#include "govern/refusal.h"
#include "json/json.h"

namespace journal {
namespace {

using base::Result;
using base::Status;

std::string path_of(const std::string& data) { return files::join(data, "node.json"); }

std::string format(const NodeState& node) {
  json::Object epochs;
  for (const auto& [channel, epoch] : node.epochs)
    epochs.emplace_back(channel, std::to_string(epoch));
  return json::dump_pretty(json::Object{{"log_size", std::to_string(node.log_size)},
                                        {"log_root", crypto::hex(node.log_root)},
                                        {"stop_epoch", std::to_string(node.stop_epoch)},
                                        {"charter_version", std::to_string(node.charter_version)},
                                        {"epochs", std::move(epochs)}}) +
         '\n';
}

Result<NodeState> parse(const std::string& text) {
  TRY(const json::Value value, json::parse(text));
  TRY_VOID(json::only_fields(value,
                             {"log_size", "log_root", "stop_epoch", "charter_version", "epochs"}));
  NodeState node;
  TRY(node.log_size, govern::get_decimal(value, "log_size"));
  TRY(node.log_root, govern::get_digest(value, "log_root"));
  TRY(node.stop_epoch, govern::get_decimal(value, "stop_epoch"));
  TRY(node.charter_version, govern::get_decimal(value, "charter_version"));
  TRY(const json::Value* epochs, json::get_object(value, "epochs"));
  for (const auto& [channel, epoch] : epochs->as_object()) {
    TRY(node.epochs[channel], govern::get_decimal(*epochs, channel));
  }
  return node;
}

std::unexpected<base::Error> behind(std::string_view what, uint64_t now, uint64_t seen) {
  return govern::refuse("ROLLBACK", "this node has seen " + std::string(what) + " " +
                                        std::to_string(seen) + ", and the log says " +
                                        std::to_string(now) +
                                        ": an older log was put in its place. If that was a backup that you "
                            "mean, remove node.json");
}

Status check_log(const NodeState& seen, const Log& log) {
  const govern::Checkpoint& now = log.checkpoint();
  if (now.size < seen.log_size) return behind("a log of size", now.size, seen.log_size);
  if (seen.log_size == 0) return {};
  const auto proof = log.consistency_proof(seen.log_size);
  if (crypto::merkle_verify_consistency(seen.log_size, now.size, proof, seen.log_root, now.root))
    return {};
  return govern::corrupt("INCONSISTENT",
                         "the log does not go on from the one that this node has seen; keep both "
                         "and raise an alarm",
                         std::to_string(seen.log_size));
}

}  // namespace

Result<NodeState> read_node_state(const std::string& data) {
  const std::string path = path_of(data);
  if (!files::exists(path)) return NodeState{};
  TRY(const std::string text, files::read_file(path, 1u << 20));
  auto node = parse(text);
  if (!node) return base::wrap(node.error(), "what this node has seen cannot be read", path);
  return node;
}

Status advance_node_state(const std::string& data, const govern::State& state, const Log& log) {
  TRY(NodeState seen, read_node_state(data));
  TRY_VOID(check_log(seen, log));
  if (state.life.stop_epoch < seen.stop_epoch)
    return behind("stop", state.life.stop_epoch, seen.stop_epoch);
  if (state.place.charter_version < seen.charter_version)
    return behind("charter version", state.place.charter_version, seen.charter_version);
  for (const auto& [channel, epoch] : seen.epochs) {
    const uint64_t now = govern::channel_epoch(state, channel);
    if (now < epoch) return behind("of channel '" + channel + "' epoch", now, epoch);
  }
  NodeState next;
  next.log_size = log.checkpoint().size;
  next.log_root = log.checkpoint().root;
  next.stop_epoch = state.life.stop_epoch;
  next.charter_version = state.place.charter_version;
  for (const auto& [channel, life] : state.life.channels) next.epochs[channel] = life.epoch;
  if (format(next) == format(seen)) return {};
  return files::write_atomic(path_of(data), format(next));
}

}  // namespace journal
