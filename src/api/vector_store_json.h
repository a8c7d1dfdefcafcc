// What requests say of vector stores and their files, checked; and what clients see of them.
#pragma once

#include <string>
#include <vector>

#include "api/call.h"
#include "objects/store.h"

namespace api {

// {"type": "static", "static": {…}}, with "auto" as OpenAI resolves it: 800 and 400.
base::Result<json::Value> read_chunking(const json::Value& body, const std::string& path);
// At most 16 attributes: strings of 512 characters, numbers or booleans. Null: {}.
base::Result<json::Value> read_attributes(const json::Value& body, const std::string& path);

struct Attachment {
  std::string file_id = {};
  json::Value chunking = {}, attributes = {};
};
// Rows in progress for files that the project has; `batch_id` may be empty. A file that the store
// has already is indexed anew.
base::Result<std::vector<objects::Object>> attach_files(const Call& call,
                                                        const objects::Object& store,
                                                        const std::vector<Attachment>& files,
                                                        const std::string& batch_id);

json::Value vector_store_json(const App& app, const objects::Object& store);
json::Value vector_file_json(const objects::Object& file);
json::Value file_batch_json(const App& app, const objects::Object& batch);
// With the header that tells the SDKs' pollers how soon to come back.
void respond_polled(const Call& call, const json::Value& body);

}  // namespace api
