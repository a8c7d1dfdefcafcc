// Models as `charter judge` loads them: named by the digest of the very bytes that are loaded.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "judge/evidence.h"
#include "judge/suite.h"

namespace cli {

struct JudgedModel {
  std::shared_ptr<engine::Engine> engine;
  judge::Identity identity;
};

// A manifest.json that says otherwise than the files is refused. `name` empty: the folder's.
base::Result<JudgedModel> load_judged_model(const std::string& path, const std::string& name,
                                            int64_t threads);

// A suite by its folder, or by the name of one under suites/.
base::Result<std::string> suite_folder(const std::string& given);
base::Result<judge::Suite> load_suite(const std::string& given);

// SUITE.evidence.json with SUITE.results.jsonl beside it, recomputed.
base::Result<judge::Checked> load_evidence(const judge::Suite& suite, const std::string& path);

}  // namespace cli
