// compose_hole on the CPU; contract in compose_hole.h. Memory-bound: filled read and painted written once,
// the residual read where pixels are missing. The gradient is read and added to there alone.
#include <algorithm>

#include "kernels/cpu/grad_mode_cpu.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/cpu/mask_runs_cpu.h"
#include "kernels/picture/compose_hole.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 1 << 14;  // pixels

// The missing pixels from first to last. C is int64_t or, for the usual number, a constant.
template <typename T, typename C>
void add_gradient(C c, int64_t first, int64_t last, ArithmeticOf<T> scale, const T* dx, T* dresidual,
                  LaneSum& squares) {
  squares.add(first * c, last * c, [=](int64_t i) {
    const ArithmeticOf<T> d = dx[i + i / c];  // a pixel of dx has one value more
    store<Store::kAccumulate>(dresidual, i, scale * d);
    return static_cast<double>(d) * static_cast<double>(d);
  });
}

}  // namespace

void compose_hole(const Context& ctx, const Tensor& filled, const Tensor& residual, const Tensor& mask,
                  const Tensor& painted) {
  const int64_t c = filled.shape[3];
  visit_activation_type(residual.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const F* from = filled.as<F>();
    const T* residuals = residual.as<T>();
    const uint8_t* masks = mask.as<uint8_t>();
    F* to = painted.as<F>();
    ctx.parallel_blocks(mask.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      for_each_run(masks, begin, end, [=](bool missing, int64_t first, int64_t last) {
        if (missing)
#pragma GCC ivdep
          for (int64_t i = first * c; i < last * c; ++i) to[i] = from[i] + residuals[i];
        else if (to != from)
          std::copy(from + first * c, from + last * c, to + first * c);
      });
    });
  });
}

int64_t compose_hole_backward_workspace_bytes(const Context&, const Shape& dresidual) {
  const int64_t pixels = dresidual[0] * dresidual[1] * dresidual[2];
  return (pixels + kBlock - 1) / kBlock * size_of(DType::kF64);
}

void compose_hole_backward(const Context& ctx, const Tensor& dx, const Tensor& mask, const Tensor& scale,
                           const Tensor& dresidual, const Tensor& squares) {
  const int64_t c = dresidual.shape[3],
                bytes = cpu::compose_hole_backward_workspace_bytes(ctx, dresidual.shape);
  auto* const partial = static_cast<double*>(ctx.workspace(bytes));
  visit_activation_type(dx.dtype, [&]<typename T>(T) {
    const auto factor = static_cast<ArithmeticOf<T>>(*scale.as<double>());
    const T* const from = dx.as<T>();
    const uint8_t* const masks = mask.as<uint8_t>();
    T* const to = dresidual.as<T>();
    ctx.parallel_blocks(mask.elements(), kBlock, [=](int64_t begin, int64_t end, int) {
      LaneSum sum;
      for_each_run(masks, begin, end, [=, &sum](bool missing, int64_t first, int64_t last) {
        if (!missing) return;
        if (c == 3)
          add_gradient(std::integral_constant<int64_t, 3>{}, first, last, factor, from, to, sum);
        else
          add_gradient(c, first, last, factor, from, to, sum);
      });
      partial[begin / kBlock] = sum.total();
    });
  });
  if (squares.data != nullptr) *squares.as<double>() = sum_in_order(partial, bytes / size_of(DType::kF64));
}

}  // namespace inpaint::cpu
