// adam on the CPU; contract in adam.h. Memory-bound: four arrays read and three written, once.
#include "kernels/parameter/adam_cpu.h"

#include <algorithm>

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 65536;
constexpr int64_t kPiece = 2048;  // w stays in the first cache between its two uses

int64_t blocks(int64_t parameters) { return (parameters + kBlock - 1) / kBlock; }

}  // namespace

int64_t adam_workspace_bytes(const Context&, int64_t parameters) {
  return blocks(parameters) * size_of(DType::kF64);
}

void adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, int64_t decayed,
          const Tensor& grad, const Tensor& param, const Tensor& m, const Tensor& v,
          const Tensor* weights_bf16, const Tensor* half_squares) {
  const int64_t n = param.elements();
  double* partial = static_cast<double*>(ctx.workspace(cpu::adam_workspace_bytes(ctx, n)));
  visit_real(param.dtype, [&]<typename T>(T) {
    const AdamCoefficients<T> k(options, *rate.as<double>());
    const T* gs = grad.as<T>();
    T *ws = param.as<T>(), *ms = m.as<T>(), *vs = v.as<T>();
    bf16* copies = weights_bf16 == nullptr ? nullptr : weights_bf16->as<bf16>();
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      LaneSum squares;
      for (int64_t i = begin, next; i < end; i = next) {
        next = std::min(end, i + kPiece);
        if (i >= decayed) {
          adam_update(k, T{0}, next - i, gs + i, ws + i, ms + i, vs + i);
          continue;
        }
        next = std::min(next, decayed);  // a piece has decay or has none
        adam_update_weights(k, next - i, gs + i, ws + i, ms + i, vs + i,
                            copies == nullptr ? nullptr : copies + i,
                            half_squares == nullptr ? nullptr : &squares);
      }
      partial[begin / kBlock] = squares.total();
    });
  });
  if (half_squares != nullptr) *half_squares->as<double>() = sum_in_order(partial, blocks(n)) / 2;
}

}  // namespace inpaint::cpu
