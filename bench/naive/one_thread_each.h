// How the naive kernels are launched: n threads, in blocks of 256. Thread i is global_thread(), and a kernel
// begins with `if (i >= n) return;`. Only .cu files include this.
#pragma once

#include "core/device/context.h"
#include "kernels/cuda/launch.h"

namespace inpaint::naive {

template <typename... P, typename... A>
void one_thread_each(const char* op, const Context& ctx, int64_t n, void (*kernel)(int64_t, P...),
                     A... args) {
  const int64_t blocks = (n + kBlockThreads - 1) / kBlockThreads;
  launch(op, ctx.stream(), dim3(static_cast<unsigned>(blocks)), dim3(kBlockThreads), 0, kernel, n, args...);
}

template <typename T>
__global__ void __launch_bounds__(kBlockThreads) clear_kernel(int64_t n, T* __restrict__ values) {
  const int64_t i = global_thread();
  if (i < n) values[i] = T(0);
}

}  // namespace inpaint::naive
