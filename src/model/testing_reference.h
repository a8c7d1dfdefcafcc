// The forward pass in plain double precision, one token after the other, straight from a Source:
// what tests hold the packed, batched, paged one against. Shares no arithmetic with it.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "model/source.h"

namespace model::testing {

class Reference {
 public:
  explicit Reference(const Source& source) : config_(source.config) {
    for (const auto& [name, tensor] : source.tensors) {
      std::vector<float> floats(static_cast<size_t>(tensor.view.elements()));
      formats::to_floats(tensor.view.dtype, tensor.view.data.data(), tensor.view.elements(),
                         floats.data());
      tensors_[name].assign(floats.begin(), floats.end());
    }
    keys_.resize(static_cast<size_t>(config_.layers));
    values_.resize(static_cast<size_t>(config_.layers));
  }

  // Logits after this token, which stands behind all tokens given before.
  std::vector<double> next(int32_t token) {
    const Config& c = config_;
    const auto& table = tensors_.at("model.embed_tokens.weight");
    std::vector<double> x(table.begin() + token * c.dim, table.begin() + (token + 1) * c.dim);
    for (int64_t layer = 0; layer < c.layers; ++layer) {
      const auto weight = [&](const char* name) -> const std::vector<double>& {
        return tensors_.at(layer_parameter(layer, name));
      };
      std::vector<double> h = norm(x, weight("input_layernorm"));
      std::vector<double> q = product(weight("self_attn.q_proj"), h),
                          k = product(weight("self_attn.k_proj"), h);
      rotate(q, c.heads);
      rotate(k, c.kv_heads);
      keys_[static_cast<size_t>(layer)].push_back(k);
      values_[static_cast<size_t>(layer)].push_back(product(weight("self_attn.v_proj"), h));
      add(x, product(weight("self_attn.o_proj"), attend(q, layer)));
      h = norm(x, weight("post_attention_layernorm"));
      std::vector<double> gate = product(weight("mlp.gate_proj"), h);
      const std::vector<double> up = product(weight("mlp.up_proj"), h);
      for (size_t i = 0; i < gate.size(); ++i) gate[i] = gate[i] / (1 + std::exp(-gate[i])) * up[i];
      add(x, product(weight("mlp.down_proj"), gate));
    }
    ++position_;
    return product(tensors_.at(c.tied_embeddings ? "model.embed_tokens.weight" : "lm_head.weight"),
                   norm(x, tensors_.at("model.norm.weight")));
  }

 private:
  using Vector = std::vector<double>;

  static void add(Vector& x, const Vector& y) {
    for (size_t i = 0; i < x.size(); ++i) x[i] += y[i];
  }
  static Vector product(const Vector& w, const Vector& x) {
    Vector y(w.size() / x.size());
    for (size_t row = 0; row < y.size(); ++row) {
      for (size_t i = 0; i < x.size(); ++i) y[row] += w[row * x.size() + i] * x[i];
    }
    return y;
  }
  Vector norm(const Vector& x, const Vector& weight) const {
    double sum = 0;
    for (const double v : x) sum += v * v;
    const double scale =
        1 / std::sqrt(sum / static_cast<double>(x.size()) + double{config_.norm_eps});
    Vector y(x.size());
    for (size_t i = 0; i < x.size(); ++i) y[i] = x[i] * scale * weight[i];
    return y;
  }
  void rotate(Vector& x, int64_t heads) const {
    const int64_t half = config_.head_dim / 2;
    for (int64_t head = 0; head < heads; ++head) {
      for (int64_t i = 0; i < half; ++i) {
        const double angle =
            position_ * std::pow(config_.rope_theta, -2.0 * static_cast<double>(i) /
                                                         static_cast<double>(config_.head_dim));
        const bool halves = config_.rotary == kernels::Rotary::Halves;
        double& a = x[static_cast<size_t>(head * config_.head_dim + (halves ? i : 2 * i))];
        double& b =
            x[static_cast<size_t>(head * config_.head_dim + (halves ? i + half : 2 * i + 1))];
        const double rotated = a * std::cos(angle) - b * std::sin(angle);
        b = a * std::sin(angle) + b * std::cos(angle);
        a = rotated;
      }
    }
  }
  Vector attend(const Vector& q, int64_t layer) const {
    const Config& c = config_;
    const auto& keys = keys_[static_cast<size_t>(layer)];
    const auto& values = values_[static_cast<size_t>(layer)];
    Vector out(q.size());
    for (int64_t head = 0; head < c.heads; ++head) {
      const int64_t from = head * c.head_dim, kv = head / (c.heads / c.kv_heads) * c.head_dim;
      Vector score(keys.size());
      for (size_t t = 0; t < keys.size(); ++t) {
        for (int64_t i = 0; i < c.head_dim; ++i)
          score[t] += q[static_cast<size_t>(from + i)] * keys[t][static_cast<size_t>(kv + i)];
        score[t] /= std::sqrt(static_cast<double>(c.head_dim));
      }
      const double highest = *std::max_element(score.begin(), score.end());
      double total = 0;
      for (double& s : score) total += s = std::exp(s - highest);
      for (size_t t = 0; t < keys.size(); ++t) {
        for (int64_t i = 0; i < c.head_dim; ++i)
          out[static_cast<size_t>(from + i)] +=
              score[t] / total * values[t][static_cast<size_t>(kv + i)];
      }
    }
    return out;
  }

  Config config_;
  std::map<std::string, Vector> tensors_;
  std::vector<std::vector<Vector>> keys_, values_;  // [layer][token]
  int position_ = 0;
};

}  // namespace model::testing
