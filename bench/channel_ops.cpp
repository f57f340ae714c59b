// Batch norm, bias and activation of layer_ops.h.
#include <cmath>

#include "bench/layer_ops.h"
#include "kernels/channel/bias_activation.h"

namespace inpaint::bench {
namespace {

constexpr double kEpsilon = 1e-5;

double activate(Activation act, double z) {
  switch (act) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return z > 0 ? z : 0;
    case Activation::kLeakyRelu:
      return z > 0 ? z : kLeakySlope * z;
    case Activation::kTanh:
      return std::tanh(z);
  }
  throw Error("unknown activation");
}

// What the batch norms of a case share: rows of x, and the statistics and parameters of a channel. Not the
// statistics of x: forward and backward take what they are given.
struct Norm {
  CasePointer x, mean, variance, gamma, beta;
  int64_t channels;

  Norm(const Context& ctx, const Shape& rows, DType dtype) : channels(rows[1]) {
    const DType parameter = parameter_dtype(dtype);
    const auto of_channel = [&](uint32_t part, double middle, double half_width) {
      return std::make_shared<CaseTensor>(ctx, Shape{channels}, parameter, part, middle, half_width);
    };
    x = std::make_shared<CaseTensor>(ctx, rows, dtype, 1, 0.1, 1);
    mean = of_channel(2, 0.1, 0.1);
    variance = of_channel(3, 0.3, 0.1);
    gamma = of_channel(4, 1, 0.2);
    beta = of_channel(5, 0.1, 0.2);
  }

  double deviation(int64_t c) const { return std::sqrt((*variance)[c] + kEpsilon); }
  double xhat(int64_t i) const { return ((*x)[i] - (*mean)[i % channels]) / deviation(i % channels); }
  double z(int64_t i) const { return (*gamma)[i % channels] * xhat(i) + (*beta)[i % channels]; }
  // Its terms cancel near 0, and a kink may lie there: rounding is that of the terms.
  double terms(int64_t i) const {
    const int64_t c = i % channels;
    return std::abs((*gamma)[c]) * (std::abs((*x)[i]) + std::abs((*mean)[c])) / deviation(c) +
           std::abs((*beta)[c]);
  }
  int64_t parameter_bytes() const {
    return mean->bytes() + variance->bytes() + gamma->bytes() + beta->bytes();
  }
};

}  // namespace

OpCase batch_norm_statistics_case(Context& ctx, const Shape& rows, DType dtype, const BatchNormOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, rows));
  const CasePointer x = std::make_shared<CaseTensor>(ctx, rows, dtype, 1, 0.1, 1),
                    mean = std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter_dtype(dtype)),
                    variance = std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter_dtype(dtype));
  OpCase made;
  made.bytes = x->bytes() + mean->bytes() + variance->bytes();
  made.outputs = {mean, variance};
  made.run = [=, &ctx] { ops.statistics(ctx, x->device(), mean->device(), variance->device()); };
  made.wrong = [=, &ctx] {
    const double m = static_cast<double>(rows[0]);
    const auto mean_of = [&](int64_t c) {
      Expected sum;
      for (int64_t i = c; i < x->elements(); i += rows[1]) sum.add((*x)[i] / m);
      return sum;
    };
    const auto variance_of = [&](int64_t c) {
      const double middle = mean_of(c).value;
      Expected sum;
      for (int64_t i = c; i < x->elements(); i += rows[1])
        sum.add(((*x)[i] - middle) * ((*x)[i] - middle) / m);
      return sum;
    };
    const std::string message = compare_some(ctx, "mean", *mean, mean_of);
    return message.empty() ? compare_some(ctx, "variance", *variance, variance_of) : message;
  };
  return made;
}

OpCase batch_norm_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype,
                               const BatchNormOps& ops) {
  const Norm norm(ctx, rows, dtype);
  const CasePointer y = std::make_shared<CaseTensor>(ctx, rows, dtype);
  OpCase made;
  made.bytes = norm.x->bytes() + norm.parameter_bytes() + y->bytes();
  made.outputs = {y};
  made.run = [=, &ctx] {
    ops.forward(ctx, norm.x->device(), norm.mean->device(), norm.variance->device(), norm.gamma->device(),
                norm.beta->device(), kEpsilon, act, y->device());
  };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "y", *y, [&](int64_t i) {
      return Expected{activate(act, norm.z(i)), norm.terms(i)};
    });
  };
  return made;
}

