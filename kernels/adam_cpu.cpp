// adam on the CPU; contract in adam.h. Memory-bound: four arrays read and three written, once.
#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/adam.h"
#include "kernels/lane_sum_cpu.h"

namespace inpaint {
namespace {

constexpr int64_t kBlock = 65536;
constexpr int64_t kPiece = 2048;  // w stays in the first cache between its two uses

int64_t blocks(int64_t parameters) { return (parameters + kBlock - 1) / kBlock; }

template <typename T>
struct Coefficients {
  T beta1, rest1, beta2, rest2, rate, epsilon, decay, clip;

  Coefficients(const AdamOptions& o, int64_t t)
      : beta1(static_cast<T>(o.beta1)),
        rest1(static_cast<T>(1 - o.beta1)),
        beta2(static_cast<T>(o.beta2)),
        rest2(static_cast<T>(1 - o.beta2)),
        rate(static_cast<T>(o.learning_rate * std::sqrt(1 - std::pow(o.beta2, static_cast<double>(t))) /
                            (1 - std::pow(o.beta1, static_cast<double>(t))))),
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

}  // namespace

int64_t adam_workspace_bytes(const Context&, int64_t parameters) {
  return blocks(parameters) * size_of(DType::kF64);
}

void adam(const Context& ctx, const AdamOptions& options, int64_t t, int64_t decayed, const Tensor& grad,
          const Tensor& param, const Tensor& m, const Tensor& v, const Tensor* half_squares) {
  const int64_t n = param.elements();
  expect_shape("adam param", param, {n});
  expect_shape("adam grad", grad, {n}, param.dtype);
  expect_shape("adam m", m, {n}, param.dtype);
  expect_shape("adam v", v, {n}, param.dtype);
  if (half_squares != nullptr) expect_shape("adam half_squares", *half_squares, {1}, DType::kF64);
  INPAINT_CHECK(t >= 1 && decayed >= 0 && decayed <= n, "adam: update {}, {} of {} parameters decayed", t,
                decayed, n);
  double* partial = static_cast<double*>(ctx.workspace(adam_workspace_bytes(ctx, n)));
  visit_real(param.dtype, [&]<typename T>(T) {
    const Coefficients<T> k(options, t);
    const T* gs = grad.as<T>();
    T *ws = param.as<T>(), *ms = m.as<T>(), *vs = v.as<T>();
    ctx.parallel_blocks(n, kBlock, [&](int64_t begin, int64_t end, int) {
      cpu::LaneSum squares;
      for (int64_t i = begin, next; i < end; i = next) {
        next = std::min(end, i + kPiece);
        if (i < decayed) next = std::min(next, decayed);  // a piece has decay or has none
        if (i < decayed && half_squares != nullptr)
          squares.add(i, next,
                      [=](int64_t j) { return static_cast<double>(ws[j]) * static_cast<double>(ws[j]); });
        update(k, i < decayed ? k.decay : T{0}, next - i, gs + i, ws + i, ms + i, vs + i);
      }
      partial[begin / kBlock] = squares.total();
    });
  });
  if (half_squares != nullptr) *half_squares->as<double>() = cpu::sum_in_order(partial, blocks(n)) / 2;
}

}  // namespace inpaint
