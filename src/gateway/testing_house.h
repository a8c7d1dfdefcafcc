// For tests: a data folder in which one person has released a small random model, the way `charter
// propose`, `vote` and `release` do it.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "crypto/sha256.h"
#include "files/files.h"
#include "govern/evidence.h"
#include "journal/charter_house.h"
#include "journal/model_folder.h"
#include "model/save.h"
#include "model/testing_tiny.h"

namespace gateway::testing {

inline std::string write_tiny_model(const std::string& directory, uint64_t seed = 11,
                                    int64_t context_length = 256) {
  model::Config config = model::testing::tiny_config();
  config.context_length = context_length;
  const auto weights = model::testing::tiny_weights(config, seed);
  const text::VocabSpec vocabulary = model::testing::tiny_vocabulary();
  EXPECT_TRUE(files::make_directories(directory));
  const auto saved = model::write_model_folder(
      config, weights.views, &vocabulary, directory,
      {.dtype = formats::DType::F32, .chat_template = "", .generation_config = {}});
  EXPECT_TRUE(saved) << saved.error().text();
  return directory;
}

// Releases a tiny model on `channel` under the house in `data`, which is made if it is not there.
// Returns the folder that is served.
inline std::string release_tiny_model(const std::string& data, const std::string& channel,
                                      base::Time now, uint64_t seed = 11,
                                      int64_t context_length = 256) {
  auto house = journal::House::exists(data) ? journal::House::open(data)
                                            : journal::init_house(data, {}, now);
  EXPECT_TRUE(house) << house.error().text();
  const std::string work = data + "-work-" + channel;
  const std::string directory = write_tiny_model(files::join(work, "tiny"), seed, context_length);

  govern::Evidence evidence;
  evidence.model = "tiny";
  evidence.manifest_digest =
      govern::manifest_digest({journal::hash_model_files(directory).value()});
  evidence.suite = "word-problems";
  evidence.suite_version = "1";
  evidence.suite_root = crypto::sha256("suite");
  evidence.result_root = crypto::sha256("results");
  evidence.size = 100;
  evidence.passed = 80;
  evidence.failed = 20;
  evidence.finished = now;
  const std::string evidence_path = files::join(work, "evidence.json");
  EXPECT_TRUE(files::write_atomic(evidence_path, govern::format_evidence(evidence)));

  journal::ProposeOptions options;
  options.model_directory = directory;
  options.channel = channel;
  options.evidence = {evidence_path};
  const auto proposed = journal::propose(&*house, options, now);
  EXPECT_TRUE(proposed) << proposed.error().text();
  const auto voted =
      journal::vote(&*house, {proposed->proposal, "", "", "", govern::Vote::For}, now);
  EXPECT_TRUE(voted) << voted.error().text();
  const auto released = journal::release(&*house, {proposed->proposal, "", ""}, now);
  EXPECT_TRUE(released) << released.error().text();
  return released->directory;
}

}  // namespace gateway::testing
