#include "kernels/loss/hole_loss.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr HoleLossWeights kWeights{.l1 = 0.75, .rms = 1.5};

// Single pixels, channel counts, packs that hold known and missing values, several blocks in a picture, more
// pictures than warps and than the blocks of a launch.
const Shape kShapes[] = {{1, 1, 1, 1},     {1, 1, 1, 3},   {3, 3, 5, 3},  {4, 4, 4, 1},
                         {3, 5, 7, 2},     {1, 3, 3, 8},   {1, 2, 3, 64}, {3, 16, 16, 3},
                         {1, 150, 150, 3}, {3, 70, 70, 1}, {41, 3, 3, 1}};
const Shape kSmallShapes[] = {{1, 1, 1, 1}, {3, 3, 5, 3}, {4, 4, 4, 1}, {3, 5, 7, 2}, {9, 2, 2, 1}};

struct Case {
  const Backend& backend;
  Shape shape;
  GuardedTensor painted, images, mask, l1, rms;
  std::unique_ptr<Context> ctx;

  // Picture 1 and each fourth one after it have no hole, those after them are all hole. Some painted pixels
  // are the true ones.
  Case(const Backend& b, const Shape& s)
      : backend(b),
        shape(s),
        painted(random_tensor(s, b.parameters(), kSeed, 0, 0, 0.5)),
        images(s, b.of(DType::kU8), [](int64_t i) { return static_cast<double>((i * 89 + i / 256) % 256); }),
        mask({s[0], s[1], s[2]}, b.of(DType::kU8),
             [&](int64_t i) {
               const int64_t pixel = i % (s[1] * s[2]), picture = i / (s[1] * s[2]);
               if (picture % 4 == 1) return 0.0;
               if (picture % 4 == 2) return 1.0;
               return pixel % 7 == 0 || pixel % 50 > 35 ? static_cast<double>(1 + 254 * (pixel % 2)) : 0.0;
             }),
        l1({1}, b.of(DType::kF64)),
        rms({1}, b.of(DType::kF64)),
        ctx(b.context()) {
    for (int64_t i = 0; i < painted.elements(); i += 5) painted.set(i, truth(i));
    prepare_workspace(*ctx, hole_loss_workspace_bytes(*ctx, s));
  }

  Label label() const { return {"hole_loss", backend, to_string(shape)}; }
  void run(const GuardedTensor* dpainted, GradMode mode, const HoleLossWeights& weights = kWeights) const {
    hole_loss(*ctx, painted, images, mask, weights, l1, rms, dpainted ? dpainted->pointer() : nullptr, mode);
  }
  bool missing(int64_t i) const { return mask[i / shape[3]] != 0; }
  // As the op rounds it.
  double truth(int64_t i) const {
    const double value = (images[i] - 127.5) / 127.5;
    return backend.dtype == DType::kF64 ? value : static_cast<double>(static_cast<float>(value));
  }
};

// The header's formulas for one picture after the other, over the number type R.
template <typename R>
struct Losses {
  R l1{0.0}, rms{0.0};
  std::vector<R> gradient;
};

template <typename R>
Losses<R> reference_losses(const Case& c, const HoleLossWeights& weights, const std::vector<R>& painted) {
  using std::sqrt;
  Losses<R> all;
  const R pictures(static_cast<double>(c.shape[0]));
  const int64_t values = c.shape[1] * c.shape[2] * c.shape[3];
  for (int64_t begin = 0; begin < c.painted.elements(); begin += values) {
    R absolute(0.0), squares(0.0), n(0.0);
    const auto difference = [&](int64_t i) { return painted[reference::at(i)] - R(c.truth(i)); };
    for (int64_t i = begin; i < begin + values; ++i)
      if (c.missing(i)) {
        n += R(1.0);
        absolute += reference::absolute(difference(i));
        squares += difference(i) * difference(i);
      }
    if (real_part(n) == 0) {
      all.gradient.insert(all.gradient.end(), reference::at(values), R(0.0));
      continue;
    }
    const R root = sqrt(squares / n + R(1e-4));
    all.l1 += absolute / n / pictures;
    all.rms += root / pictures;
    for (int64_t i = begin; i < begin + values; ++i) {
      const R d = difference(i);
      const double sign = real_part(d) > 0 ? 1 : real_part(d) < 0 ? -1 : 0;
      const R g = (R(weights.l1 * sign) + R(weights.rms) * d / root) / (n * pictures);
      all.gradient.push_back(c.missing(i) ? g : R(0.0));
    }
  }
  return all;
}

