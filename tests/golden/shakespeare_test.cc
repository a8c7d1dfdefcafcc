// The first acceptance run: an 0.8M character model learns tinyshakespeare to a validation loss
// of 1.88 or better. It takes about a minute on two free cores; the bar is on the loss, never on
// the time.
#include <gtest/gtest.h>

#include "base/time.h"
#include "files/files.h"
#include "lab/run.h"

namespace {

TEST(Shakespeare, AnEightHundredThousandParameterModelReachesItsLoss) {
  const std::string data = CHARTER_SOURCE_DIR "/../shared/data/text/tinyshakespeare/input.txt";
  if (!files::exists(data)) GTEST_SKIP() << "tinyshakespeare is not beside this checkout";
  const auto directory = files::TemporaryDirectory::create();
  ASSERT_TRUE(directory);
  lab::RunRequest request;
  request.plan = *lab::preset_plan("char-0.8m");
  request.plan.data = data;
  request.plan.steps =
      1200;  // of the preset's 2000: enough for the bar, in little over half the time
  request.directory = files::join(directory->path(), "shakespeare");
  // Its batches are so small that a second thread gains little, and costs much on shared cores.
  base::ThreadPool pool(1);
  lab::RunHooks hooks;
  hooks.monotonic_ns = base::monotonic_ns;
  const auto summary = lab::run(request, hooks, pool);
  ASSERT_TRUE(summary) << summary.error().text();
  EXPECT_LE(summary->outcome.validation_loss, 1.88);
  EXPECT_NEAR(static_cast<double>(summary->parameters), 0.8e6, 0.1e6);
  RecordProperty("validation_loss", std::to_string(summary->outcome.validation_loss));
  RecordProperty("seconds", std::to_string(summary->seconds));
}

}  // namespace
