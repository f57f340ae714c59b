#include "kernels/channel/group_norm.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

constexpr double kEpsilon = 1e-5;
constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu};

struct Sizes {
  Shape x;
  int64_t groups;
};
// Groups of 1, 3, 5, 16 and of all channels; one picture, one pixel, one channel; chunks of 128 lanes and
// tiles of 32768 values with a rest; groups that lie in two chunks.
const Sizes kSizes[] = {{{1, 1, 1, 1}, 1},     {{1, 1, 1, 6}, 2},    {{3, 1, 1, 5}, 5},
                        {{2, 3, 3, 1}, 1},     {{2, 3, 5, 15}, 3},   {{5, 4, 4, 16}, 1},
                        {{2, 7, 5, 48}, 3},    {{3, 4, 3, 15}, 5},   {{1, 2, 5, 129}, 43},
                        {{2, 2, 3, 257}, 1},   {{2, 3, 3, 160}, 10}, {{2, 60, 57, 16}, 1},
                        {{1, 105, 105, 3}, 3}, {{9, 64}, 4}};
const Sizes kOrderSizes[] = {
    {{3, 4, 3, 15}, 5}, {{2, 3, 3, 160}, 10}, {{2, 60, 57, 16}, 1}, {{4, 2, 2, 6}, 6}};
const Sizes kSmallSizes[] = {{{1, 1, 1, 6}, 2}, {{2, 2, 2, 3}, 3}, {{2, 3, 1, 10}, 2}};

struct Case {
  const Backend& backend;
  Sizes sizes;
  Shape shape, channels, statistics;
  GuardedTensor x, addend, dy, gamma, beta;

  Case(const Backend& b, const Sizes& s, double offset = 0.3) : Case(b, s, b.parameters(), offset) {}
  Case(const Backend& b, const Sizes& s, const Placement& parameters, double offset = 0.3)
      : backend(b),
        sizes(s),
        shape(s.x),
        channels{s.x.back()},
        statistics{s.x[0], s.groups},
        x(random_tensor(shape, b, kSeed, 0, offset)),
        addend(random_tensor(shape, b, kSeed, 1)),
        dy(random_tensor(shape, b, kSeed, 2)),
        gamma(random_tensor(channels, parameters, kSeed, 3, 1, 0.3)),
        beta(random_tensor(channels, parameters, kSeed, 4, 0, 0.3)) {}

  Label label(const char* op, Activation act) const {
    return {fmt::format("{}, activation {}, {} groups", op, static_cast<int>(act), sizes.groups), backend,
            to_string(shape)};
  }

  std::unique_ptr<Context> context() const {
    auto ctx = backend.context();
    prepare_workspace(*ctx, group_norm_workspace_bytes(*ctx, shape, sizes.groups));
    return ctx;
  }

  GroupNormOptions norm(Activation act) const { return {sizes.groups, kEpsilon, act}; }

  template <typename R>
  reference::GroupNorm<R> reference_of(bool adds) const {
    return {
        shape[0], sizes.groups, gamma.values<R>(), beta.values<R>(), adds ? addend.values<R>() : Values<R>{},
        kEpsilon};
  }
};

// What forward leaves, all of it NaN before.
struct Forward {
  GuardedTensor mean, rstd, y;

  explicit Forward(const Case& c)
      : mean(c.statistics, c.backend.parameters()),
        rstd(c.statistics, c.backend.parameters()),
        y(c.shape, c.backend) {}

  void run(const Context& ctx, const Case& c, Activation act, bool adds) {
    group_norm_forward(ctx, c.norm(act),
                       {.x = c.x,
                        .gamma = c.gamma,
                        .beta = c.beta,
                        .addend = adds ? Tensor(c.addend) : Tensor{},
                        .mean = mean,
                        .rstd = rstd,
                        .y = y});
  }
};

// What backward leaves.
struct Backward {
  GuardedTensor dx, dgamma, dbeta, daddend;

  explicit Backward(const Case& c)
      : dx(c.shape, c.backend),
        dgamma(c.channels, c.backend.parameters()),
        dbeta(c.channels, c.backend.parameters()),
        daddend(c.shape, c.backend) {}

  GroupNormBackward tensors(const Case& c, const Forward& f) const {
    return {.x = c.x,
            .y = f.y,
            .mean = f.mean,
            .rstd = f.rstd,
            .gamma = c.gamma,
            .dy = c.dy,
            .dx = dx,
            .dgamma = dgamma,
            .dbeta = dbeta,
            .daddend = daddend};
  }
};

std::vector<Bounded> with_magnitudes(const std::vector<long double>& values,
                                     const std::vector<Bounded>& like) {
  std::vector<Bounded> result;
  for (size_t i = 0; i < values.size(); ++i) result.push_back({values[i], like[i].magnitude});
  return result;
}

