#include "kernels/linear/spectral_norm.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::at;

namespace {

// One value, one row, one column; rows and columns around the packs, lanes and blocks of both devices; more
// columns, and more rows, than the blocks of a launch take at once; weights of convolutions.
const Shape kShapes[] = {{1, 1},  {1, 3, 3, 5}, {3, 1},   {7, 6},    {5, 1, 1, 7},  {33, 4, 4, 3},
                         {9, 64}, {17, 257},    {3, 700}, {300, 70}, {64, 4, 4, 32}};

struct Case {
  const Backend& backend;
  Shape shape;
  int64_t k = shape[0], r = shape.elements() / shape[0];
  Placement real = backend.parameters();
  GuardedTensor weight = random_tensor(shape, real, kSeed, 0, 0, 0.1),
                u = random_tensor({k}, real, kSeed, 1, 0, 3), dnormed = random_tensor(shape, real, kSeed, 2);
  GuardedTensor next_u{{k}, real}, v{{r}, real}, sigma{{1}, real}, normed{shape, backend};

  Label label() const { return {"spectral_norm", backend, to_string(shape)}; }
  SpectralNorm norm() const { return {next_u, v, sigma}; }
  std::unique_ptr<Context> context() const {
    auto ctx = backend.context();
    prepare_workspace(*ctx, spectral_norm_workspace_bytes(*ctx, shape));
    return ctx;
  }
  void run(const Context& ctx) const { spectral_norm(ctx, weight, u, norm(), normed); }
  void run_backward(const Context& ctx, const GuardedTensor& dweight, GradMode mode) const {
    spectral_norm_backward(ctx, dnormed, weight, norm(), dweight, mode);
  }
};

Bounded length(const std::vector<Bounded>& values) {
  Bounded squares;
  for (const Bounded& x : values) squares += x * x;
  return sqrt(squares);
}

// W^T x and W x.
std::vector<Bounded> transposed_product(const Case& c, const GuardedTensor& x) {
  std::vector<Bounded> product(at(c.r));
  for (int64_t i = 0; i < c.weight.elements(); ++i)
    product[at(i % c.r)] += Bounded(c.weight[i]) * Bounded(x[i / c.r]);
  return product;
}
std::vector<Bounded> product(const Case& c, const GuardedTensor& x) {
  std::vector<Bounded> product(at(c.k));
  for (int64_t i = 0; i < c.weight.elements(); ++i)
    product[at(i / c.r)] += Bounded(c.weight[i]) * Bounded(x[i % c.r]);
  return product;
}

std::vector<Bounded> over(std::vector<Bounded> values, const Bounded& divisor) {
  for (Bounded& x : values) x = x / divisor;
  return values;
}

std::vector<Bounded> wanted_gradient(const Case& c) {
  const Bounded sigma = c.sigma[0];
  Bounded along;
  for (int64_t i = 0; i < c.weight.elements(); ++i)
    along += Bounded(c.dnormed[i]) * Bounded(c.weight[i]) / sigma;
  std::vector<Bounded> want;
  for (int64_t i = 0; i < c.weight.elements(); ++i)
    want.push_back((Bounded(c.dnormed[i]) - along * Bounded(c.next_u[i / c.r]) * Bounded(c.v[i % c.r])) /
                   sigma);
  return want;
}

void check_zero(const Label& label, const char* tensor, const GuardedTensor& got) {
  check_exact(label, tensor, got, std::vector<double>(at(got.elements()), 0.0));
}

}  // namespace

TEST_CASE("spectral_norm: one step of the power method, and the weight over sigma") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case c{backend, shape}, untouched{backend, shape};
      c.run(*c.context());
      const std::vector<Bounded> columns = transposed_product(c, c.u), rows = product(c, c.v);
      check_close(c.label(), "v", c.v, over(columns, length(columns)));
      check_close(c.label(), "sigma", c.sigma, {length(rows)});
      check_close(c.label(), "next_u", c.next_u, over(rows, length(rows)));
      check_close(c.label(), "normed", c.normed, over(c.weight.values<Bounded>(), c.sigma[0]));
      CHECK(c.weight.same_bits(untouched.weight));
      CHECK(c.u.same_bits(untouched.u));
    }
}

