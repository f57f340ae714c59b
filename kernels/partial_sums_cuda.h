// Sums of a whole launch in a fixed order: each block leaves its sum in the workspace, a second launch of one block adds
// them. (An atomic counter that tells the last block would save the launch, and need memory that is zero before and
// after every op.) Only .cu files include this.
#pragma once

#include <algorithm>

#include "core/context.h"
#include "kernels/block_sum_cuda.h"

namespace inpaint::cuda {

static __global__ void __launch_bounds__(kBlockThreads)
    add_partial_sums_kernel(const double* __restrict__ partial, int n, double divisor,
                            double* __restrict__ sum) {
  double mine = 0;
  for (int i = static_cast<int>(threadIdx.x); i < n; i += kBlockThreads) mine += partial[i];
  mine = block_sum(mine);
  if (threadIdx.x == 0) *sum = mine / divisor;
}

// sum = (partial[0] + ... + partial[n - 1]) / divisor
inline void add_partial_sums(const char* op, const Context& ctx, const double* partial, int64_t n,
                             double divisor, double* sum) {
  launch(op, ctx.stream(), dim3(1), dim3(kBlockThreads), 0, add_partial_sums_kernel, partial,
         static_cast<int>(n), divisor, sum);
}

}  // namespace inpaint::cuda
