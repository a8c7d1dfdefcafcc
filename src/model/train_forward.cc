#include <algorithm>
#include <cmath>
#include <functional>

#include "base/check.h"
#include "base/random.h"
#include "model/train_buffers.h"
#include "model/train_model.h"

namespace model {
namespace {

size_t count(int64_t a, int64_t b) { return static_cast<size_t>(a * b); }

}  // namespace

TrainBuffers::TrainBuffers(const Config& c, int64_t tokens_max) {
  const int64_t qkv_dim = (c.heads + 2 * c.kv_heads) * c.head_dim;
  const int64_t heads_dim = c.heads * c.head_dim;
  layers.resize(static_cast<size_t>(c.layers));
  for (Layer& layer : layers) {
    layer.input.resize(count(tokens_max, c.dim));
    layer.input_inv_rms.resize(count(tokens_max, 1));
    layer.qkv.resize(count(tokens_max, qkv_dim));
    layer.log_sum_exp.resize(count(tokens_max, c.heads));
    layer.attended.resize(count(tokens_max, heads_dim));
    layer.middle.resize(count(tokens_max, c.dim));
    layer.middle_inv_rms.resize(count(tokens_max, 1));
    layer.gate_up.resize(count(tokens_max, 2 * c.hidden_dim));
  }
  last.resize(count(tokens_max, c.dim));
  last_inv_rms.resize(count(tokens_max, 1));
  normed.resize(count(tokens_max, c.dim));
  activated.resize(count(tokens_max, c.hidden_dim));
  logits.resize(count(kLogitRows, c.vocab_size));
  counted.resize(count(kLogitRows, c.dim));
  d_counted.resize(count(kLogitRows, c.dim));
  d_stream.resize(count(tokens_max, c.dim));
  d_normed.resize(count(tokens_max, c.dim));
  d_activated.resize(count(tokens_max, c.hidden_dim));
  d_gate_up.resize(count(tokens_max, 2 * c.hidden_dim));
  d_attended.resize(count(tokens_max, heads_dim));
  d_qkv.resize(count(tokens_max, qkv_dim));
  cos_sin = rope_table(c, c.context_length);
}

TrainModel::TrainModel(const Config& config, int64_t tokens_max, kernels::Precision precision,
                       base::ThreadPool& pool)
    : config_(config),
      layout_(make_train_layout(config)),
      tokens_max_(tokens_max),
      precision_(precision),
      pool_(pool),
      parameters_(static_cast<size_t>(layout_.size)),
      gradients_(static_cast<size_t>(layout_.size)),
      buffers_(std::make_unique<TrainBuffers>(config, tokens_max)) {}

void TrainModel::initialize(uint64_t seed) {
  base::Rng rng(seed);
  std::fill(parameters_.begin(), parameters_.end(), 0.0F);
  const double residual_scale = 1 / std::sqrt(2.0 * static_cast<double>(config_.layers));
  for (const ParameterSlot& slot : layout_.slots) {
    float* at = parameters_.data() + slot.offset;
    double deviation = 1 / std::sqrt(static_cast<double>(slot.cols));
    switch (slot.role) {
      case ParameterRole::Norm:
        std::fill_n(at, slot.size(), 1.0F);
        continue;
      case ParameterRole::Embedding:
        deviation = 0.02;
        break;
      case ParameterRole::ResidualMatrix:
        deviation *= residual_scale;
        break;
      case ParameterRole::Matrix:
        break;
      case ParameterRole::Head:
        deviation = 0.02;
        break;
    }
    for (int64_t i = 0; i < slot.size(); ++i) at[i] = static_cast<float>(deviation * rng.normal());
  }
}

void TrainModel::zero_gradients() { std::fill(gradients_.begin(), gradients_.end(), 0.0F); }

void TrainModel::check_batch(const TrainBatch& batch) const {
  CHECK(batch.size() > 0 && batch.size() <= tokens_max_);
  CHECK(batch.targets.size() == batch.tokens.size());
  int64_t sum = 0;
  for (const int32_t length : batch.lengths) {
    CHECK(length > 0 && length <= config_.context_length);
    sum += length;
  }
  CHECK(sum == batch.size());
  const auto in_vocabulary = [&](int32_t id) { return id >= 0 && id < config_.vocab_size; };
  CHECK(std::ranges::all_of(batch.tokens, in_vocabulary));
  CHECK(std::ranges::all_of(batch.targets,
                            [&](int32_t id) { return id == -1 || in_vocabulary(id); }));
}

void TrainModel::project(const float* x, int64_t in, int64_t weight, int64_t out, float* y,
                         bool accumulate, int64_t tokens) {
  const kernels::ConstMat a{x, kernels::Type::F32, tokens, in, in};
  const kernels::ConstMat b{parameters_.data() + weight, kernels::Type::F32, out, in, in};
  kernels::gemm(kernels::Op::None, a, kernels::Op::Transpose, b, y, out, accumulate, precision_,
                pool_);
}

void TrainModel::norm(const float* x, int64_t weight, float* out, float* inv_rms, int64_t tokens) {
  kernels::rms_norm(x, parameters_.data() + weight, out, inv_rms, tokens, config_.dim,
                    config_.norm_eps, pool_);
}

void TrainModel::activate(const float* gate_up, float* out, int64_t tokens) {
  const int64_t hidden = config_.hidden_dim;
  pool_.parallel_for(tokens, kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* gate = gate_up + row * 2 * hidden;
      kernels::silu_mul(gate, gate + hidden, out + row * hidden, hidden);
    }
  });
}

