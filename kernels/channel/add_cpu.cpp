// add on the CPU; contract in add.h. Memory-bound: reads x and y once, writes y.
#include "kernels/channel/add.h"
#include "kernels/cpu/grad_mode_cpu.h"

namespace inpaint::cpu {

void add(const Context& ctx, const Tensor& x, const Tensor& y) {
  visit_activation_type(y.dtype, [&]<typename T>(T) {
    const T* xs = x.as<T>();
    T* ys = y.as<T>();
    ctx.parallel_blocks(y.elements(), 32768, [&](int64_t begin, int64_t end, int) {
#pragma GCC ivdep
      for (int64_t i = begin; i < end; ++i) store<Store::kAccumulate>(ys, i, xs[i]);
    });
  });
}

}  // namespace inpaint::cpu
