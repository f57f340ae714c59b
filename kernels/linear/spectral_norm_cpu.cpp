// spectral_norm on the CPU; contract in spectral_norm.h. Memory-bound: the weight is read three times, and
// twice for the gradient. It is small beside the products that it serves.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/grad_mode_cpu.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/linear/spectral_norm.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kColumns = 256, kRows = 4;  // of a block of sums
constexpr int64_t kBlock = 1 << 14;           // values

struct Matrix {
  int64_t k, r;
  int64_t values() const { return k * r; }
  int64_t blocks() const { return (values() + kBlock - 1) / kBlock; }
};

Matrix matrix_of(const Shape& weight) { return {weight[0], weight.elements() / weight[0]}; }

// columns = W^T u. A column adds its rows in their order.
template <typename F>
void multiply_transposed(const Context& ctx, const Matrix& m, const F* weight, const F* u, double* columns) {
  ctx.parallel_blocks(m.r, kColumns, [=](int64_t begin, int64_t end, int) {
    std::fill(columns + begin, columns + end, 0.0);
    for (int64_t k = 0; k < m.k; ++k) {
      const F* const row = weight + k * m.r;
      const double factor = u[k];
#pragma GCC ivdep
      for (int64_t r = begin; r < end; ++r) columns[r] += factor * static_cast<double>(row[r]);
    }
  });
}

// rows = W v.
template <typename F>
void multiply(const Context& ctx, const Matrix& m, const F* weight, const F* v, double* rows) {
  ctx.parallel_blocks(m.k, kRows, [=](int64_t begin, int64_t end, int) {
    for (int64_t k = begin; k < end; ++k) {
      const F* const row = weight + k * m.r;
      LaneSum sum;
      sum.add(0, m.r, [=](int64_t r) { return static_cast<double>(row[r]) * static_cast<double>(v[r]); });
      rows[k] = sum.total();
    }
  });
}

double length(const double* values, int64_t n) {
  LaneSum sum;
  sum.add(0, n, [=](int64_t i) { return values[i] * values[i]; });
  return std::sqrt(sum.total());
}

template <typename T>
void run(const Context& ctx, const Matrix& m, const Tensor& weight, const Tensor& u, const SpectralNorm& out,
         const Tensor& normed, double* columns) {
  using F = ArithmeticOf<T>;
  const F *const w = weight.as<F>(), *const us = u.as<F>();
  F *const v = out.v.as<F>(), *const next = out.next_u.as<F>();

  multiply_transposed(ctx, m, w, us, columns);
  const double columns_length = length(columns, m.r);
  for (int64_t r = 0; r < m.r; ++r)
    v[r] = columns_length == 0 ? F{0} : static_cast<F>(columns[r] / columns_length);

  double* const rows = columns + m.r;
  multiply(ctx, m, w, v, rows);
  const double rows_length = length(rows, m.k);
  const F sigma = *out.sigma.as<F>() = static_cast<F>(rows_length);
  for (int64_t k = 0; k < m.k; ++k) next[k] = sigma == 0 ? us[k] : static_cast<F>(rows[k] / rows_length);

  T* const to = normed.as<T>();
  ctx.parallel_blocks(m.values(), kBlock, [=](int64_t begin, int64_t end, int) {
    for (int64_t i = begin; i < end; ++i) to[i] = static_cast<T>(sigma == 0 ? F{0} : w[i] / sigma);
  });
}

// <dnormed, W>
template <typename F>
double dot(const Context& ctx, const Matrix& m, const F* dnormed, const F* weight, double* partial) {
  ctx.parallel_blocks(m.values(), kBlock, [=](int64_t begin, int64_t end, int) {
    LaneSum sum;
    sum.add(begin, end,
            [=](int64_t i) { return static_cast<double>(dnormed[i]) * static_cast<double>(weight[i]); });
    partial[begin / kBlock] = sum.total();
  });
  return sum_in_order(partial, m.blocks());
}

}  // namespace

int64_t spectral_norm_workspace_bytes(const Context&, const Shape& weight) {
  const Matrix m = matrix_of(weight);
  return std::max(m.k + m.r, m.blocks()) * size_of(DType::kF64);
}

void spectral_norm(const Context& ctx, const Tensor& weight, const Tensor& u, const SpectralNorm& out,
                   const Tensor& normed) {
  auto* const sums =
      static_cast<double*>(ctx.workspace(cpu::spectral_norm_workspace_bytes(ctx, weight.shape)));
  visit_activation_type(normed.dtype, [&]<typename T>(T) {
    run<T>(ctx, matrix_of(weight.shape), weight, u, out, normed, sums);
  });
}

void spectral_norm_backward(const Context& ctx, const Tensor& dnormed, const Tensor& weight,
                            const SpectralNorm& norm, const Tensor& dweight, GradMode mode) {
  const Matrix m = matrix_of(weight.shape);
  auto* const partial =
      static_cast<double*>(ctx.workspace(cpu::spectral_norm_workspace_bytes(ctx, weight.shape)));
  visit_real(weight.dtype, [&]<typename F>(F) {
    const F *const from = dnormed.as<F>(), *const u = norm.next_u.as<F>(), *const v = norm.v.as<F>();
    F* const to = dweight.as<F>();
    const F sigma = *norm.sigma.as<F>();
    const double along = dot(ctx, m, from, weight.as<F>(), partial) / static_cast<double>(sigma);
    visit_store(true, mode, [&]<Store S>(StoreConstant<S>) {
      ctx.parallel_blocks(m.k, kRows, [=](int64_t begin, int64_t end, int) {
        for (int64_t k = begin; k < end; ++k) {
          const F factor = static_cast<F>(along * static_cast<double>(u[k]));
          for (int64_t r = 0, i = k * m.r; r < m.r; ++r, ++i)
            store<S>(to, i, sigma == 0 ? F{0} : (from[i] - factor * v[r]) / sigma);
        }
      });
    });
  });
}

}  // namespace inpaint::cpu
