// Group norm and the sum of gradients, of layer_ops.h.
#include <cmath>

#include "bench/layer_ops.h"
#include "kernels/channel/add.h"
#include "kernels/channel/group_norm.h"

namespace inpaint::bench {
namespace {

constexpr double kEpsilon = 1e-5;
constexpr int64_t kGroupChannels = 16;

CasePointer input(const Context& ctx, const Shape& shape, DType dtype, uint32_t part, double middle,
                  double half_width) {
  return std::make_shared<CaseTensor>(ctx, shape, dtype, part, middle, half_width);
}
CasePointer output(const Context& ctx, const Shape& shape, DType dtype) {
  return std::make_shared<CaseTensor>(ctx, shape, dtype);
}

// What forward and backward of a case share, and the places of a group's values.
struct Norm {
  CasePointer x, gamma, mean, rstd;
  int64_t channels, groups, elements;  // elements of one picture
  GroupNormOptions options;

  Norm(Context& ctx, const Shape& pictures, Activation act, DType dtype)
      : channels(pictures.back()),
        groups(channels / kGroupChannels),
        elements(pictures.elements() / pictures[0]),
        options{groups, kEpsilon, act} {
    ctx.reserve_workspace(group_norm_workspace_bytes(ctx, pictures, groups));
    x = input(ctx, pictures, dtype, 1, 0.1, 1);
    gamma = input(ctx, {channels}, parameter_dtype(dtype), 2, 1, 0.2);
  }

  int64_t group_of(int64_t i) const { return i / elements * groups + i % channels / kGroupChannels; }
  double group_elements() const { return static_cast<double>(elements) / static_cast<double>(groups); }

  // Calls f(i) for the values of a group.
  template <typename F>
  void for_each(int64_t group, F&& f) const {
    const int64_t begin = group / groups * elements, first = group % groups * kGroupChannels;
    for (int64_t row = begin; row < begin + elements; row += channels)
      for (int64_t i = row + first; i < row + first + kGroupChannels; ++i) f(i);
  }
  Expected mean_of(int64_t group) const {
    Expected sum;
    for_each(group, [&](int64_t i) { sum.add((*x)[i] / group_elements()); });
    return sum;
  }
  double rstd_of(int64_t group) const {
    const double middle = mean_of(group).value;
    double squares = 0;
    for_each(group, [&](int64_t i) { squares += ((*x)[i] - middle) * ((*x)[i] - middle); });
    return 1 / std::sqrt(squares / group_elements() + kEpsilon);
  }
};

double slope(Activation act, double at) {
  return at > 0 || act == Activation::kNone ? 1 : act == Activation::kRelu ? 0 : kLeakySlope;
}

}  // namespace

OpCase group_norm_forward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype) {
  Norm norm(ctx, pictures, act, dtype);
  const DType parameter = parameter_dtype(dtype);
  const CasePointer beta = input(ctx, {norm.channels}, parameter, 3, 0.1, 0.2),
                    y = output(ctx, pictures, dtype),
                    mean = output(ctx, {pictures[0], norm.groups}, parameter),
                    rstd = output(ctx, {pictures[0], norm.groups}, parameter);
  OpCase made;
  made.bytes =
      norm.x->bytes() + norm.gamma->bytes() + beta->bytes() + y->bytes() + mean->bytes() + rstd->bytes();
  made.outputs = {mean, rstd, y};
  made.run = [=, &ctx] {
    group_norm_forward(ctx, norm.options,
                       {.x = norm.x->device(),
                        .gamma = norm.gamma->device(),
                        .beta = beta->device(),
                        .mean = mean->device(),
                        .rstd = rstd->device(),
                        .y = y->device()});
  };
  made.wrong = [=, &ctx] {
    std::string message = compare_some(ctx, "mean", *mean, [&](int64_t g) { return norm.mean_of(g); });
    if (message.empty())
      message = compare_some(ctx, "rstd", *rstd, [&](int64_t g) {
        return Expected{norm.rstd_of(g), norm.rstd_of(g)};
      });
    if (!message.empty()) return message;
    return compare_some(ctx, "y", *y, [&](int64_t i) {
      const int64_t g = norm.group_of(i), c = i % norm.channels;
      const double scale = (*norm.gamma)[c] * norm.rstd_of(g), middle = norm.mean_of(g).value;
      const double z = ((*norm.x)[i] - middle) * scale + (*beta)[c];
      return Expected{z * slope(act, z),
                      (std::abs((*norm.x)[i]) + std::abs(middle)) * scale + std::abs((*beta)[c])};
    });
  };
  return made;
}

