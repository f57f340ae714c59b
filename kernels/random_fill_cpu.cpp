// random_fill on the CPU; contract in random_fill.h. Compute-bound: a logarithm and a cosine per value.
#include <algorithm>

#include "kernels/random_fill.h"

namespace inpaint {
namespace {

constexpr int64_t kBlock = 16384;

template <typename F>
void fill(const Context& ctx, const Tensor& values, F&& number) {
  visit_real(values.dtype, [&]<typename T>(T) {
    T* to = values.as<T>();
    ctx.parallel_blocks(values.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
      for (int64_t i = begin; i < end; ++i) to[i] = static_cast<T>(number(static_cast<uint64_t>(i)));
    });
  });
}

}  // namespace

void fill_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values) {
  fill(ctx, values, [&](uint64_t i) { return deviation * random.normal(i); });
}

void fill_truncated_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values) {
  fill(ctx, values, [&](uint64_t i) { return deviation * random.truncated_normal(i); });
}

void fill_constant(const Context& ctx, double value, const Tensor& values) {
  fill(ctx, values, [=](uint64_t) { return value; });
}

}  // namespace inpaint
