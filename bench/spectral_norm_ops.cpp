// The spectral norm of layer_ops.h. The weight is uniform in [-0.1, 0.1].
#include <cmath>

#include "bench/layer_ops.h"
#include "kernels/linear/spectral_norm.h"

namespace inpaint::bench {
namespace {

struct Tensors {
  int64_t k, r;
  CasePointer weight, u, next_u, v, sigma, normed;

  Tensors(const Context& ctx, const Shape& s, DType dtype) : k(s[0]), r(s.elements() / s[0]) {
    const DType type = parameter_dtype(dtype);
    weight = std::make_shared<CaseTensor>(ctx, s, type, 1, 0, 0.1);
    u = std::make_shared<CaseTensor>(ctx, Shape{k}, type, 2, 0, 1);
    next_u = std::make_shared<CaseTensor>(ctx, Shape{k}, type);
    v = std::make_shared<CaseTensor>(ctx, Shape{r}, type);
    sigma = std::make_shared<CaseTensor>(ctx, Shape{1}, type);
    normed = std::make_shared<CaseTensor>(ctx, s, dtype);
  }

  SpectralNorm norm() const { return {next_u->device(), v->device(), sigma->device()}; }
  void run(const Context& ctx) const {
    spectral_norm(ctx, weight->device(), u->device(), norm(), normed->device());
  }

  // Elements of W^T x and W x.
  Expected column(const CaseTensor& x, int64_t at) const {
    Expected sum;
    for (int64_t row = 0; row < k; ++row) sum.add((*weight)[row * r + at] * x[row]);
    return sum;
  }
  Expected row(const CaseTensor& x, int64_t at) const {
    Expected sum;
    for (int64_t column = 0; column < r; ++column) sum.add((*weight)[at * r + column] * x[column]);
    return sum;
  }
};

// The root of the sum of squares of n values.
template <typename F>
double length(int64_t n, F&& value) {
  double squares = 0;
  for (int64_t i = 0; i < n; ++i) squares += value(i) * value(i);
  return std::sqrt(squares);
}

Expected over(const Expected& x, double divisor) { return {x.value / divisor, x.magnitude / divisor}; }

}  // namespace

OpCase spectral_norm_case(Context& ctx, const Shape& weight, DType dtype) {
  ctx.reserve_workspace(spectral_norm_workspace_bytes(ctx, weight));
  const Tensors t(ctx, weight, dtype);
  OpCase made;
  made.bytes = 3 * t.weight->bytes() + t.normed->bytes();  // each step needs a sum over all of the one before
  made.outputs = {t.next_u, t.v, t.sigma, t.normed};
  made.run = [=, &ctx] { t.run(ctx); };
  made.wrong = [=, &ctx] {
    const double columns = length(t.r, [&](int64_t i) { return t.column(*t.u, i).value; });
    std::string message =
        compare_some(ctx, "v", *t.v, [&](int64_t i) { return over(t.column(*t.u, i), columns); });
    const double rows = length(t.k, [&](int64_t i) { return t.row(*t.v, i).value; });
    if (message.empty())
      message = compare_some(ctx, "sigma", *t.sigma, [&](int64_t) { return Expected{rows, rows}; });
    if (message.empty())
      message = compare_some(ctx, "next_u", *t.next_u, [&](int64_t i) { return over(t.row(*t.v, i), rows); });
    if (!message.empty()) return message;
    return compare_some(ctx, "normed", *t.normed, [&](int64_t i) {
      const double quotient = (*t.weight)[i] / (*t.sigma)[0];
      return Expected{quotient, std::abs(quotient)};
    });
  };
  return made;
}

OpCase spectral_norm_backward_case(Context& ctx, const Shape& weight, DType dtype) {
  ctx.reserve_workspace(spectral_norm_workspace_bytes(ctx, weight));
  const Tensors t(ctx, weight, dtype);
  t.run(ctx);
  for (const CasePointer& made : {t.next_u, t.v, t.sigma}) made->fetch(ctx);
  const auto dnormed = std::make_shared<CaseTensor>(ctx, weight, parameter_dtype(dtype), 3, 0, 1),
             dweight = std::make_shared<CaseTensor>(ctx, weight, parameter_dtype(dtype));
  OpCase made;
  made.bytes = 2 * dnormed->bytes() + t.weight->bytes() + dweight->bytes();
  made.outputs = {dweight};
  made.run = [=, &ctx] {
    spectral_norm_backward(ctx, dnormed->device(), t.weight->device(), t.norm(), dweight->device(),
                           GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    const double sigma = (*t.sigma)[0];
    Expected along;
    for (int64_t i = 0; i < dnormed->elements(); ++i) along.add((*dnormed)[i] * (*t.weight)[i] / sigma);
    return compare_some(ctx, "dweight", *dweight, [&](int64_t i) {
      const double direction = (*t.next_u)[i / t.r] * (*t.v)[i % t.r] / sigma;
      return Expected{(*dnormed)[i] / sigma - along.value * direction,
                      std::abs((*dnormed)[i] / sigma) + along.magnitude * std::abs(direction)};
    });
  };
  return made;
}

}  // namespace inpaint::bench
