#include "journal/witness_store.h"

#include <algorithm>

#include "govern/refusal.h"

namespace journal {
namespace {

using base::Result;
using base::Status;

constexpr std::string_view kKey = "key";
constexpr std::string_view kLogs = "logs";
constexpr std::string_view kCosigned = "cosigned";

Result<std::vector<govern::VerifierKey>> parse_logs(std::string_view text) {
  std::vector<govern::VerifierKey> logs;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.empty() || line.starts_with('#')) continue;
    TRY(govern::VerifierKey key, govern::parse_vkey(line));
    logs.push_back(std::move(key));
  }
  return logs;
}

Result<std::vector<govern::VerifierKey>> read_logs(const std::string& directory) {
  const std::string path = files::join(directory, kLogs);
  TRY(const std::string text, files::read_file(path, 1u << 20));
  auto logs = parse_logs(text);
  if (!logs) return base::wrap(logs.error(), "the list of logs does not read", path);
  return logs;
}

}  // namespace

Result<govern::WitnessKey> WitnessStore::create(const std::string& directory,
                                                const std::string& name) {
  const std::string key_path = files::join(directory, kKey);
  if (!govern::is_key_name(name))
    return base::fail(base::Code::InvalidArgument,
                      "a witness's name has no spaces and no plus sign; witness.example.org/one",
                      name);
  if (files::exists(key_path))
    return base::fail(base::Code::AlreadyExists, "there is a witness in this folder already",
                      directory);
  const govern::WitnessSigner signer{name, crypto::PrivateKey::generate()};
  TRY_VOID(files::make_directories(files::join(directory, kCosigned), 0755));
  TRY_VOID(files::write_atomic(files::join(directory, kLogs), std::string_view()));
  const base::Secret text = govern::format_witness_signer(signer);
  TRY_VOID(files::write_atomic(key_path, std::string(text.reveal()) + '\n', 0600));
  return signer.verifier();
}

Status WitnessStore::trust(const std::string& directory, const govern::VerifierKey& log) {
  TRY(const auto logs, read_logs(directory));
  if (std::ranges::find(logs, log) != logs.end()) return {};
  std::string text;
  for (const govern::VerifierKey& known : logs) text += govern::format_vkey(known) + '\n';
  return files::write_atomic(files::join(directory, kLogs), text + govern::format_vkey(log) + '\n');
}

Result<std::unique_ptr<WitnessStore>> WitnessStore::open(const std::string& directory) {
  const std::string key_path = files::join(directory, kKey);
  if (!files::exists(key_path))
    return base::fail(base::Code::NotFound,
                      "there is no witness in this folder; make one with `charter witness init`",
                      directory);
  TRY(auto lock, files::LockFile::acquire(files::join(directory, "lock")));
  TRY(std::string key_text, files::read_file(key_path, 64u << 10));
  while (key_text.ends_with('\n')) key_text.pop_back();
  auto signer = govern::parse_witness_signer(key_text);
  if (!signer) return base::wrap(signer.error(), "the file holds no witness's key", key_path);
  TRY(auto logs, read_logs(directory));
  if (std::ranges::any_of(logs, [&](const govern::VerifierKey& log) {
        return log.key == signer->key.public_key();
      }))
    return govern::refuse("BAD_KEY", "the witness's key is also a log's; a key has one use",
                          directory);
  std::unique_ptr<WitnessStore> store(
      new WitnessStore(directory, std::move(lock), *std::move(signer), std::move(logs)));
  TRY_VOID(store->read_cosigned());
  return store;
}

// A file that does not read stops the witness: one that has forgotten what it cosigned would sign a
// fork.
Status WitnessStore::read_cosigned() {
  const govern::WitnessKey own[] = {key()};
  for (const govern::VerifierKey& log : logs_) {
    const std::string id = govern::origin_id(log.name);
    const std::string path = files::join(directory_, files::join(kCosigned, id));
    if (cosigned_.contains(id) || !files::exists(path)) continue;
    TRY(const std::string text, files::read_file(path, 1u << 20));
    const auto note = govern::parse_note(text);
    if (!note) return base::wrap(note.error(), "what was cosigned last does not read", path);
    const auto signers = govern::verify_cosignatures(*note, own);
    auto checkpoint = govern::parse_checkpoint(note->text);
    if (!signers || signers->empty() || !checkpoint || checkpoint->origin != log.name)
      return govern::corrupt(
          "BAD_SIG", "this is not a checkpoint of its log that this witness cosigned", path);
    cosigned_[id] = {*std::move(checkpoint), text};
  }
  return {};
}

govern::WitnessAnswer WitnessStore::add_checkpoint(std::string_view body, base::Time now) {
  auto read = govern::read_add_checkpoint(body, logs_);
  if (auto* answer = std::get_if<govern::WitnessAnswer>(&read)) return *std::move(answer);
  const auto& request = std::get<govern::CosignRequest>(read);
  const std::string id = govern::origin_id(request.checkpoint.origin);
  const std::lock_guard lock(mutex_);
  const auto last = cosigned_.find(id);
  govern::WitnessAnswer answer = govern::answer_add_checkpoint(
      request, last == cosigned_.end() ? std::nullopt : std::optional(last->second.checkpoint),
      signer_, now);
  if (!answer.record) return answer;
  const std::string path = files::join(directory_, files::join(kCosigned, id));
  if (const Status written = files::write_atomic(path, *answer.record); !written)
    return {.status = 500, .body = written.error().text() + '\n'};
  cosigned_[id] = {request.checkpoint, *answer.record};
  return answer;
}

std::optional<std::string> WitnessStore::cosigned(const std::string& origin_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = cosigned_.find(origin_id);
  return found == cosigned_.end() ? std::nullopt : std::optional(found->second.note);
}

}  // namespace journal