// W = 3 a b^T + 2 c d^T, with a, b, c, d of length 1: 3 is its largest singular value, that of a and b.
TEST_CASE("spectral_norm: step after step, sigma becomes the largest singular value") {
  for (const Backend& backend : activation_backends()) {
    Case c{backend, {4, 2, 1, 2}};
    const double a[] = {0.5, 0.5, 0.5, 0.5}, b[] = {0.5, -0.5, 0.5, -0.5}, d[] = {0.5, 0.5, -0.5, -0.5};
    for (int64_t i = 0; i < 16; ++i) c.weight.set(i, 3 * a[i / 4] * b[i % 4] + 2 * b[i / 4] * d[i % 4]);
    for (int64_t i = 0; i < 4; ++i) c.u.set(i, i == 0 ? 1 : 0);
    const auto ctx = c.context();
    for (int step = 0; step < 40; ++step) {
      c.run(*ctx);
      std::swap(c.u, c.next_u);
    }
    const double near = backend.dtype == DType::kF64 ? 1e-12 : 1e-6;
    CHECK(c.sigma[0] == doctest::Approx(3).epsilon(near));
    for (int64_t i = 0; i < 4; ++i) {
      CHECK(c.u[i] == doctest::Approx(a[i]).epsilon(near));
      CHECK(c.v[i] == doctest::Approx(b[i]).epsilon(near));
    }
  }
}

TEST_CASE("spectral_norm: the gradient matches the formula, overwritten or added to") {
  for (const Backend& backend : backends())
    for (const Shape& shape : kShapes) {
      const Case c{backend, shape};
      const auto ctx = c.context();
      c.run(*ctx);
      const GuardedTensor dweight(shape, backend);
      c.run_backward(*ctx, dweight, GradMode::kOverwrite);
      check_close(c.label(), "dweight", dweight, wanted_gradient(c));

      const GuardedTensor sum = random_tensor(shape, backend, kSeed, 3);
      const auto want_sum = plus(wanted_gradient(c), sum);
      c.run_backward(*ctx, sum, GradMode::kAccumulate);
      check_close(c.label(), "dweight, accumulated", sum, want_sum);
      for (const GuardedTensor* input : {&c.next_u, &c.v, &c.sigma})
        check_guards(c.label(), "an input", *input);
    }
}

// The derivative is that of <dnormed, W / (next_u^T W v)>, in which next_u and v are constants.
TEST_CASE("spectral_norm: the gradient is the derivative") {
  for (const Backend& backend : backends()) {
    if (backend.dtype != DType::kF64) continue;
    for (const Shape& shape : {Shape{1, 1}, Shape{3, 1}, Shape{7, 6}, Shape{5, 1, 1, 7}}) {
      const Case c{backend, shape};
      const auto ctx = c.context();
      c.run(*ctx);
      const GuardedTensor dweight(shape, backend);
      c.run_backward(*ctx, dweight, GradMode::kOverwrite);
      const auto derivative = complex_step(c.weight.values(), [&](const std::vector<Complex>& weight) {
        Complex sigma(0.0), product(0.0);
        for (int64_t i = 0; i < c.weight.elements(); ++i) {
          sigma += Complex(c.next_u[i / c.r]) * weight[at(i)] * Complex(c.v[i % c.r]);
          product += Complex(c.dnormed[i]) * weight[at(i)];
        }
        return product / sigma;
      });
      std::vector<Wanted> want;
      for (const long double d : derivative) want.push_back({d, 1e-12L});
      check_within(c.label(), "dweight", dweight, want);
    }
  }
}

TEST_CASE("spectral_norm: a weight of zeros has norm 0 and no gradient, and keeps u") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{1, 1}, Shape{9, 64}, Shape{17, 257}}) {
      Case c{backend, shape};
      for (int64_t i = 0; i < c.weight.elements(); ++i) c.weight.set(i, 0);
      const auto ctx = c.context();
      c.run(*ctx);
      check_zero(c.label(), "v", c.v);
      check_zero(c.label(), "sigma", c.sigma);
      check_zero(c.label(), "normed", c.normed);
      CHECK_MESSAGE(c.next_u.same_bits(c.u), describe(c.label(), "next_u"));

      const GuardedTensor dweight(shape, c.real), sum = random_tensor(shape, c.real, kSeed, 3);
      const std::vector<double> before = sum.values();
      c.run_backward(*ctx, dweight, GradMode::kOverwrite);
      check_zero(c.label(), "dweight", dweight);
      c.run_backward(*ctx, sum, GradMode::kAccumulate);
      check_exact(c.label(), "dweight, accumulated", sum, before);
    }
}