void TrainModel::rotate(float* qkv, int64_t tokens, bool inverse) {
  const Config& c = config_;
  const int64_t qkv_dim = (c.heads + 2 * c.kv_heads) * c.head_dim;
  // Queries and keys are neighbours in a row: one call turns both.
  kernels::rope(qkv, qkv_dim, buffers_->positions.data(), buffers_->cos_sin.data(), tokens,
                c.heads + c.kv_heads, c.head_dim, c.rotary, inverse, pool_);
}

template <class Call>
void TrainModel::for_sequences(const Call& call) {
  const Config& c = config_;
  const int64_t qkv_dim = (c.heads + 2 * c.kv_heads) * c.head_dim;
  kernels::AttentionShape shape;
  shape.heads = c.heads, shape.kv_heads = c.kv_heads, shape.head_dim = c.head_dim;
  shape.q_stride = shape.k_stride = shape.v_stride = qkv_dim;
  shape.out_stride = c.heads * c.head_dim;
  shape.scale = 1 / std::sqrt(static_cast<float>(c.head_dim));
  const std::vector<int32_t>& lengths = buffers_->lengths;
  if (std::ranges::adjacent_find(lengths, std::not_equal_to{}) == lengths.end()) {
    shape.batch = static_cast<int64_t>(lengths.size());
    shape.tokens = lengths.front();
    return call(shape, int64_t{0}, pool_);
  }
  base::ThreadPool alone(1);
  pool_.parallel_for(static_cast<int64_t>(lengths.size()), 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      kernels::AttentionShape one = shape;
      one.tokens = lengths[static_cast<size_t>(i)];
      call(one, buffers_->starts[static_cast<size_t>(i)], alone);
    }
  });
}

void TrainModel::attend(TrainBuffers::Layer& saved) {
  const int64_t heads_dim = config_.heads * config_.head_dim;
  const int64_t kv_dim = config_.kv_heads * config_.head_dim;
  for_sequences([&](const kernels::AttentionShape& shape, int64_t start, base::ThreadPool& pool) {
    const float* q = saved.qkv.data() + start * shape.q_stride;
    kernels::attention_forward(shape, q, q + heads_dim, q + heads_dim + kv_dim,
                               saved.attended.data() + start * heads_dim,
                               saved.log_sum_exp.data() + start * config_.heads, pool);
  });
}

void TrainModel::attend_backward(const TrainBuffers::Layer& saved) {
  const int64_t heads_dim = config_.heads * config_.head_dim;
  const int64_t kv_dim = config_.kv_heads * config_.head_dim;
  TrainBuffers& b = *buffers_;
  for_sequences([&](const kernels::AttentionShape& shape, int64_t start, base::ThreadPool& pool) {
    const float* q = saved.qkv.data() + start * shape.q_stride;
    float* dq = b.d_qkv.data() + start * shape.q_stride;
    kernels::attention_backward(
        shape, q, q + heads_dim, q + heads_dim + kv_dim, saved.attended.data() + start * heads_dim,
        saved.log_sum_exp.data() + start * config_.heads, b.d_attended.data() + start * heads_dim,
        dq, dq + heads_dim, dq + heads_dim + kv_dim, pool);
  });
}

void TrainModel::forward(const TrainBatch& batch) {
  check_batch(batch);
  TrainBuffers& b = *buffers_;
  b.lengths = batch.lengths;
  b.positions.clear();
  b.starts.clear();
  for (const int32_t length : batch.lengths) {
    b.starts.push_back(static_cast<int64_t>(b.positions.size()));
    for (int32_t position = 0; position < length; ++position) b.positions.push_back(position);
  }
  float* stream = config_.layers > 0 ? b.layers[0].input.data() : b.last.data();
  for (int64_t i = 0; i < batch.size(); ++i) {
    const int64_t token = batch.tokens[static_cast<size_t>(i)];
    std::copy_n(parameters_.data() + layout_.embedding + token * config_.dim, config_.dim,
                stream + i * config_.dim);
  }
  for (int64_t layer = 0; layer < config_.layers; ++layer) forward_layer(layer, batch.size());
}

void TrainModel::forward_layer(int64_t layer, int64_t tokens) {
  const Config& c = config_;
  TrainBuffers& b = *buffers_;
  TrainBuffers::Layer& saved = b.layers[static_cast<size_t>(layer)];
  const LayerOffsets& weights = layout_.layers[static_cast<size_t>(layer)];
  const int64_t heads_dim = c.heads * c.head_dim;
  const int64_t qkv_dim = heads_dim + 2 * c.kv_heads * c.head_dim;
  const size_t stream = static_cast<size_t>(tokens * c.dim);

  norm(saved.input.data(), weights.input_norm, b.normed.data(), saved.input_inv_rms.data(), tokens);
  project(b.normed.data(), c.dim, weights.qkv, qkv_dim, saved.qkv.data(), false, tokens);
  rotate(saved.qkv.data(), tokens, false);
  attend(saved);
  std::copy_n(saved.input.data(), stream, saved.middle.data());
  project(saved.attended.data(), heads_dim, weights.output, c.dim, saved.middle.data(), true,
          tokens);

  norm(saved.middle.data(), weights.post_norm, b.normed.data(), saved.middle_inv_rms.data(),
       tokens);
  project(b.normed.data(), c.dim, weights.gate_up, 2 * c.hidden_dim, saved.gate_up.data(), false,
          tokens);
  activate(saved.gate_up.data(), b.activated.data(), tokens);
  float* next =
      layer + 1 < c.layers ? b.layers[static_cast<size_t>(layer) + 1].input.data() : b.last.data();
  std::copy_n(saved.middle.data(), stream, next);
  project(b.activated.data(), c.hidden_dim, weights.down, c.dim, next, true, tokens);
}

LossSum TrainModel::evaluate(const TrainBatch& batch) {
  forward(batch);
  return head(batch, 0);
}

}  // namespace model
