// gradient_energy on CUDA; contract in gradient_energy.h. Integer sums, exact in any order.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/picture/gradient_energy.h"

namespace inpaint::cuda {
namespace {

// One block per picture, one thread per pixel at a time.
// sm_90: at most 40 registers
__global__ void __launch_bounds__(kBlockThreads)
    gradient_energy_kernel(int height, int width, int channels, const uint8_t* __restrict__ a,
                           const uint8_t* __restrict__ mask, double* __restrict__ energy) {
  const int pixels = height * width, row = width * channels;
  a += blockIdx.x * int64_t{pixels} * channels;
  mask += blockIdx.x * int64_t{pixels};
  long long sum = 0;
  for (int p = static_cast<int>(threadIdx.x); p < pixels; p += kBlockThreads) {
    if (mask[p] == 0) continue;
    const bool has_below = p + width < pixels, has_right = p % width + 1 < width;
    const uint8_t* const pixel = a + int64_t{p} * channels;
    for (int c = 0; c < channels; ++c) {
      const int down = has_below ? int{pixel[row + c]} - int{pixel[c]} : 0;
      const int right = has_right ? int{pixel[channels + c]} - int{pixel[c]} : 0;
      sum += down * down + right * right;
    }
  }
  sum = block_sum(sum);
  if (threadIdx.x == 0) energy[blockIdx.x] = static_cast<double>(sum);
}

}  // namespace

void gradient_energy(const Context& ctx, const Tensor& a, const Tensor& mask, const Tensor& energy) {
  INPAINT_CHECK(a.shape[1] * a.shape[2] * a.shape[3] < int64_t{1} << 31, "gradient_energy: pictures of {}",
                to_string(a.shape));
  launch("gradient_energy", ctx.stream(), dim3(static_cast<unsigned>(a.shape[0])), dim3(kBlockThreads), 0,
         gradient_energy_kernel, static_cast<int>(a.shape[1]), static_cast<int>(a.shape[2]),
         static_cast<int>(a.shape[3]), a.as<uint8_t>(), mask.as<uint8_t>(), energy.as<double>());
}

}  // namespace inpaint::cuda
