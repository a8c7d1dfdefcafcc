#include "model/forward.h"

#include <sys/mman.h>

#include <algorithm>
#include <cmath>
#include <cstring>

#include "base/check.h"

namespace model {

KvCache::KvCache(const Config& config, bool f32, int64_t pages, uint8_t* memory)
    : f32_(f32), pages_(pages), memory_(memory) {
  half_bytes_ = kernels::kv_page_size(config.kv_heads, config.head_dim) * (f32 ? 4 : 2);
  half_bytes_ = (half_bytes_ + 63) / 64 * 64;
  layer_bytes_ = 2 * half_bytes_;
  page_bytes_ = layer_bytes_ * config.layers;
}

int64_t KvCache::page_bytes(const Model& model) {
  return KvCache(model.config(), model.precision() == kernels::Precision::F32, 0, nullptr)
      .page_bytes_;
}

base::Result<std::unique_ptr<KvCache>> KvCache::create(const Model& model, int64_t pages) {
  CHECK(pages > 0);
  const auto bytes = static_cast<size_t>(page_bytes(model)) * static_cast<size_t>(pages);
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) {
    return base::fail(
        base::Code::Unavailable,
        "not enough memory for a KV cache of " + std::to_string(bytes >> 20) + " MiB; give it less",
        "kv_bytes_max", "OUT_OF_MEMORY");
  }
  return std::unique_ptr<KvCache>(new KvCache(model.config(),
                                              model.precision() == kernels::Precision::F32, pages,
                                              static_cast<uint8_t*>(memory)));
}

KvCache::~KvCache() {
  if (memory_) ::munmap(memory_, static_cast<size_t>(page_bytes_ * pages_));
}

uint8_t* KvCache::keys(int32_t page, int64_t layer) const {
  DCHECK(page >= 0 && page < pages_);
  return memory_ + page * page_bytes_ + layer * layer_bytes_;
}

uint8_t* KvCache::values(int32_t page, int64_t layer) const {
  return keys(page, layer) + half_bytes_;
}

void KvCache::clear(int32_t page) {
  std::memset(keys(page, 0), 0, static_cast<size_t>(page_bytes_));
}

// Rows of one sequence that stand together in a step share one list of page addresses.
struct Segment {
  const int32_t* pages;
  int64_t page_count;
  int64_t first_pointer;
};

struct Forward::Scratch {
  std::vector<float> x;             // [rows, dim], the residual stream
  std::vector<float> normed;        // [rows, dim]
  std::vector<float> qkv;           // [rows, q_dim + 2*kv_dim]
  std::vector<float> attention;     // [rows, q_dim]
  std::vector<float> projected;     // [rows, dim]
  std::vector<float> gate_up;       // [rows, 2*hidden_dim]
  std::vector<float> activated;     // [rows, hidden_dim]
  std::vector<float> last;          // [logits rows, dim]
  std::vector<float> logits;        // [logits rows, vocab]
  std::vector<float> rope;          // [positions, head_dim/2, 2]
  std::vector<int32_t> positions;   // [rows]
  std::vector<int64_t> segment_of;  // [rows]
  std::vector<Segment> segments;
  std::vector<const uint8_t*> key_pages, value_pages;
  int64_t rows_max, logits_max, positions_max;
};

namespace {

// Finds the sequences of a step: neighbours with the same page table.
void find_segments(std::span<const Row> rows, std::vector<Segment>* segments,
                   std::vector<int64_t>* segment_of) {
  segments->clear();
  segment_of->clear();
  int64_t pointers = 0;
  for (const Row& row : rows) {
    const int64_t page_count = row.position / kernels::kPageTokens + 1;
    if (segments->empty() || segments->back().pages != row.pages)
      segments->push_back({row.pages, 0, pointers});
    Segment& segment = segments->back();
    segment.page_count = std::max(segment.page_count, page_count);
    pointers = segment.first_pointer + segment.page_count;
    segment_of->push_back(static_cast<int64_t>(segments->size()) - 1);
  }
}

}  // namespace

