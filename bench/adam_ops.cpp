// The updates of layer_ops.h, with weight decay; with a bf16 copy of the weights where the activations
// are bf16.
#include <cmath>

#include "bench/layer_ops.h"
#include "kernels/linear/linear_adam.h"
#include "kernels/parameter/adam.h"

namespace inpaint::bench {
namespace {

constexpr AdamOptions kOptions{.weight_decay = 1e-6};

// What an update changes, and what the first one started from.
class Updated {
 public:
  Updated(const Context& ctx, const Shape& shape, int64_t decayed, const Shape& copy_shape, DType dtype)
      : decayed_(decayed),
        w(tensor(ctx, shape, dtype, 2, 0, 0.05)),
        m(tensor(ctx, shape, dtype, 3, 0, 1e-3)),
        v(tensor(ctx, shape, dtype, 4, 1e-6, 9e-7)),
        rate(std::make_shared<CaseTensor>(ctx, Shape{1}, DType::kF64, 5, 1e-4, 0)),
        half_squares(std::make_shared<CaseTensor>(ctx, Shape{1}, DType::kF64)),
        copy(dtype == DType::kBF16 ? std::make_shared<CaseTensor>(ctx, copy_shape, dtype) : nullptr),
        w0_(before(w)),
        m0_(before(m)),
        v0_(before(v)) {}

  const Tensor* copy_or_null() const { return copy ? &copy->device() : nullptr; }

  void describe(OpCase& made) const {
    made.bytes += 2 * (w->bytes() + m->bytes() + v->bytes()) + (copy ? copy->bytes() : 0);
    made.outputs = {w, m, v, half_squares};
    if (copy) made.outputs.push_back(copy);
  }

  // gradient(i): without the decay.
  std::string wrong(const Context& ctx, const std::function<Expected(int64_t i)>& gradient) const {
    const auto decayed_gradient = [&](int64_t i) {
      Expected sum = gradient(i);
      if (i < decayed_) sum.add(kOptions.weight_decay * at(w0_, i));
      return sum;
    };
    const auto moment1 = [&](int64_t i) {
      const Expected g = decayed_gradient(i);
      const double rest = 1 - kOptions.beta1, old = kOptions.beta1 * at(m0_, i);
      return Expected{old + rest * g.value, std::abs(old) + rest * g.magnitude};
    };
    const auto moment2 = [&](int64_t i) {
      const Expected g = decayed_gradient(i);
      const double rest = 1 - kOptions.beta2, old = kOptions.beta2 * at(v0_, i);
      return Expected{old + rest * g.value * g.value, old + 2 * rest * std::abs(g.value) * g.magnitude};
    };
    const auto weight = [&](int64_t i) {
      Expected sum;
      sum.add(at(w0_, i));
      sum.add(-(*rate)[0] * moment1(i).value / (std::sqrt(moment2(i).value) + kOptions.epsilon));
      return sum;
    };
    std::string message = compare_some(ctx, "m", *m, moment1);
    if (message.empty()) message = compare_some(ctx, "v", *v, moment2);
    if (message.empty()) message = compare_some(ctx, "w", *w, weight);
    if (message.empty() && copy) message = compare_some(ctx, "weights_bf16", *copy, weight);
    if (!message.empty()) return message;
    return compare_some(ctx, "half_squares", *half_squares, [&](int64_t) {
      Expected sum;
      for (int64_t i = 0; i < decayed_; ++i) sum.add(at(w0_, i) * at(w0_, i) / 2);
      return sum;
    });
  }

 private:
  using Values = std::shared_ptr<const std::vector<float>>;

  static CasePointer tensor(const Context& ctx, const Shape& shape, DType dtype, uint32_t part, double middle,
                            double half_width) {
    return std::make_shared<CaseTensor>(ctx, shape, parameter_dtype(dtype), part, middle, half_width);
  }
  static Values before(const CasePointer& tensor) {
    auto values = std::make_shared<std::vector<float>>();
    for (int64_t i = 0; i < tensor->elements(); ++i) values->push_back(static_cast<float>((*tensor)[i]));
    return values;
  }
  static double at(const Values& values, int64_t i) {
    return static_cast<double>((*values)[static_cast<size_t>(i)]);
  }

  int64_t decayed_;

 public:
  const CasePointer w, m, v, rate, half_squares, copy;

 private:
  Values w0_, m0_, v0_;
};

}  // namespace

OpCase adam_case(Context& ctx, int64_t parameters, int64_t decayed, DType dtype, const AdamOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, parameters));
  const Updated to(ctx, {parameters}, decayed, {decayed}, dtype);
  const auto grad = std::make_shared<CaseTensor>(ctx, Shape{parameters}, parameter_dtype(dtype), 1, 0, 1e-3);
  OpCase made;
  made.bytes = grad->bytes();
  to.describe(made);
  made.run = [=, &ctx] {
    ops.update(ctx, kOptions, to.rate->device(), decayed,
               {.grad = grad->device(),
                .param = to.w->device(),
                .m = to.m->device(),
                .v = to.v->device(),
                .weights_bf16 = to.copy ? to.copy->device() : Tensor{},
                .half_squares = to.half_squares->device()});
  };
  made.wrong = [=, &ctx] {
    return to.wrong(ctx, [&](int64_t i) { return Expected{(*grad)[i], std::abs((*grad)[i])}; });
  };
  return made;
}

OpCase linear_adam_case(Context& ctx, const LinearShape& s, DType dtype) {
  ctx.reserve_workspace(linear_adam_workspace_bytes(ctx, s, dtype));
  const Shape weights{s.out, s.in};
  const Updated to(ctx, weights, s.out * s.in, weights, dtype);
  const auto x = std::make_shared<CaseTensor>(ctx, Shape{s.n, s.in}, dtype, 1, 0, 1),
             dy = std::make_shared<CaseTensor>(ctx, Shape{s.n, s.out}, dtype, 6, 0, 1e-3);
  OpCase made;
  made.flop = made.needed_flop = s.flop();
  made.bytes = x->bytes() + dy->bytes();
  to.describe(made);
  made.run = [=, &ctx] {
    linear_adam(ctx, kOptions, to.rate->device(), x->device(), dy->device(), to.w->device(), to.m->device(),
                to.v->device(), to.copy_or_null(), &to.half_squares->device());
  };
  made.wrong = [=, &ctx] {
    return to.wrong(ctx, [&](int64_t i) {
      Expected sum;
      for (int64_t n = 0; n < s.n; ++n) sum.add((*dy)[n * s.out + i / s.in] * (*x)[n * s.in + i % s.in]);
      return sum;
    });
  };
  return made;
}

}  // namespace inpaint::bench
