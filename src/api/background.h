// Work that goes on without a connection: batches, fine-tuning, webhooks, the indexing of files. It
// is made after the service, started before the server takes requests, and stopped before the
// gateway goes.
#pragma once

#include "api/batch_runner.h"
#include "api/fine_tuning_runner.h"
#include "api/vector_indexer.h"
#include "api/webhook_delivery.h"

namespace api {

struct BackgroundOptions {
  std::string data = {};  // DATA
  WebhookOptions webhooks = {};
};

struct Background {
  Background(App& app, const BackgroundOptions& options);
  // Takes up what a stop or a crash interrupted; call once.
  base::Status start();

  Webhooks webhooks;
  VectorIndexer vectors;
  Batches batches;
  FineTuning fine_tuning;
};

}  // namespace api
