// Embeddings from admission to receipt: the inputs go through a local release's engine, a few at a
// time, or to a provider in one request.
#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "gateway/catalog.h"
#include "gateway/generation.h"
#include "gateway/metering.h"

namespace gateway {

class Gateway;

class EmbedRun final : public std::enable_shared_from_this<EmbedRun> {
 public:
  using Done = std::function<void(base::Result<Embeddings>)>;
  EmbedRun(Gateway& gateway, std::shared_ptr<const ModelRoute> route,
           const identity::Caller& caller, EmbeddingRequest request, Done done);

  // Admits and begins. After an error `done` is not called.
  base::Status start(Admission* admission);

 private:
  base::Status read_inputs(const Channel& channel);
  base::Status admit(const money::PriceQuote& price, Admission* admission);
  base::Status start_local(const Target& target, Admission* admission);
  base::Status start_providers(std::vector<const Target*> order, Admission* admission);
  void submit_more();
  base::Status submit_one();
  void on_event(size_t index, const engine::Event& event);
  base::Status read_answer(std::string_view body);
  void finish(const Target* target, std::optional<base::Error> error);
  void report(const Target* target, const std::optional<base::Error>& error);

  Gateway& gateway_;
  const std::shared_ptr<const ModelRoute> route_;
  const identity::Caller caller_;
  const EmbeddingRequest request_;
  const Done done_;
  Metering metering_;
  const Target* local_ = nullptr;
  int64_t tokens_ = 0;  // counted, or at most
  int64_t tokens_likely_ = 0;
  std::vector<std::vector<int32_t>> inputs_;  // for a local release

  std::mutex mutex_;  // guards what follows
  Embeddings result_;
  size_t submitted_ = 0, running_ = 0;
  std::optional<base::Error> error_;
};

// Cuts to `dimensions` and makes it of unit length again. InvalidArgument when there are fewer.
base::Status shorten(std::vector<float>* vector, std::optional<int64_t> dimensions);

}  // namespace gateway