Forward::Forward(std::shared_ptr<const Model> model, int64_t rows_max, int64_t logits_max,
                 int64_t positions_max)
    : model_(std::move(model)), scratch_(std::make_unique<Scratch>()) {
  CHECK(rows_max > 0 && logits_max > 0 && positions_max > 0);
  const Config& c = model_->config();
  Scratch& s = *scratch_;
  s.rows_max = rows_max;
  s.logits_max = logits_max;
  s.positions_max = positions_max;
  const auto sized = [](int64_t rows, int64_t columns) {
    return std::vector<float>(static_cast<size_t>(rows * columns));
  };
  s.x = sized(rows_max, c.dim);
  s.normed = sized(rows_max, c.dim);
  s.qkv = sized(rows_max, c.q_dim() + 2 * c.kv_dim());
  s.attention = sized(rows_max, c.q_dim());
  s.projected = sized(rows_max, c.dim);
  s.gate_up = sized(rows_max, 2 * c.hidden_dim);
  s.activated = sized(rows_max, c.hidden_dim);
  s.last = sized(logits_max, c.dim);
  s.logits = sized(logits_max, c.vocab_size);
  s.rope = rope_table(c, positions_max);
}

Forward::~Forward() = default;

float* Forward::logits(int64_t index) {
  CHECK(index >= 0 && index < scratch_->logits_max);
  return scratch_->logits.data() + index * model_->config().vocab_size;
}

void Forward::hidden(int64_t row, std::span<float> out) const {
  const Config& c = model_->config();
  CHECK(row >= 0 && row < static_cast<int64_t>(scratch_->positions.size()));
  CHECK(static_cast<int64_t>(out.size()) == c.dim);
  kernels::rms_norm(scratch_->x.data() + row * c.dim, model_->final_norm().data(), out.data(),
                    nullptr, 1, c.dim, c.norm_eps);
}

void Forward::step(std::span<const Row> rows, KvCache& cache, base::ThreadPool& pool) {
  const Config& c = model_->config();
  Scratch& s = *scratch_;
  const auto count = static_cast<int64_t>(rows.size());
  CHECK(count > 0 && count <= s.rows_max);
  s.positions.clear();
  for (int64_t i = 0; i < count; ++i) {
    CHECK(rows[i].position >= 0 && rows[i].position < s.positions_max && rows[i].pages != nullptr);
    s.positions.push_back(rows[i].position);
    model_->embed(rows[i].token, s.x.data() + i * c.dim);
  }
  find_segments(rows, &s.segments, &s.segment_of);
  for (int64_t layer = 0; layer < c.layers; ++layer) {
    attend(rows, layer, cache, pool);
    feed_forward(count, layer, pool);
  }
  project(rows, pool);
}

void Forward::attend(std::span<const Row> rows, int64_t layer, KvCache& cache,
                     base::ThreadPool& pool) {
  const Config& c = model_->config();
  const Layer& weights = model_->layers()[static_cast<size_t>(layer)];
  Scratch& s = *scratch_;
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t stride = c.q_dim() + 2 * c.kv_dim();
  kernels::rms_norm(s.x.data(), weights.attention_norm.data(), s.normed.data(), nullptr, count,
                    c.dim, c.norm_eps);
  kernels::linear(s.normed.data(), count, weights.qkv, s.qkv.data(), pool);
  kernels::rope(s.qkv.data(), stride, s.positions.data(), s.rope.data(), count, c.heads, c.head_dim,
                c.rotary, false);
  kernels::rope(s.qkv.data() + c.q_dim(), stride, s.positions.data(), s.rope.data(), count,
                c.kv_heads, c.head_dim, c.rotary, false);
  // Every row is in the cache before any row looks at it: the rows of one prompt see each other.
  if (cache.is_f32()) {
    write_and_look<float>(rows, layer, cache, pool);
  } else {
    write_and_look<kernels::Bf16>(rows, layer, cache, pool);
  }
  kernels::linear(s.attention.data(), count, weights.attention_out, s.projected.data(), pool);
  kernels::add(s.x.data(), s.projected.data(), count * c.dim);
}

