#include <algorithm>
#include <dnnl.hpp>
#include <memory>

#include "bench/peers/peers.h"

namespace bench {
namespace {

struct Job {
  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::memory a, b, c;
  dnnl::matmul product;

  Job(int64_t n, bool bf16) {
    const auto type = bf16 ? dnnl::memory::data_type::bf16 : dnnl::memory::data_type::f32;
    const dnnl::memory::desc in({n, n}, type, dnnl::memory::format_tag::ab);
    const dnnl::memory::desc out({n, n}, dnnl::memory::data_type::f32,
                                 dnnl::memory::format_tag::ab);
    a = dnnl::memory(in, engine);
    b = dnnl::memory(in, engine);
    c = dnnl::memory(out, engine);
    for (dnnl::memory* m : {&a, &b}) {  // ones, in either type
      if (bf16) {
        std::fill_n(static_cast<uint16_t*>(m->get_data_handle()), n * n, uint16_t{0x3f80});
      } else {
        std::fill_n(static_cast<float*>(m->get_data_handle()), n * n, 1.0f);
      }
    }
    product = dnnl::matmul({dnnl::matmul::desc(in, in, out), engine});
  }
  void run() {
    product.execute(stream, {{DNNL_ARG_SRC, a}, {DNNL_ARG_WEIGHTS, b}, {DNNL_ARG_DST, c}});
    stream.wait();
  }
};

}  // namespace

std::optional<std::function<void()>> onednn_matmul(int64_t n, bool bf16) {
  try {
    auto job = std::make_shared<Job>(n, bf16);
    return [job] { job->run(); };
  } catch (const dnnl::error&) {
    return std::nullopt;  // this CPU has no such product
  }
}

}  // namespace bench