Losses<Bounded> wanted(const Case& c, const HoleLossWeights& weights = kWeights) {
  return reference_losses(c, weights, c.painted.values<Bounded>());
}

}  // namespace

TEST_CASE("hole_loss: losses and gradient match the formulas, overwritten, added to or left out") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape);
      const Losses<Bounded> want = wanted(c);
      GuardedTensor dpainted(shape, backend);
      c.run(&dpainted, GradMode::kOverwrite);
      check_close(c.label(), "l1", c.l1, {want.l1});
      check_close(c.label(), "rms", c.rms, {want.rms});
      check_close(c.label(), "dpainted", dpainted, want.gradient);

      const GuardedTensor sum = random_tensor(shape, backend, kSeed, 3);
      const std::vector<double> before = sum.values();
      const auto want_sum = plus(want.gradient, sum);
      c.run(&sum, GradMode::kAccumulate);
      check_close(c.label(), "dpainted, accumulated", sum, want_sum);
      for (int64_t i = 0; i < sum.elements(); ++i)
        if (!c.missing(i) && sum[i] != before[reference::at(i)])
          FAIL(describe(c.label(), "a known pixel's gradient changed: element "), i);

      const double l1 = c.l1[0], rms = c.rms[0];
      Case without(backend, shape);
      without.run(nullptr, GradMode::kOverwrite);
      CHECK_MESSAGE(without.l1[0] == l1, describe(c.label(), "l1 without dpainted"));
      CHECK_MESSAGE(without.rms[0] == rms, describe(c.label(), "rms without dpainted"));
      check_guards(c.label(), "mask", c.mask);
    }
}

TEST_CASE("hole_loss: the weights are those of the gradient alone, 1 when none are named") {
  for (const Backend& backend : activation_backends())
    for (const HoleLossWeights& weights : {HoleLossWeights{}, HoleLossWeights{1, 0}, HoleLossWeights{0, 1}}) {
      const Case c(backend, {3, 5, 7, 2});
      const Losses<Bounded> want = wanted(c, weights);
      GuardedTensor dpainted(c.shape, backend);
      c.run(&dpainted, GradMode::kOverwrite, weights);
      check_close(c.label(), "dpainted", dpainted, want.gradient);
      check_close(c.label(), "l1", c.l1, {want.l1});
      check_close(c.label(), "rms", c.rms, {want.rms});
    }
  CHECK(HoleLossWeights{}.l1 == 1);
  CHECK(HoleLossWeights{}.rms == 1);
}

TEST_CASE("hole_loss: the gradient is the derivative") {
  for (const Backend& backend : backends()) {
    if (backend.dtype != DType::kF64) continue;
    for (const Shape& shape : kSmallShapes) {
      Case c(backend, shape);
      for (int64_t i = 0; i < c.painted.elements(); i += 5) c.painted.set(i, c.truth(i) + 0.25);  // no ties
      GuardedTensor dpainted(shape, backend);
      c.run(&dpainted, GradMode::kOverwrite);
      const auto derivative = complex_step(c.painted.values(), [&](const std::vector<Complex>& x) {
        const Losses<Complex> all = reference_losses(c, kWeights, x);
        return Complex(kWeights.l1) * all.l1 + Complex(kWeights.rms) * all.rms;
      });
      std::vector<Wanted> want;
      for (const long double d : derivative) want.push_back({d, 1e-14L});
      check_within(c.label(), "dpainted", dpainted, want);
    }
  }
}

