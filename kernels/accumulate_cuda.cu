// accumulate on CUDA; contract in accumulate_cuda.h. Memory-bound: each value read once, `to` once more where it is
// added to; four at a time.
#include <cuda_bf16.h>

#include "kernels/accumulate_cuda.h"
#include "kernels/launch.h"

namespace inpaint::cuda {
namespace {

template <typename T>
struct alignas(sizeof(T) == 8 ? 16 : 4 * sizeof(T)) Four {
  T v[4];
};

template <typename From, typename To>
__global__ void accumulate_kernel(int64_t n, const From* __restrict__ from, bool add, To* __restrict__ to) {
  const int64_t whole = n / 4;
  for (int64_t i = global_thread(); i < whole; i += grid_threads()) {
    const Four<From> in = reinterpret_cast<const Four<From>*>(from)[i];
    Four<To> out = {};
    if (add) out = reinterpret_cast<const Four<To>*>(to)[i];
#pragma unroll
    for (int k = 0; k < 4; ++k) out.v[k] += static_cast<To>(in.v[k]);
    reinterpret_cast<Four<To>*>(to)[i] = out;
  }
  const int64_t i = 4 * whole + global_thread();
  if (i < n) to[i] = static_cast<To>(from[i]) + (add ? to[i] : To(0));
}

template <typename From, typename To>
void run(const Context& ctx, const Tensor& from, const Tensor& to, GradMode mode) {
  const int64_t n = to.elements();
  launch_1d("accumulate", ctx.stream(), (n + 3) / 4, accumulate_kernel<From, To>, n,
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
