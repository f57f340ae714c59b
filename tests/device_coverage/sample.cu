// Kernels for run_test.py, which knows their lines by the marks in their comments.
//
//     device_coverage_sample [NUMBER ...]      launches steps_kernel with x = NUMBER for each
#include <cuda_runtime.h>

#include <cstdlib>
#include <string_view>

#include "kernels/cuda/launch.h"

namespace inpaint {
namespace {

// Inlined in both instances below.
__device__ void add_if_odd(int x, int* sums) {
  if (x % 2 != 0)    // odd
    sums[1] += 100;  // add
}

template <bool kNegative>
__global__ void steps_kernel(int x, int* sums) {
  if constexpr (kNegative) {
    sums[0] -= x;  // negative
  } else {
    if (x > 10) sums[2] += x;  // one line
  }
  add_if_odd(x, sums);
  for (int i = 0; i < x; ++i) {  // loop
    sums[3] += i;                // body
    if (sums[3] > 1000) break;   // break
  }
}

__global__ void launched_kernel(int* sums) {
  for (int i = 0; i < 4; ++i) sums[i] = 0;  // launched
}

// No test launches it unless x is 99.
__global__ void rare_kernel(int* sums) {
  sums[0] = 1;  // rare
}

}  // namespace
}  // namespace inpaint

int main(int count, char** arguments) {
  int* sums = nullptr;
  if (cudaMalloc(reinterpret_cast<void**>(&sums), 4 * sizeof(int)) != cudaSuccess) return 1;
  inpaint::launch("launched", nullptr, dim3(1), dim3(1), 0, inpaint::launched_kernel, sums);
  for (int k = 1; k < count; ++k) {
    const int x = std::atoi(arguments[k]);
    if (x == 99) inpaint::launch("rare", nullptr, dim3(1), dim3(1), 0, inpaint::rare_kernel, sums);
    const auto kernel = x < 0 ? inpaint::steps_kernel<true> : inpaint::steps_kernel<false>;
    inpaint::launch("steps", nullptr, dim3(1), dim3(1), 0, kernel, x, sums);
  }
  return cudaDeviceSynchronize() != cudaSuccess || cudaFree(sums) != cudaSuccess;
}
