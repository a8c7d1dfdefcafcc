// The model as the trainer sees it: parameters and gradients in flat fp32 buffers, a forward pass
// that keeps what the hand-written backward pass needs, and both as a few large matrix products
// over all tokens of a batch. Results do not depend on the number of threads. Used from one thread
// at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernels.h"
#include "model/config.h"
#include "model/train_buffers.h"
#include "model/train_layout.h"

namespace model {

// Sequences laid end to end. Attention never crosses from one into the next, and positions start at
// 0 in each.
struct TrainBatch {
  std::vector<int32_t> tokens;   // (tokens)
  std::vector<int32_t> targets;  // (tokens); -1 is not counted
  std::vector<int32_t> lengths;  // (sequences), their sum is tokens

  int64_t size() const { return static_cast<int64_t>(tokens.size()); }
};

struct LossSum {
  double nats = 0;  // summed over the counted targets
  int64_t targets = 0;
};

class TrainModel {
 public:
  // Batches of at most `tokens_max` tokens, sequences of at most config.context_length.
  TrainModel(const Config& config, int64_t tokens_max, kernels::Precision precision,
             base::ThreadPool& pool);
  TrainModel(const TrainModel&) = delete;

  void initialize(uint64_t seed);

  // Adds scale * d(sum of losses)/d(parameter) to the gradients.
  LossSum forward_backward(const TrainBatch& batch, float scale);
  LossSum evaluate(const TrainBatch& batch);
  void zero_gradients();

  const Config& config() const { return config_; }
  const TrainLayout& layout() const { return layout_; }
  std::span<float> parameters() { return parameters_; }  // (layout().size)
  std::span<float> gradients() { return gradients_; }    // (layout().size)

 private:
  void check_batch(const TrainBatch& batch) const;
  void forward(const TrainBatch& batch);
  void forward_layer(int64_t layer, int64_t tokens);
  LossSum head(const TrainBatch& batch, float scale);  // scale 0: no gradient
  void backward(const TrainBatch& batch);
  void backward_mlp(int64_t layer, int64_t tokens);
  void backward_attention(int64_t layer, int64_t tokens);

  void norm(const float* x, int64_t weight, float* out, float* inv_rms, int64_t tokens);
  void norm_backward(const float* dout, const float* x, int64_t weight, const float* inv_rms,
                     float* dx, int64_t tokens);
  void rotate(float* qkv, int64_t tokens, bool inverse);
  void attend(TrainBuffers::Layer& saved);
  void attend_backward(const TrainBuffers::Layer& saved);
  template <class Call>
  void for_sequences(
      const Call& call);  // call(shape, first token, pool): all at once when they are equally long
  void activate(const float* gate_up, float* out, int64_t tokens);
  // y (tokens, out) (+)= x (tokens, in) W^T, and its two gradients.
  void project(const float* x, int64_t in, int64_t weight, int64_t out, float* y, bool accumulate,
               int64_t tokens);
  void project_backward(const float* dy, int64_t out, int64_t weight, int64_t in, const float* x,
                        float* dx, int64_t tokens);

  Config config_;
  TrainLayout layout_;
  int64_t tokens_max_;
  kernels::Precision precision_;
  base::ThreadPool& pool_;
  std::vector<float> parameters_;
  std::vector<float> gradients_;
  std::unique_ptr<TrainBuffers> buffers_;
};

}  // namespace model