template <class Element>
void Forward::write_and_look(std::span<const Row> rows, int64_t layer, KvCache& cache,
                             base::ThreadPool& pool) {
  const Config& c = model_->config();
  Scratch& s = *scratch_;
  const auto count = static_cast<int64_t>(rows.size());
  const int64_t stride = c.q_dim() + 2 * c.kv_dim();
  for (int64_t i = 0; i < count; ++i) {
    const int32_t page = rows[i].pages[rows[i].position / kernels::kPageTokens];
    const float* k = s.qkv.data() + i * stride + c.q_dim();
    kernels::write_page(reinterpret_cast<Element*>(cache.keys(page, layer)),
                        reinterpret_cast<Element*>(cache.values(page, layer)),
                        rows[i].position % kernels::kPageTokens, k, k + c.kv_dim(), c.kv_heads,
                        c.head_dim);
  }
  s.key_pages.clear();
  s.value_pages.clear();
  for (const Segment& segment : s.segments) {
    for (int64_t i = 0; i < segment.page_count; ++i) {
      s.key_pages.push_back(cache.keys(segment.pages[i], layer));
      s.value_pages.push_back(cache.values(segment.pages[i], layer));
    }
  }
  const float scale = 1.0f / std::sqrt(static_cast<float>(c.head_dim));
  pool.parallel_for(count, 1, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const int64_t first =
          s.segments[static_cast<size_t>(s.segment_of[static_cast<size_t>(i)])].first_pointer;
      kernels::attention_paged(
          s.qkv.data() + i * stride,
          reinterpret_cast<const Element* const*>(s.key_pages.data() + first),
          reinterpret_cast<const Element* const*>(s.value_pages.data() + first),
          rows[i].position + 1, c.heads, c.kv_heads, c.head_dim, scale,
          s.attention.data() + i * c.q_dim());
    }
  });
}

void Forward::feed_forward(int64_t count, int64_t layer, base::ThreadPool& pool) {
  const Config& c = model_->config();
  const Layer& weights = model_->layers()[static_cast<size_t>(layer)];
  Scratch& s = *scratch_;
  kernels::rms_norm(s.x.data(), weights.mlp_norm.data(), s.normed.data(), nullptr, count, c.dim,
                    c.norm_eps);
  kernels::linear(s.normed.data(), count, weights.gate_up, s.gate_up.data(), pool);
  for (int64_t i = 0; i < count; ++i) {
    const float* gate = s.gate_up.data() + i * 2 * c.hidden_dim;
    kernels::silu_mul(gate, gate + c.hidden_dim, s.activated.data() + i * c.hidden_dim,
                      c.hidden_dim);
  }
  kernels::linear(s.activated.data(), count, weights.down, s.projected.data(), pool);
  kernels::add(s.x.data(), s.projected.data(), count * c.dim);
}

// Only the rows that somebody will sample from go through the largest matrix.
void Forward::project(std::span<const Row> rows, base::ThreadPool& pool) {
  const Config& c = model_->config();
  Scratch& s = *scratch_;
  int64_t wanted = 0;
  for (size_t i = 0; i < rows.size(); ++i) {
    const int64_t index = rows[i].logits_index;
    if (index < 0) continue;
    CHECK(index < s.logits_max);
    std::copy_n(s.x.data() + static_cast<int64_t>(i) * c.dim, c.dim, s.last.data() + index * c.dim);
    wanted = std::max(wanted, index + 1);
  }
  if (wanted == 0) return;
  kernels::rms_norm(s.last.data(), model_->final_norm().data(), s.last.data(), nullptr, wanted,
                    c.dim, c.norm_eps);
  kernels::linear(s.last.data(), wanted, model_->head(), s.logits.data(), pool);
}

}  // namespace model