TEST_CASE("hole_loss: pictures without a hole add nothing and have no gradient") {
  for (const Backend& backend : activation_backends()) {
    Case c(backend, {2, 4, 4, 3});
    for (int64_t i = 0; i < c.mask.elements(); ++i) c.mask.set(i, 0);
    GuardedTensor dpainted(c.shape, backend);
    c.run(&dpainted, GradMode::kOverwrite);
    check_exact(c.label(), "l1", c.l1, {0});
    check_exact(c.label(), "rms", c.rms, {0});
    check_exact(c.label(), "dpainted", dpainted, std::vector<double>(96, 0.0));
  }
}

TEST_CASE("hole_loss: a perfect picture has the root of 1e-4 and no gradient") {
  for (const Backend& backend : activation_backends()) {
    Case c(backend, {1, 4, 4, 3});
    for (int64_t i = 0; i < c.painted.elements(); ++i) c.painted.set(i, c.truth(i));
    GuardedTensor dpainted(c.shape, backend);
    c.run(&dpainted, GradMode::kOverwrite);
    check_exact(c.label(), "l1", c.l1, {0});
    CHECK(c.rms[0] == doctest::Approx(0.01).epsilon(1e-15));
    check_exact(c.label(), "dpainted", dpainted, std::vector<double>(48, 0.0));
  }
}

TEST_CASE("hole_loss: what is painted over known pixels does not count") {
  for (const Backend& backend : activation_backends()) {
    const Case c(backend, {3, 16, 16, 3});
    Case other(backend, c.shape);
    for (int64_t i = 0; i < c.painted.elements(); ++i)
      if (!c.missing(i)) other.painted.set(i, std::nan(""));
    GuardedTensor dpainted(c.shape, backend), other_dpainted(c.shape, backend);
    c.run(&dpainted, GradMode::kOverwrite);
    other.run(&other_dpainted, GradMode::kOverwrite);
    CHECK(other.l1.same_bits(c.l1));
    CHECK(other.rms.same_bits(c.rms));
    CHECK(other_dpainted.same_bits(dpainted));
  }
}

TEST_CASE("hole_loss: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c(backend, shape);
      check_same_bits(c.label(), [&](Context& ctx) {
        prepare_workspace(ctx, hole_loss_workspace_bytes(ctx, shape));
        GuardedTensor l1({1}, backend.of(DType::kF64)), rms({1}, backend.of(DType::kF64));
        GuardedTensor dpainted(shape, backend);
        hole_loss(ctx, c.painted, c.images, c.mask, kWeights, l1, rms, dpainted.pointer(),
                  GradMode::kOverwrite);
        return outputs(l1, rms, dpainted);
      });
    }
}

TEST_CASE("hole_loss: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, {1, 2, 3, 1});
  const GuardedTensor flat({2, 3}, DType::kF32), f32_loss({1}, DType::kF32), f64({1, 2, 3, 1}, DType::kF64);
  const GuardedTensor wrong({1, 3, 2, 1}, DType::kF32);
  struct Arguments {
    const Tensor &painted, &images, &mask, &l1, &rms;
    const Tensor* dpainted;
  };
  const auto run = [&](const Arguments& a) {
    hole_loss(*c.ctx, a.painted, a.images, a.mask, {}, a.l1, a.rms, a.dpainted, GradMode::kOverwrite);
  };
  check_refused("hole_loss", "painted", [&] { run({flat, c.images, c.mask, c.l1, c.rms, nullptr}); });
  check_refused("hole_loss", "images", [&] { run({c.painted, c.painted, c.mask, c.l1, c.rms, nullptr}); });
  check_refused("hole_loss", "mask", [&] { run({c.painted, c.images, c.images, c.l1, c.rms, nullptr}); });
  check_refused("hole_loss", "l1", [&] { run({c.painted, c.images, c.mask, f32_loss, c.rms, nullptr}); });
  check_refused("hole_loss", "rms", [&] { run({c.painted, c.images, c.mask, c.l1, f32_loss, nullptr}); });
  check_refused("hole_loss", "dpainted", [&] {
    run({c.painted, c.images, c.mask, c.l1, c.rms, wrong.pointer()});
  });
  check_refused("hole_loss", "painted", [&] {
    run({c.painted, c.images, c.mask, c.l1, c.rms, f64.pointer()});
  });
}
