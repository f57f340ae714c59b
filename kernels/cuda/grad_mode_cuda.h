// Writing a gradient by mode, for the CUDA kernels of this folder. Only .cu files include this.
#pragma once

#include <type_traits>

#include "kernels/cuda/values_cuda.h"
#include "kernels/grad_mode.h"

namespace inpaint::cuda {

enum class Write { kNothing, kOverwrite, kAccumulate };

// Calls f with the way to write as a type, so that the kernels hold no branch over it.
template <typename F>
void visit_write(bool wanted, GradMode mode, F&& f) {
  if (!wanted) return f(std::integral_constant<Write, Write::kNothing>{});
  if (mode == GradMode::kOverwrite) return f(std::integral_constant<Write, Write::kOverwrite>{});
  return f(std::integral_constant<Write, Write::kAccumulate>{});
}

// Values i, i + 1, ... of a gradient, those before `end`. The addition is made before the one rounding.
template <Write W, bool kPacked, int N, typename T>
__device__ void write_gradient(const Compute<T> (&values)[N], T* gradient, int64_t i, int64_t end) {
  if constexpr (W != Write::kNothing) {
    Pack<T, N> pack;
    if constexpr (W == Write::kAccumulate) pack = load<kPacked, N>(gradient, i, end);
#pragma unroll
    for (int k = 0; k < N; ++k) {
      if constexpr (W == Write::kAccumulate)
        pack[k] = rounded_to<T>(value_of(pack[k]) + values[k]);
      else
        pack[k] = rounded_to<T>(values[k]);
    }
    store<kPacked>(pack, gradient, i, end);
  }
}

}  // namespace inpaint::cuda
