#include "api/background.h"

#include "files/files.h"

namespace api {

Background::Background(App& app, const BackgroundOptions& options)
    : webhooks(app, options.webhooks),
      vectors(app, files::join(options.data, "recall.db")),
      batches(app, {.directory = files::join(options.data, "batches")},
              [this](const std::string& event, const objects::Object& batch) {
                webhooks.emit(batch.project_id, event, batch.id);
              }),
      fine_tuning(app, options.data, [this](const std::string& event, const objects::Object& job) {
        webhooks.emit(job.project_id, event, job.id);
      }) {}

base::Status Background::start() {
  TRY_VOID(webhooks.start());
  TRY_VOID(vectors.start());
  TRY_VOID(batches.start());
  return fine_tuning.start();
}

}  // namespace api