reference::GroupNorm<Bounded>::Gradients wanted_gradients(const Case& c, const Forward& f, Activation act) {
  return c.reference_of<Bounded>(true).backward(c.x.values<Bounded>(), f.y.values<Bounded>(), act,
                                                c.dy.values<Bounded>());
}

}  // namespace

TEST_CASE("group_norm: forward matches the reference, with an addend and without") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSizes)
      for (const Activation act : kActivations)
        for (const bool adds : {false, true}) {
          const Case c(backend, sizes);
          Forward f(c);
          f.run(*c.context(), c, act, adds);
          const Label label = c.label(adds ? "group_norm_forward, addend" : "group_norm_forward", act);
          const auto norm = c.reference_of<Bounded>(adds);
          const auto x = c.x.values<Bounded>();
          check_close(label, "mean", f.mean, norm.mean(x));
          check_close(label, "rstd", f.rstd, norm.rstd(x));
          check_close(label, "y", f.y, norm.forward(x, act));
        }
}

TEST_CASE("group_norm: a mean a thousand deviations away does not spoil the deviation") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes :
         {Sizes{{2, 60, 57, 16}, 1}, Sizes{{1, 105, 105, 3}, 3}, Sizes{{3, 8, 8, 48}, 3}}) {
      const Case c(backend, sizes, 1000);
      Forward f(c);
      f.run(*c.context(), c, Activation::kNone, false);
      const auto norm = c.reference_of<long double>(false);
      std::vector<Bounded> mean, rstd;  // their own size is the bound: nothing may cancel
      for (const long double m : norm.mean(c.x.values<long double>())) mean.push_back(m);
      for (const long double r : norm.rstd(c.x.values<long double>())) rstd.push_back(r);
      // In double a thread's shift costs as many roundings as it has groups of rows.
      const int factor = backend.dtype == DType::kF64 ? 4096 : 8;
      check_close(c.label("group_norm_forward, far mean", Activation::kNone), "mean", f.mean, mean);
      check_close(c.label("group_norm_forward, far mean", Activation::kNone), "rstd", f.rstd, rstd, factor);
    }
}

TEST_CASE("group_norm: channels of one group may lie far apart") {
  for (const Backend& backend : activation_backends()) {
    const Sizes sizes{{2, 5, 5, 6}, 2};
    Case c(backend, sizes);
    for (int64_t i = 0; i < c.x.elements(); ++i) c.x.set(i, c.x[i] + static_cast<double>(100 * (i % 6)));
    Forward f(c);
    f.run(*c.context(), c, Activation::kNone, false);
    std::vector<Bounded> rstd;
    for (const long double r : c.reference_of<long double>(false).rstd(c.x.values<long double>()))
      rstd.push_back(r);
    check_close(c.label("group_norm_forward, far channels", Activation::kNone), "rstd", f.rstd, rstd);
  }
}

TEST_CASE("group_norm: y may be x or the addend") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSizes) {
      const Case c(backend, sizes), in_place(backend, sizes);
      Forward f(c), g(c);
      const auto ctx = c.context();
      f.run(*ctx, c, Activation::kRelu, true);
      for (const GuardedTensor* y : {&in_place.addend, &in_place.x}) {
        group_norm_forward(*ctx, c.norm(Activation::kRelu),
                           {.x = y == &in_place.x ? in_place.x : c.x,
                            .gamma = c.gamma,
                            .beta = c.beta,
                            .addend = y == &in_place.x ? c.addend : in_place.addend,
                            .mean = g.mean,
                            .rstd = g.rstd,
                            .y = *y});
        CHECK_MESSAGE(y->same_bits(f.y), describe(c.label("group_norm_forward", Activation::kRelu), "y"));
      }
    }
}

TEST_CASE("group_norm: backward matches the formula") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSizes)
      for (const Activation act : kActivations) {
        const Case c(backend, sizes);
        Forward f(c);
        const auto ctx = c.context();
        f.run(*ctx, c, act, true);
        const Backward b(c);
        GroupNormBackward tensors = b.tensors(c, f);
        if (act == Activation::kNone) tensors.y = {};
        group_norm_backward(*ctx, c.norm(act), tensors);
        const auto want = wanted_gradients(c, f, act);
        const Label label = c.label("group_norm_backward", act);
        check_close(label, "dx", b.dx, want.dx);
        check_close(label, "dgamma", b.dgamma, want.dgamma);
        check_close(label, "dbeta", b.dbeta, want.dbeta);
        check_close(label, "daddend", b.daddend, want.daddend);
      }
}