// The rows that u weighs cancel.
TEST_CASE("spectral_norm: a u that sees nothing of the weight gives norm 0") {
  for (const Backend& backend : activation_backends()) {
    Case c{backend, {2, 6}};
    for (int64_t i = 0; i < 12; ++i) c.weight.set(i, static_cast<double>(i % 6));
    c.u.set(0, 1);
    c.u.set(1, -1);
    c.run(*c.context());
    check_zero(c.label(), "v", c.v);
    check_zero(c.label(), "sigma", c.sigma);
    check_zero(c.label(), "normed", c.normed);
    CHECK(c.next_u.same_bits(c.u));
  }
}

TEST_CASE("spectral_norm: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const Case given{backend, shape};
      check_same_bits(given.label(), [&](Context& ctx) {
        prepare_workspace(ctx, spectral_norm_workspace_bytes(ctx, shape));
        Case c{backend, shape};
        c.run(ctx);
        GuardedTensor dweight(shape, c.real);
        c.run_backward(ctx, dweight, GradMode::kOverwrite);
        return outputs(c.next_u, c.v, c.sigma, c.normed, dweight);
      });
    }
}

TEST_CASE("spectral_norm: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c{backend, {4, 2, 3}};
  const auto ctx = c.context();
  const GuardedTensor flat({24}, DType::kF32), none({0, 6}, DType::kF32), four({4}, DType::kF32),
      f64({4}, DType::kF64), two({2}, DType::kF32), wide({4, 6}, DType::kF32),
      bf16_weight(c.shape, DType::kBF16), f64_weight(c.shape, DType::kF64);
  const auto run = [&](const Tensor& weight, const Tensor& u, const SpectralNorm& out, const Tensor& normed) {
    spectral_norm(*ctx, weight, u, out, normed);
  };
  const char* const op = "spectral_norm";
  check_refused(op, "weight", [&] { spectral_norm_workspace_bytes(*ctx, {24}); });
  check_refused(op, "weight", [&] { run(flat, c.u, c.norm(), c.normed); });
  check_refused(op, "weight", [&] { run(none, c.u, c.norm(), none); });
  check_refused(op, "weight", [&] { run(c.weight, c.u, c.norm(), f64_weight); });
  check_refused(op, " u", [&] { run(c.weight, f64, c.norm(), c.normed); });
  check_refused(op, "next_u", [&] { run(c.weight, c.u, {c.u, c.v, c.sigma}, c.normed); });
  check_refused(op, "next_u", [&] { run(c.weight, c.u, {c.v, c.v, c.sigma}, c.normed); });
  check_refused(op, " v", [&] { run(c.weight, c.u, {c.next_u, four, c.sigma}, c.normed); });
  check_refused(op, "sigma", [&] { run(c.weight, c.u, {c.next_u, c.v, two}, c.normed); });
  check_refused(op, "normed", [&] { run(c.weight, c.u, c.norm(), wide); });
  const auto backward = [&](const Tensor& dnormed, const Tensor& weight, const Tensor& dweight) {
    spectral_norm_backward(*ctx, dnormed, weight, c.norm(), dweight, GradMode::kOverwrite);
  };
  check_refused(op, "dnormed", [&] { backward(wide, c.weight, c.dnormed); });
  check_refused(op, "dnormed", [&] { backward(bf16_weight, c.weight, c.dnormed); });
  check_refused(op, "dweight", [&] { backward(c.dnormed, c.weight, bf16_weight); });
  check_refused(op, "next_u", [&] { backward(f64_weight, f64_weight, f64_weight); });
}

TEST_CASE("spectral_norm: on a GPU, the gradient of 2^31 values is refused before anything runs") {
  const int64_t k = 1 << 16, r = 1 << 15;
  for (const Backend& backend : backends()) {
    if (backend.device != Device::kCuda) continue;
    const auto ctx = backend.context();
    prepare_workspace(*ctx, spectral_norm_workspace_bytes(*ctx, {k, r}));
    const auto without_data = [&](const Shape& shape) {
      return Tensor{shape, backend.parameters().dtype, Device::kCuda, nullptr};
    };
    const Tensor weight = without_data({k, r});
    const SpectralNorm norm{without_data({k}), without_data({r}), without_data({1})};
    const std::string message = error_message<Error>(
        [&] { spectral_norm_backward(*ctx, weight, weight, norm, weight, GradMode::kOverwrite); });
    CHECK(contains(message, "spectral_norm: weight of [65536, 32768]"));
  }
}
