// One step of the model over rows of many sequences at once (prompt chunks and single tokens
// together), and the paged KV cache it reads and writes. Used by engine/ on its own thread; a row's
// result is bitwise the same whatever else is in the step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/model.h"

namespace model {

// All KV memory, reserved once. A page holds kernels::kPageTokens tokens of every layer. Elements
// are bf16, or fp32 when the model computes in fp32.
class KvCache {
 public:
  static int64_t page_bytes(const Model& model);
  static base::Result<std::unique_ptr<KvCache>> create(const Model& model, int64_t pages);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int64_t pages() const { return pages_; }
  bool is_f32() const { return f32_; }
  // One layer's keys and values in one page, in the order of kernels::write_page.
  uint8_t* keys(int32_t page, int64_t layer) const;
  uint8_t* values(int32_t page, int64_t layer) const;
  // A page that changes hands: nothing of its last owner may reach the next one.
  void clear(int32_t page);

 private:
  KvCache(const Config& config, bool f32, int64_t pages, uint8_t* memory);
  bool f32_;
  int64_t pages_, half_bytes_, layer_bytes_, page_bytes_;
  uint8_t* memory_;
};

// One token to be run. `pages` is the page table of its sequence, covering `position`; rows of one
// sequence come in order of position, all earlier positions being in the cache or in this very
// step.
struct Row {
  int32_t token = 0;
  int32_t position = 0;
  const int32_t* pages = nullptr;
  int32_t logits_index = -1;  // the row of `logits` that gets this token's logits; -1: none
};

// Scratch for steps of at most rows_max rows, logits for at most logits_max of them, positions
// below positions_max.
class Forward {
 public:
  Forward(std::shared_ptr<const Model> model, int64_t rows_max, int64_t logits_max,
          int64_t positions_max);
  ~Forward();

  // Runs the rows; logits(i) is then the row [vocab] of the token that had logits_index i. CHECKs
  // its arguments: they come from our own code.
  void step(std::span<const Row> rows, KvCache& cache, base::ThreadPool& pool);
  float* logits(int64_t index);
  // The last hidden state [dim] of a row of the latest step, through the final norm.
  void hidden(int64_t row, std::span<float> out) const;

 private:
  struct Scratch;
  void attend(std::span<const Row> rows, int64_t layer, KvCache& cache, base::ThreadPool& pool);
  template <class Element>
  void write_and_look(std::span<const Row> rows, int64_t layer, KvCache& cache,
                      base::ThreadPool& pool);
  void feed_forward(int64_t count, int64_t layer, base::ThreadPool& pool);
  void project(std::span<const Row> rows, base::ThreadPool& pool);

  std::shared_ptr<const Model> model_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace model
