// accumulate on CUDA; contract in accumulate_cuda.h. Memory-bound: each value read once, `to` once more where
// it is added to; packs at a time.
#include "kernels/cuda/accumulate_cuda.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {
namespace {

template <typename To>
constexpr int kPack = 16 / sizeof(To);

template <typename From, typename To>
__global__ void accumulate_kernel(int64_t n, const From* __restrict__ from, bool add, To* __restrict__ to) {
  for (int64_t i = kPack<To> * global_thread(); i < n; i += kPack<To> * grid_threads()) {
    const auto in = load<true, kPack<To>>(from, i, n);
    Pack<To, kPack<To>> out = {};
    if (add) out = load<true, kPack<To>>(to, i, n);
#pragma unroll
    for (int k = 0; k < kPack<To>; ++k) out[k] += value_of(in[k]);
    store<true>(out, to, i, n);
  }
}

template <typename From, typename To>
void run(const Context& ctx, const Tensor& from, const Tensor& to, GradMode mode) {
  const int64_t n = to.elements();
  launch_1d("accumulate", ctx.stream(), (n + kPack<To> - 1) / kPack<To>, accumulate_kernel<From, To>, n,
            static_cast<const From*>(from.data), mode == GradMode::kAccumulate, static_cast<To*>(to.data));
}

}  // namespace

void accumulate(const Context& ctx, const Tensor& from, const Tensor& to, GradMode mode) {
  expect_shape("accumulate", from, to.shape);
  if (from.dtype == DType::kBF16 && to.dtype == DType::kF32)
    return run<__nv_bfloat16, float>(ctx, from, to, mode);
  if (from.dtype == DType::kF32 && to.dtype == DType::kF32) return run<float, float>(ctx, from, to, mode);
  if (from.dtype == DType::kF64 && to.dtype == DType::kF64) return run<double, double>(ctx, from, to, mode);
  throw ShapeError(
      fmt::format("accumulate does not take {} to {}", to_string(from.dtype), to_string(to.dtype)));
}

}  // namespace inpaint::cuda