OpCase batch_norm_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype,
                                const BatchNormOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, rows));
  const Norm norm(ctx, rows, dtype);
  const DType parameter = parameter_dtype(dtype);
  const CasePointer dy = std::make_shared<CaseTensor>(ctx, rows, dtype, 6, 0.1, 1),
                    dx = std::make_shared<CaseTensor>(ctx, rows, dtype),
                    dgamma = std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter),
                    dbeta = std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter);
  OpCase made;
  made.bytes =
      norm.x->bytes() + norm.parameter_bytes() + dy->bytes() + dx->bytes() + dgamma->bytes() + dbeta->bytes();
  made.outputs = {dx, dgamma, dbeta};
  made.run = [=, &ctx] {
    ops.backward(ctx, norm.x->device(), norm.mean->device(), norm.variance->device(), norm.gamma->device(),
                 norm.beta->device(), kEpsilon, act, dy->device(), dx->device(),
                 {&dgamma->device(), &dbeta->device(), GradMode::kOverwrite});
  };
  made.wrong = [=, &ctx]() -> std::string {
    const int64_t channels = rows[1];
    const double m = static_cast<double>(rows[0]);
    // A z within rounding of the kink may be taken for either side.
    const auto dz = [&](int64_t i) {
      return (*dy)[i] * (norm.z(i) > 0 ? 1 : act == Activation::kRelu ? 0 : kLeakySlope);
    };
    const auto undecided = [&](int64_t i) {
      return std::abs(norm.z(i)) < 0x1p-20 * norm.terms(i) ? std::abs((*dy)[i]) : 0;
    };
    struct Sums {
      Expected dbeta, dgamma;
    };
    const auto sums_of = [&](int64_t c) {
      Sums s;
      double doubt = 0;
      for (int64_t i = c; i < norm.x->elements(); i += channels) {
        s.dbeta.add(dz(i));
        s.dgamma.add(dz(i) * norm.xhat(i));
        doubt += undecided(i);
      }
      s.dbeta.magnitude += 0x1p20 * doubt;  // which compare() takes for rounding
      s.dgamma.magnitude += 0x1p20 * doubt * 4;
      return s;
    };
    std::string message = compare_some(ctx, "dgamma", *dgamma, [&](int64_t c) { return sums_of(c).dgamma; });
    if (message.empty())
      message = compare_some(ctx, "dbeta", *dbeta, [&](int64_t c) { return sums_of(c).dbeta; });
    if (!message.empty()) return message;
    return compare_some(ctx, "dx", *dx, [&](int64_t i) {
      const int64_t c = i % channels;
      const Sums s = sums_of(c);
      const double scale = (*norm.gamma)[c] / norm.deviation(c);
      Expected want;
      want.add(scale * dz(i));
      want.add(-scale * s.dbeta.value / m);
      want.add(-scale * norm.xhat(i) * s.dgamma.value / m);
      want.magnitude += scale * (s.dbeta.magnitude + std::abs(norm.xhat(i)) * s.dgamma.magnitude) / m +
                        scale * std::abs((*dy)[i]) + 0x1p20 * scale * undecided(i);
      return want;
    });
  };
  return made;
}

OpCase bias_activation_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype) {
  const CasePointer x = std::make_shared<CaseTensor>(ctx, rows, dtype, 1, 0, 1),
                    bias =
                        std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter_dtype(dtype), 2, 0, 0.5),
                    y = std::make_shared<CaseTensor>(ctx, rows, dtype);
  OpCase made;
  made.bytes = x->bytes() + bias->bytes() + y->bytes();
  made.outputs = {y};
  made.run = [=, &ctx] {
    bias_activation_forward(ctx, x->device(), bias->device(), nullptr, act, y->device());
  };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "y", *y, [&](int64_t i) {
      const double b = (*bias)[i % rows[1]];
      return Expected{activate(act, (*x)[i] + b), std::abs((*x)[i]) + std::abs(b)};
    });
  };
  return made;
}

OpCase bias_activation_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype) {
  ctx.reserve_workspace(bias_activation_workspace_bytes(ctx, rows, dtype));
  const CasePointer y = std::make_shared<CaseTensor>(ctx, rows, dtype, 1, 0, 0.9),
                    dy = std::make_shared<CaseTensor>(ctx, rows, dtype, 2, 0.1, 1),
                    dx = std::make_shared<CaseTensor>(ctx, rows, dtype),
                    dbias = std::make_shared<CaseTensor>(ctx, Shape{rows[1]}, parameter_dtype(dtype));
  OpCase made;
  made.bytes = y->bytes() + dy->bytes() + dx->bytes() + dbias->bytes();
  made.outputs = {dx, dbias};
  made.run = [=, &ctx] {
    bias_activation_backward(ctx, y->device(), dy->device(), act, dx->device(), &dbias->device(),
                             GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    // Both networks end in tanh or in nothing.
    const auto gradient = [&](int64_t i) {
      return act == Activation::kTanh ? (*dy)[i] * (1 - (*y)[i] * (*y)[i]) : (*dy)[i];
    };
    const std::string message = compare_some(ctx, "dx", *dx, [&](int64_t i) {
      return Expected{gradient(i), std::abs((*dy)[i])};
    });
    if (!message.empty()) return message;
    return compare_some(ctx, "dbias", *dbias, [&](int64_t c) {
      Expected sum;
      for (int64_t i = c; i < y->elements(); i += rows[1]) sum.add(gradient(i));
      // In bf16 a sum may be of the rounded gradients.
      if (dx->device().dtype == DType::kBF16) sum.magnitude *= 0x1p12;
      return sum;
    });
  };
  return made;
}

}  // namespace inpaint::bench
