// round_to_bf16 on CUDA; contract in round_to_bf16.h. Memory-bound: 4 bytes read and 2 written per value.
#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/parameter/round_to_bf16.h"

namespace inpaint::cuda {
namespace {

constexpr int kValues = 8;  // of a thread at a time: 16 bytes written

// sm_90: at most 40 registers, 128-bit loads, 128-bit stores
template <bool kPacked>
__global__ void __launch_bounds__(kBlockThreads)
    round_to_bf16_kernel(int64_t n, const float* __restrict__ values, __nv_bfloat16* __restrict__ rounded) {
  for (int64_t i = kValues * global_thread(); i < n; i += kValues * grid_threads()) {
    const Pack<float, kValues> from = load<kPacked, kValues>(values, i, n);
    Pack<__nv_bfloat16, kValues> to;
#pragma unroll
    for (int k = 0; k < kValues; ++k) to[k] = rounded_to<__nv_bfloat16>(from[k]);
    store<kPacked>(to, rounded, i, n);
  }
}

}  // namespace

void round_to_bf16(const Context& ctx, const Tensor& values, const Tensor& rounded) {
  const int64_t n = values.elements();
  const float* const from = values.as<float>();
  auto* const to = data_of<bf16>(rounded);
  const auto kernel = can_pack<kValues>(from) && can_pack<kValues>(to) ? round_to_bf16_kernel<true>
                                                                       : round_to_bf16_kernel<false>;
  launch_1d("round_to_bf16", ctx.stream(), (n + kValues - 1) / kValues, kernel, n, from, to);
}

}  // namespace inpaint::cuda
