// Files as rows and blobs: what POST /files, completed uploads, batches and fine-tuning jobs make.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "api/call.h"
#include "objects/blobs.h"
#include "objects/store.h"

namespace api {

inline constexpr int64_t kFileBytesMax = int64_t{512} << 20;

struct NewFile {
  std::string project_id = {};
  std::string purpose = {};
  std::string filename = {};
  std::optional<int64_t> expires_after_seconds = {};
};

std::string new_file_id();
base::Result<objects::Object> store_file(const App& app, const NewFile& file,
                                         std::string_view bytes);
// The row of a blob that is on the disk already. On failure the blob is gone.
base::Result<objects::Object> record_file(const App& app, const NewFile& file,
                                          const std::string& id);

// {"anchor": "created_at", "seconds": 3600..2592000}; empty when absent.
base::Result<std::optional<int64_t>> read_expires_after(const json::Value& body,
                                                        std::string_view name);
base::Status check_purpose(const std::string& purpose);
base::Status check_filename(std::string_view filename);

// The whole blob as an answer, sent from the disk piece by piece.
base::Result<net::Response> blob_response(const objects::Blobs& blobs, std::string_view id,
                                          std::string_view filename);

// Removes what has expired, blobs too; every minute or so.
void remove_expired_objects(objects::Store& store, objects::Blobs& blobs);
// After a crash: blobs without a row go, and uploads that were being put together are open again.
base::Status recover_files(objects::Store& store, objects::Blobs& blobs);

}  // namespace api