OpCase group_norm_backward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype) {
  Norm norm(ctx, pictures, act, dtype);
  const DType parameter = parameter_dtype(dtype);
  // Not the statistics of x: backward takes what it is given.
  const CasePointer y = input(ctx, pictures, dtype, 4, 0.1, 1), dy = input(ctx, pictures, dtype, 5, 0.1, 1),
                    mean = input(ctx, {pictures[0], norm.groups}, parameter, 6, 0.1, 0.1),
                    rstd = input(ctx, {pictures[0], norm.groups}, parameter, 7, 1.7, 0.3),
                    dx = output(ctx, pictures, dtype), dgamma = output(ctx, {norm.channels}, parameter),
                    dbeta = output(ctx, {norm.channels}, parameter);
  OpCase made;
  made.bytes = norm.x->bytes() + norm.gamma->bytes() + y->bytes() + dy->bytes() + mean->bytes() +
               rstd->bytes() + dx->bytes() + dgamma->bytes() + dbeta->bytes();
  made.outputs = {dx, dgamma, dbeta};
  made.run = [=, &ctx] {
    group_norm_backward(ctx, norm.options,
                        {.x = norm.x->device(),
                         .y = y->device(),
                         .mean = mean->device(),
                         .rstd = rstd->device(),
                         .gamma = norm.gamma->device(),
                         .dy = dy->device(),
                         .dx = dx->device(),
                         .dgamma = dgamma->device(),
                         .dbeta = dbeta->device()});
  };
  made.wrong = [=, &ctx]() -> std::string {
    const auto dz = [&](int64_t i) { return (*dy)[i] * slope(act, (*y)[i]); };
    const auto xhat = [&](int64_t i) {
      const int64_t g = norm.group_of(i);
      return ((*norm.x)[i] - (*mean)[g]) * (*rstd)[g];
    };
    const auto over_rows = [&](int64_t c, auto&& term) {
      Expected sum;
      for (int64_t i = c; i < dy->elements(); i += norm.channels) sum.add(term(i));
      return sum;
    };
    std::string message = compare_some(ctx, "dbeta", *dbeta, [&](int64_t c) { return over_rows(c, dz); });
    if (message.empty())
      message = compare_some(ctx, "dgamma", *dgamma, [&](int64_t c) {
        return over_rows(c, [&](int64_t i) { return dz(i) * xhat(i); });
      });
    if (!message.empty()) return message;
    return compare_some(ctx, "dx", *dx, [&](int64_t i) {
      Expected h, h_xhat, want;
      norm.for_each(norm.group_of(i), [&](int64_t j) {
        const double value = (*norm.gamma)[j % norm.channels] * dz(j) / norm.group_elements();
        h.add(value);
        h_xhat.add(value * xhat(j));
      });
      const double scale = (*rstd)[norm.group_of(i)];
      want.add(scale * (*norm.gamma)[i % norm.channels] * dz(i));
      want.add(-scale * h.value);
      want.add(-scale * xhat(i) * h_xhat.value);
      want.magnitude += scale * (h.magnitude + std::abs(xhat(i)) * h_xhat.magnitude);
      return want;
    });
  };
  return made;
}

OpCase add_case(Context& ctx, const Shape& shape, DType dtype) {
  const CasePointer x = input(ctx, shape, dtype, 1, 0, 1), y = input(ctx, shape, dtype, 2, 0, 1);
  std::vector<double> before;
  for (int64_t i = 0; i < y->elements(); ++i) before.push_back((*y)[i]);
  OpCase made;
  made.bytes = x->bytes() + 2 * y->bytes();
  made.outputs = {y};
  made.run = [=, &ctx] { add(ctx, x->device(), y->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "y", *y, [&](int64_t i) {
      const double was = before[static_cast<size_t>(i)];
      return Expected{was + (*x)[i], std::abs(was) + std::abs((*x)[i])};
    });
  };
  return made;
}

}  // namespace inpaint::bench
