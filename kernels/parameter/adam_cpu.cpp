// adam on the CPU; contract in adam.h. Memory-bound: four arrays read and three written, once.
#include "kernels/parameter/adam_cpu.h"

#include <algorithm>

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 65536;
constexpr int64_t kPiece = 2048;  // w stays in the first cache between its two uses

int64_t blocks(int64_t parameters) { return (parameters + kBlock - 1) / kBlock; }

// The products are rounded before adam_update adds anything to them: a scale of 1 changes no bit.
template <typename T>
const T* scaled_piece(T scale, int64_t n, const T* grad, T* scaled) {
  std::transform(grad, grad + n, scaled, [=](T g) { return scale * g; });
  return scaled;
}

}  // namespace

int64_t adam_workspace_bytes(const Context&, int64_t parameters) {
  return blocks(parameters) * size_of(DType::kF64);
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const AdamArrays& a) {
  const int64_t n = a.param.elements();
  const bool sums_squares = a.half_squares.data != nullptr;
  double* partial = static_cast<double*>(ctx.workspace(cpu::adam_workspace_bytes(ctx, n)));
  visit_real(a.param.dtype, [&]<typename T>(T) {
    const AdamCoefficients<T> k(options, *rate.as<double>());
    const T* gs = a.grad.as<T>();
    const double* scale = a.grad_scale.data == nullptr ? nullptr : a.grad_scale.as<double>();
    T *ws = a.param.as<T>(), *ms = a.m.as<T>(), *vs = a.v.as<T>();
    bf16* copies = a.weights_bf16.data == nullptr ? nullptr : a.weights_bf16.as<bf16>();
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      LaneSum squares;
      for (int64_t i = begin, next; i < end; i = next) {
        next = std::min(end, i + kPiece);
        if (i < decayed) next = std::min(next, decayed);  // a piece has decay or has none
        T scaled[kPiece];
        const T* g =
            scale == nullptr ? gs + i : scaled_piece(static_cast<T>(*scale), next - i, gs + i, scaled);
        if (i >= decayed)
          adam_update(k, T{0}, next - i, g, ws + i, ms + i, vs + i);
        else
          adam_update_weights(k, next - i, g, ws + i, ms + i, vs + i,
                              copies == nullptr ? nullptr : copies + i, sums_squares ? &squares : nullptr);
      }
      partial[begin / kBlock] = squares.total();
    });
  });
  if (sums_squares) *a.half_squares.as<double>() = sum_in_order(partial, blocks(n)) / 2;
}

}  // namespace inpaint::cpu
