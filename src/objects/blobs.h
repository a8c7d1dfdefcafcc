// Bytes of files and upload parts, beside objects.db: DATA/blobs/ab/ID. Written to a temporary
// name, synced, then renamed, so that a blob is whole or not there. Ids are letters, digits, - and
// _, and are never used again. Every call may come from any thread.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "files/files.h"

namespace objects {

// A blob that is written piece by piece: not there before commit() has returned.
class BlobWriter {
 public:
  base::Status append(std::string_view bytes);
  base::Status commit() { return file_.commit(); }
  int64_t bytes() const { return bytes_; }

 private:
  friend class Blobs;
  explicit BlobWriter(files::AtomicFile file) : file_(std::move(file)) {}
  files::AtomicFile file_;
  int64_t bytes_ = 0;
};

class Blobs {
 public:
  // What a crash left half-written is cleared away.
  static base::Result<std::unique_ptr<Blobs>> open(const std::string& directory);

  base::Status put(std::string_view id, std::string_view bytes);
  base::Result<BlobWriter> create(std::string_view id);
  // Puts several blobs' bytes together under a new id, without holding them in memory.
  base::Status concatenate(std::string_view id, const std::vector<std::string>& parts);
  base::Result<std::shared_ptr<const files::MappedFile>> map(std::string_view id) const;
  base::Result<std::string> read(std::string_view id) const;  // whole, of any size
  base::Result<int64_t> size(std::string_view id) const;
  std::string path(std::string_view id) const;
  void remove(std::string_view id);  // absent is fine
  // Removes every blob that `known` does not know: what a crash left between a blob and its row.
  // Returns how many. For the start, before anything else writes.
  base::Result<int64_t> remove_unknown(const std::function<bool(std::string_view id)>& known);

 private:
  explicit Blobs(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

}  // namespace objects
