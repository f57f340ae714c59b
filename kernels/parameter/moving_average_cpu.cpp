// moving_average on the CPU; contract in moving_average.h. Memory-bound: two arrays read, one written.
#include "kernels/parameter/moving_average.h"

namespace inpaint::cpu {

void moving_average(const Context& ctx, const Tensor& rate, const Tensor& values, const Tensor& averages) {
  visit_real(values.dtype, [&]<typename T>(T) {
    const T r = static_cast<T>(*rate.as<double>());
    const T* from = values.as<T>();
    T* to = averages.as<T>();
    constexpr int64_t kBlock = 1 << 16;
    ctx.parallel_blocks(values.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) to[i] += r * (from[i] - to[i]);
    });
  });
}

}  // namespace inpaint::cpu