TEST_CASE("group_norm: the bits do not depend on where the parameters begin") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : {Sizes{{5, 4, 4, 16}, 1}, Sizes{{2, 3, 3, 160}, 10}}) {
      const Activation act = Activation::kRelu;
      const Placement anywhere{backend.parameters().dtype, backend.device};  // aligned to no pack
      const Case c(backend, sizes), moved(backend, sizes, anywhere);
      Forward f(c), g(c);
      const Backward b(c), d(c);
      const auto ctx = c.context();
      f.run(*ctx, c, act, true);
      g.run(*ctx, moved, act, true);
      group_norm_backward(*ctx, c.norm(act), b.tensors(c, f));
      group_norm_backward(*ctx, c.norm(act), d.tensors(moved, g));
      const Label label = c.label("group_norm, parameters elsewhere", act);
      CHECK_MESSAGE(g.y.same_bits(f.y), describe(label, "y"));
      CHECK_MESSAGE(d.dx.same_bits(b.dx), describe(label, "dx"));
      CHECK_MESSAGE(d.dgamma.same_bits(b.dgamma), describe(label, "dgamma"));
      CHECK_MESSAGE(d.dbeta.same_bits(b.dbeta), describe(label, "dbeta"));
      CHECK_MESSAGE(d.daddend.same_bits(b.daddend), describe(label, "daddend"));
    }
}

TEST_CASE("group_norm: backward is the derivative of forward") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSmallSizes)
      for (const Activation act : kActivations) {
        const Case c(backend, sizes);
        Forward f(c);
        const auto ctx = c.context();
        f.run(*ctx, c, act, true);
        const Backward b(c);
        group_norm_backward(*ctx, c.norm(act), b.tensors(c, f));
        using Norm = reference::GroupNorm<Complex>;
        const Norm norm = c.reference_of<Complex>(true);
        const auto x = c.x.values<Complex>(), dy = c.dy.values<Complex>();
        const auto objective = [&](const Norm& of, const Values<Complex>& at) {
          return reference::dot(dy, of.forward(at, act));
        };
        const auto by = [&](const GuardedTensor& values, Values<Complex> Norm::*member) {
          return complex_step(values.values(), [&](const auto& v) {
            Norm moved = norm;
            moved.*member = v;
            return objective(moved, x);
          });
        };
        const auto bound = wanted_gradients(c, f, act);
        const Label label = c.label("group_norm_backward as derivative", act);
        const auto by_x = complex_step(c.x.values(), [&](const auto& v) { return objective(norm, v); });
        check_close(label, "dx", b.dx, with_magnitudes(by_x, bound.dx));
        check_close(label, "dgamma", b.dgamma, with_magnitudes(by(c.gamma, &Norm::gamma), bound.dgamma));
        check_close(label, "dbeta", b.dbeta, with_magnitudes(by(c.beta, &Norm::beta), bound.dbeta));
        check_close(label, "daddend", b.daddend, with_magnitudes(by(c.addend, &Norm::addend), bound.daddend));
      }
}

TEST_CASE("group_norm: gradients are added to or left out, each by itself") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSizes) {
      const Activation act = Activation::kLeakyRelu;
      const Case c(backend, sizes);
      Forward f(c);
      const auto ctx = c.context();
      f.run(*ctx, c, act, true);
      const auto want = wanted_gradients(c, f, act);
      const Label label = c.label("group_norm_backward, accumulate", act);
      Backward b(c);
      b.dgamma = random_tensor(c.channels, backend.parameters(), kSeed, 5);
      b.daddend = random_tensor(c.shape, backend, kSeed, 6);
      const auto want_dgamma = plus(want.dgamma, b.dgamma), want_daddend = plus(want.daddend, b.daddend);
      GroupNormBackward tensors = b.tensors(c, f);
      tensors.dbeta = {};
      tensors.parameter_mode = tensors.addend_mode = GradMode::kAccumulate;
      group_norm_backward(*ctx, c.norm(act), tensors);
      check_close(label, "dx", b.dx, want.dx);
      check_close(label, "dgamma", b.dgamma, want_dgamma);
      check_close(label, "daddend", b.daddend, want_daddend);

      // The modes do not touch each other, and what is not wanted changes nothing else.
      const Backward again(c);
      tensors = again.tensors(c, f);
      tensors.dgamma = tensors.daddend = {};
      tensors.addend_mode = GradMode::kAccumulate;
      group_norm_backward(*ctx, c.norm(act), tensors);
      CHECK_MESSAGE(again.dx.same_bits(b.dx), describe(label, "dx without the rest"));
      check_close(label, "dbeta without the rest", again.dbeta, want.dbeta);
    }
}

