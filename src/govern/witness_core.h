// What a witness does with a checkpoint that a log hands it (C2SP tlog-witness), as a function: the
// request's bytes, the logs that it knows and what it cosigned last go in; the answer and what must
// be on the disk before it is given come out.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "govern/checkpoint.h"
#include "govern/cosignature.h"

namespace govern {

inline constexpr size_t kAddCheckpointBytesMax = 64u << 10;
inline constexpr std::string_view kLogSizeType = "text/x.tlog.size";

struct AddCheckpoint {
  uint64_t old_size = 0;              // what the witness is thought to have cosigned last
  std::vector<crypto::Digest> proof;  // that the checkpoint's tree extends it; at most 63 hashes
  std::string note;                   // the signed checkpoint
};
base::Result<AddCheckpoint> parse_add_checkpoint(std::string_view body);
std::string format_add_checkpoint(const AddCheckpoint& request);

// "/<hex SHA-256 of the origin>/checkpoint" is where a witness shows what it cosigned last.
std::string origin_id(std::string_view origin);

struct WitnessAnswer {
  int status = 200;  // 200, 400, 403, 404, 409, 422
  std::string content_type = "text/plain; charset=utf-8";
  std::string body;  // 200: cosignature lines; 409: the size that was cosigned last
  std::optional<std::string> record = {};  // 200: the note to keep as the last one, durably, first
};

// `cosigned`: the last checkpoint of this origin, or none. Whoever calls keeps any other call for
// the same origin out until the record is on the disk.
struct CosignRequest {
  AddCheckpoint add;
  Checkpoint checkpoint;
  Note note;  // with the known keys' signatures alone
};
// First step, without state: what is asked, or the answer 400, 403 or 404. `logs` may hold several
// keys of one origin.
std::variant<CosignRequest, WitnessAnswer> read_add_checkpoint(std::string_view body,
                                                               std::span<const VerifierKey> logs);
WitnessAnswer answer_add_checkpoint(const CosignRequest& request,
                                    const std::optional<Checkpoint>& cosigned,
                                    const WitnessSigner& signer, base::Time now);

// Whether `next` is the same log, grown: INCONSISTENT when it is shorter, forked, of the same size
// with another root, or not proven to extend `before`.
base::Status check_growth(const Checkpoint& before, const Checkpoint& next,
                          std::span<const crypto::Digest> proof);

}  // namespace govern
