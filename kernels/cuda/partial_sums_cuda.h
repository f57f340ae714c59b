// The sum of one value per thread over a whole launch, in a fixed order. Only .cu files include this.
#pragma once

#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/last_block_cuda.h"

namespace inpaint::cuda {

// An argument of the kernel that makes the sum. Each block leaves its sum in the workspace, and the last
// block adds them in the order of the blocks' numbers.
class LaunchSum {
 public:
  static int64_t workspace_bytes(const Context& ctx, int64_t blocks) {
    ticket_counters(ctx, 1);
    return blocks * size_of(DType::kF64);
  }

  LaunchSum() = default;  // no sum is wanted
  // *result = the sum over all threads of all `blocks` blocks / divisor. The blocks have kBlockThreads
  // threads in one dimension.
  LaunchSum(const Context& ctx, int64_t blocks, double divisor, double* result)
      : partial_(static_cast<double*>(ctx.workspace(workspace_bytes(ctx, blocks)))),
        counter_(ticket_counters(ctx, 1)),
        divisor_(divisor),
        result_(result) {}

  // Adds a thread's value. All threads of the launch call this, once.
  __device__ void add(double mine) const {
    if (result_ == nullptr) return;
    mine = block_sum(mine);
    if (threadIdx.x == 0) partial_[int64_t{blockIdx.y} * gridDim.x + blockIdx.x] = mine;
    const unsigned blocks = gridDim.x * gridDim.y;
    if (!is_last_block(counter_, blocks)) return;
    double all = 0;
    for (unsigned i = threadIdx.x; i < blocks; i += kBlockThreads) all += partial_[i];
    all = block_sum(all);
    if (threadIdx.x == 0) *result_ = all / divisor_;
  }

 private:
  double* partial_ = nullptr;
  unsigned* counter_ = nullptr;
  double divisor_ = 1;
  double* result_ = nullptr;
};

}  // namespace inpaint::cuda
