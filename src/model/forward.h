// One step of the model over rows of many sequences at once (prompt chunks and single tokens together), and the paged KV
// cache it reads and writes. Used by engine/ on its own thread; a row's result is bitwise the same whatever else is in the step.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/thread_pool.h"
#include "model/model.h"

namespace model {

inline constexpr int64_t kPageTokens = 16;

// All KV memory, reserved once. A page holds kPageTokens tokens of every layer. Elements are bf16, or fp32 when the model
// computes in fp32.
class KvCache {
 public:
  static int64_t page_bytes(const Model& model);
  static base::Result<std::unique_ptr<KvCache>> create(const Model& model, int64_t pages);
  ~KvCache();
  KvCache(const KvCache&) = delete;
  KvCache& operator=(const KvCache&) = delete;

  int64_t pages() const { return pages_; }
  bool is_f32() const { return f32_; }
  // K then V of one layer in one page: [kPageTokens, kv_heads, head_dim] each.
  uint8_t* keys(int32_t page, int64_t layer) const;
  uint8_t* values(int32_t page, int64_t layer) const;

 private:
  KvCache(const Config& config, bool f32, int64_t pages, uint8_t* memory);
  bool f32_;
  int64_t pages_, half_bytes_, layer_bytes_, page_bytes_;
  uint8_t* memory_;
};

// One token to be run. `pages` is the page table of its sequence, covering `position`; rows of one sequence come in order of
// position, all earlier positions being in the cache or in this very step.
struct Row {
  int32_t token = 0;
  int32_t position = 0;
  const int32_t* pages = nullptr;
  int32_t logits_index = -1;  // the row of `logits` that gets this token's logits; -1: none
};

// Scratch for steps of at most rows_max rows with logits for at most logits_max of them.
class Forward {
 public:
  Forward(std::shared_ptr<const Model> model, int64_t rows_max, int64_t logits_max);
  ~Forward();

  // Writes [logits rows, vocab] into logits(). CHECKs its arguments: they come from our own code.
  void step(std::span<const Row> rows, KvCache& cache, base::ThreadPool& pool);
  float* logits(int64_t index);

 private:
  struct Scratch;
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Scratch> scratch_;
};

}  // namespace model