TEST_CASE("group_norm: dx or daddend may be dy") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kSizes) {
      const Activation act = Activation::kRelu;
      const Case c(backend, sizes), first(backend, sizes), second(backend, sizes);
      Forward f(c);
      const auto ctx = c.context();
      f.run(*ctx, c, act, true);
      const Backward want(c), b(c);
      group_norm_backward(*ctx, c.norm(act), want.tensors(c, f));
      const Label label = c.label("group_norm_backward, in place", act);

      GroupNormBackward tensors = b.tensors(c, f);
      tensors.dy = tensors.dx = first.dy;
      group_norm_backward(*ctx, c.norm(act), tensors);
      CHECK_MESSAGE(first.dy.same_bits(want.dx), describe(label, "dx is dy"));
      CHECK_MESSAGE(b.daddend.same_bits(want.daddend), describe(label, "daddend beside dx that is dy"));

      tensors = b.tensors(c, f);
      tensors.dy = tensors.daddend = second.dy;
      group_norm_backward(*ctx, c.norm(act), tensors);
      CHECK_MESSAGE(b.dx.same_bits(want.dx), describe(label, "dx beside daddend that is dy"));
      CHECK_MESSAGE(second.dy.same_bits(want.daddend), describe(label, "daddend is dy"));
      CHECK_MESSAGE(b.dgamma.same_bits(want.dgamma), describe(label, "dgamma"));
    }
}

TEST_CASE("group_norm: a NaN of one picture stays in it, and reaches all of its group") {
  for (const Backend& backend : activation_backends()) {
    Case c(backend, {{2, 3, 3, 6}, 2});
    c.x.set(4, std::nan(""));  // picture 0, the second group
    Forward f(c);
    f.run(*c.context(), c, Activation::kRelu, false);
    for (int64_t i = 0; i < c.x.elements(); ++i)
      CHECK_MESSAGE(std::isnan(f.y[i]) == (i < 9 * 6 && i % 6 >= 3), backend.name, ", element ", i);
  }
}

TEST_CASE("group_norm: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Sizes& sizes : kOrderSizes) {
      const Case c(backend, sizes);
      check_same_bits(c.label("group_norm", Activation::kLeakyRelu), [&](Context& ctx) {
        prepare_workspace(ctx, group_norm_workspace_bytes(ctx, c.shape, sizes.groups));
        Forward f(c);
        Backward b(c);
        f.run(ctx, c, Activation::kLeakyRelu, true);
        group_norm_backward(ctx, c.norm(Activation::kLeakyRelu), b.tensors(c, f));
        return outputs(f.mean, f.rstd, f.y, b.dx, b.dgamma, b.dbeta, b.daddend);
      });
    }
}

TEST_CASE("group_norm: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, {{2, 3, 3, 6}, 2});
  const auto ctx = c.context();
  const Forward f(c);
  const Backward b(c);
  const GuardedTensor wrong({3, 4}, DType::kF32);
  const GroupNormOptions norm = c.norm(Activation::kRelu);
  const GroupNormForward forward = {.x = c.x,
                                    .gamma = c.gamma,
                                    .beta = c.beta,
                                    .addend = c.addend,
                                    .mean = f.mean,
                                    .rstd = f.rstd,
                                    .y = f.y};
  for (const auto& [name, member] :
       {std::pair{"gamma", &GroupNormForward::gamma}, std::pair{"beta", &GroupNormForward::beta},
        std::pair{"addend", &GroupNormForward::addend}, std::pair{"mean", &GroupNormForward::mean},
        std::pair{"rstd", &GroupNormForward::rstd}, std::pair{"y", &GroupNormForward::y}}) {
    GroupNormForward tensors = forward;
    tensors.*member = wrong;
    check_refused("group_norm_forward", name, [&] { group_norm_forward(*ctx, norm, tensors); });
  }
  for (const auto& [name, member] :
       {std::pair{"y", &GroupNormBackward::y}, std::pair{"mean", &GroupNormBackward::mean},
        std::pair{"rstd", &GroupNormBackward::rstd}, std::pair{"gamma", &GroupNormBackward::gamma},
        std::pair{"dy", &GroupNormBackward::dy}, std::pair{"dx", &GroupNormBackward::dx},
        std::pair{"dgamma", &GroupNormBackward::dgamma}, std::pair{"dbeta", &GroupNormBackward::dbeta},
        std::pair{"daddend", &GroupNormBackward::daddend}}) {
    GroupNormBackward tensors = b.tensors(c, f);
    tensors.*member = wrong;
    check_refused("group_norm_backward", name, [&] { group_norm_backward(*ctx, norm, tensors); });
  }
  for (const int64_t groups : {0, 4, 12})
    check_refused("group_norm_workspace_bytes", "groups",
                  [&] { group_norm_workspace_bytes(*ctx, c.shape, groups); });
  check_refused("group_norm_workspace_bytes", "x", [&] { group_norm_workspace_bytes(*ctx, {0, 3, 6}, 2); });
}
