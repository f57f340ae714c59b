// random_fill on the CPU; contract in random_fill.h. Compute-bound: a logarithm and a cosine per value, in
// vectors where the values are floats.
#include <algorithm>
#include <cmath>

#include "kernels/random/normal_block_cpu.h"
#include "kernels/random/random_fill.h"

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

// Floats of the numbers that `number` gives, which is deviation * a normal number wherever that is nearer
// to 0 than `cut` deviations: where the two ends of what a normal_block leaves open round to one float, it
// is that.
template <typename F>
void fill_floats(const Context& ctx, const Philox& random, double deviation, double cut, const Tensor& values,
                 F&& number) {
  float* to = values.as<float>();
  ctx.parallel_blocks(values.elements(), kBlock, [&](int64_t begin, int64_t end, int) {
    cpu::NormalBlock block;
    const double size = std::abs(deviation);
    for (int64_t first = begin; first < end; first += block.kSize) {
      cpu::normal_block(random, static_cast<uint64_t>(first), block);
      const int64_t count = std::min(block.kSize, end - first);
      // 0 has two signs, which the ends do not tell apart.
      const auto is_open = [&](int64_t k) {
        const double value = deviation * block.value[k], bound = size * block.bound[k];
        const auto low = static_cast<float>(value - bound), high = static_cast<float>(value + bound);
        return low != high || low == 0 || std::abs(block.value[k]) + block.bound[k] >= cut;
      };
      int open = 0;
      for (int64_t k = 0; k < count; ++k) {
        to[first + k] = static_cast<float>(deviation * block.value[k]);
        open += is_open(k);
      }
      for (int64_t k = 0; k < count && open > 0; ++k) {
        if (!is_open(k)) continue;
        to[first + k] = static_cast<float>(number(static_cast<uint64_t>(first + k)));
        --open;
      }
    }
  });
}

}  // namespace

void fill_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values) {
  const auto number = [&](uint64_t i) { return deviation * random.normal(i); };
  if (values.dtype == DType::kF32)
    fill_floats(ctx, random, deviation, HUGE_VAL, values, number);
  else
    fill(ctx, values, number);
}

void fill_truncated_normal(const Context& ctx, const Philox& random, double deviation, const Tensor& values) {
  const auto number = [&](uint64_t i) { return deviation * random.truncated_normal(i); };
  if (values.dtype == DType::kF32)
    fill_floats(ctx, random, deviation, 2, values, number);
  else
    fill(ctx, values, number);
}

void fill_constant(const Context& ctx, double value, const Tensor& values) {
  fill(ctx, values, [=](uint64_t) { return value; });
}

}  // namespace inpaint
