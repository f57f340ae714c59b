// adam on the CPU; contract in adam.h. Memory-bound: four arrays read and three written, once.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/adam.h"
#include "kernels/lane_sum_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 65536;
constexpr int64_t kPiece = 2048;  // w stays in the first cache between its two uses

int64_t blocks(int64_t parameters) { return (parameters + kBlock - 1) / kBlock; }

template <typename T>
struct Coefficients {
  T beta1, rest1, beta2, rest2, rate, epsilon, decay, clip;

  Coefficients(const AdamOptions& o, double lr_t)
      : beta1(static_cast<T>(o.beta1)),
        rest1(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        rate(static_cast<T>(lr_t)),
        epsilon(static_cast<T>(o.epsilon)),
        decay(static_cast<T>(o.weight_decay)),
        clip(static_cast<T>(o.clip.value_or(std::numeric_limits<double>::infinity()))) {}
};

template <typename T>
void update(const Coefficients<T>& k, T decay, int64_t n, const T* __restrict__ grad, T* __restrict__ w,
            T* __restrict__ m, T* __restrict__ v) {
  for (int64_t i = 0; i < n; ++i) {
    const T g = std::min(std::max(grad[i] + decay * w[i], -k.clip), k.clip);  // a NaN stays one
    m[i] = k.beta1 * m[i] + k.rest1 * g;
    v[i] = k.beta2 * v[i] + k.rest2 * (g * g);
    w[i] -= k.rate * m[i] / (std::sqrt(v[i]) + k.epsilon);
  }
}

template <typename T>
bf16 to_bf16(T value) {
  return bf16(value);
}

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
    const Coefficients<T> k(options, *rate.as<double>());
    const T* gs = grad.as<T>();
    T *ws = param.as<T>(), *ms = m.as<T>(), *vs = v.as<T>();
    bf16* copies = weights_bf16 == nullptr ? nullptr : weights_bf16->as<bf16>();
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      LaneSum squares;
      for (int64_t i = begin, next; i < end; i = next) {
        next = std::min(end, i + kPiece);
        if (i < decayed) next = std::min(next, decayed);  // a piece has decay or has none
        if (i < decayed && half_squares != nullptr)
          squares.add(i, next,
                      [=](int64_t j) { return static_cast<double>(ws[j]) * static_cast<double>(ws[j]); });
        update(k, i < decayed ? k.decay : T{0}, next - i, gs + i, ws + i, ms + i, vs + i);
        if (i < decayed && copies != nullptr) std::transform(ws + i, ws + next, copies + i, to_bf16<T>);
      }
      partial[begin / kBlock] = squares.total();
    });
  });
  if (half_squares != nullptr) *half_squares->as<double>() = sum_in_order(partial, blocks(n)) / 2;
}

}  // namespace inpaint::cpu
