#include <algorithm>

#include "model/train_buffers.h"
#include "model/train_model.h"

namespace model {

LossSum TrainModel::forward_backward(const TrainBatch& batch, float scale) {
  forward(batch);
  const LossSum loss = head(batch, scale);
  backward(batch);
  return loss;
}

// The loss, and with scale != 0 the gradients of the head and of `normed` (into d_normed). Rows
// that are not counted are left out of the products: of a conversation they are about half.
LossSum TrainModel::head(const TrainBatch& batch, float scale) {
  const Config& c = config_;
  TrainBuffers& b = *buffers_;
  norm(b.last.data(), layout_.final_norm, b.normed.data(), b.last_inv_rms.data(), batch.size());
  if (scale != 0) std::fill_n(b.d_normed.data(), batch.size() * c.dim, 0.0F);
  LossSum sum;
  std::vector<int32_t> targets;
  std::vector<int64_t> rows;
  const auto row = [&](std::vector<float>& buffer, size_t i) {
    return buffer.data() + rows[i] * c.dim;
  };
  for (int64_t next = 0; next < batch.size();) {
    rows.clear(), targets.clear();
    for (; next < batch.size() && std::ssize(rows) < kLogitRows; ++next) {
      const int32_t target = batch.targets[static_cast<size_t>(next)];
      if (target >= 0) rows.push_back(next), targets.push_back(target);
    }
    const int64_t count = std::ssize(rows);
    if (count == 0) break;
    float* packed = b.counted.data();
    for (size_t i = 0; i < rows.size(); ++i)
      std::copy_n(row(b.normed, i), c.dim, packed + static_cast<int64_t>(i) * c.dim);
    project(packed, c.dim, layout_.head, c.vocab_size, b.logits.data(), false, count);
    sum.targets += count;
    sum.nats += kernels::cross_entropy(b.logits.data(), targets.data(), nullptr, count,
                                       c.vocab_size, scale, pool_);
    if (scale == 0) continue;
    float* d_packed = b.d_counted.data();
    project_backward(b.logits.data(), c.vocab_size, layout_.head, c.dim, packed, d_packed, count);
    for (size_t i = 0; i < rows.size(); ++i)
      std::copy_n(d_packed + static_cast<int64_t>(i) * c.dim, c.dim, row(b.d_normed, i));
  }
  return sum;
}

void TrainModel::project_backward(const float* dy, int64_t out, int64_t weight, int64_t in,
                                  const float* x, float* dx, int64_t tokens) {
  using enum kernels::Op;
  const kernels::ConstMat d{dy, kernels::Type::F32, tokens, out, out};
  const kernels::ConstMat w{parameters_.data() + weight, kernels::Type::F32, out, in, in};
  const kernels::ConstMat input{x, kernels::Type::F32, tokens, in, in};
  kernels::gemm(None, d, None, w, dx, in, false, precision_, pool_);
  kernels::gemm(Transpose, d, None, input, gradients_.data() + weight, in, true, precision_, pool_);
}

void TrainModel::norm_backward(const float* dout, const float* x, int64_t weight,
                               const float* inv_rms, float* dx, int64_t tokens) {
  kernels::rms_norm_backward(dout, x, parameters_.data() + weight, inv_rms, dx,
                             gradients_.data() + weight, tokens, config_.dim, pool_);
}

void TrainModel::backward(const TrainBatch& batch) {
  const Config& c = config_;
  TrainBuffers& b = *buffers_;
  std::fill_n(b.d_stream.data(), batch.size() * c.dim, 0.0F);
  norm_backward(b.d_normed.data(), b.last.data(), layout_.final_norm, b.last_inv_rms.data(),
                b.d_stream.data(), batch.size());
  for (int64_t layer = c.layers - 1; layer >= 0; --layer) {
    backward_mlp(layer, batch.size());
    backward_attention(layer, batch.size());
  }
  // Each thread adds its own columns for all tokens, in the tokens' order.
  constexpr int64_t kColumns = 16;
  float* gradient = gradients_.data() + layout_.embedding;
  pool_.parallel_for((c.dim + kColumns - 1) / kColumns, 1, [&](int64_t first, int64_t last) {
    const int64_t begin = first * kColumns;
    const int64_t width = std::min(last * kColumns, c.dim) - begin;
    for (int64_t i = 0; i < batch.size(); ++i) {
      const int64_t row = int64_t{batch.tokens[static_cast<size_t>(i)]} * c.dim;
      kernels::add(gradient + row + begin, b.d_stream.data() + i * c.dim + begin, width);
    }
  });
}

void TrainModel::backward_mlp(int64_t layer, int64_t tokens) {
  const int64_t hidden = config_.hidden_dim;
  TrainBuffers& b = *buffers_;
  TrainBuffers::Layer& saved = b.layers[static_cast<size_t>(layer)];
  const LayerOffsets& weights = layout_.layers[static_cast<size_t>(layer)];

  activate(saved.gate_up.data(), b.activated.data(), tokens);
  project_backward(b.d_stream.data(), config_.dim, weights.down, hidden, b.activated.data(),
                   b.d_activated.data(), tokens);
  pool_.parallel_for(tokens, kRowGrain, [&](int64_t begin, int64_t end) {
    for (int64_t row = begin; row < end; ++row) {
      const float* gate = saved.gate_up.data() + row * 2 * hidden;
      float* d_gate = b.d_gate_up.data() + row * 2 * hidden;
      kernels::silu_mul_backward(b.d_activated.data() + row * hidden, gate, gate + hidden, d_gate,
                                 d_gate + hidden, hidden);
    }
  });
  norm(saved.middle.data(), weights.post_norm, b.normed.data(), saved.middle_inv_rms.data(),
       tokens);
  project_backward(b.d_gate_up.data(), 2 * hidden, weights.gate_up, config_.dim, b.normed.data(),
                   b.d_normed.data(), tokens);
  norm_backward(b.d_normed.data(), saved.middle.data(), weights.post_norm,
                saved.middle_inv_rms.data(), b.d_stream.data(), tokens);
}

void TrainModel::backward_attention(int64_t layer, int64_t tokens) {
  const Config& c = config_;
  const int64_t heads_dim = c.heads * c.head_dim;
  const int64_t qkv_dim = heads_dim + 2 * c.kv_heads * c.head_dim;
  TrainBuffers& b = *buffers_;
  TrainBuffers::Layer& saved = b.layers[static_cast<size_t>(layer)];
  const LayerOffsets& weights = layout_.layers[static_cast<size_t>(layer)];

  project_backward(b.d_stream.data(), c.dim, weights.output, heads_dim, saved.attended.data(),
                   b.d_attended.data(), tokens);
  attend_backward(saved);
  rotate(b.d_qkv.data(), tokens, true);
  norm(saved.input.data(), weights.input_norm, b.normed.data(), saved.input_inv_rms.data(), tokens);
  project_backward(b.d_qkv.data(), qkv_dim, weights.qkv, c.dim, b.normed.data(), b.d_normed.data(),
                   tokens);
  norm_backward(b.d_normed.data(), saved.input.data(), weights.input_norm,
                saved.input_inv_rms.data(), b.d_stream.data(), tokens);
}

}  // namespace model
