#include "kernels/parameter/adam.h"

#include <algorithm>
#include <limits>

#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

struct Sizes {
  int64_t parameters, decayed;
};
// Around vectors and the blocks of 2048; the border of the decayed part everywhere.
const Sizes kSmallSizes[] = {{1, 0}, {1, 1}, {5, 2}, {17, 16}, {2048, 2048}, {2049, 2047}, {5000, 3001}};
// Around the CPU's blocks of 65536; 70 blocks of a GPU.
const Sizes kLargeSizes[] = {{65537, 65536}, {140000, 70001}};

struct NamedOptions {
  const char* name;
  AdamOptions options;
};
const NamedOptions kOptions[] = {
    {"defaults", {}},
    {"decay", {.weight_decay = 0.25}},
    {"clip", {.beta2 = 0.999, .clip = 0.8}},
    {"decay and clip", {.learning_rate = 0.1, .beta1 = 0.9, .weight_decay = 0.5, .clip = 0.5}},
    {"coarse epsilon", {.epsilon = 0.5}},
};

struct Case {
  const Backend& backend;
  Sizes sizes;
  GuardedTensor grad, param, m, v, weights_bf16, half_squares;

  Case(const Backend& b, const Sizes& s)
      : backend(b),
        sizes(s),
        grad(random_tensor({s.parameters}, b, kSeed, 0)),
        param(random_tensor({s.parameters}, b, kSeed, 1)),
        m(random_tensor({s.parameters}, b, kSeed, 2, 0, 0.5)),
        v({s.parameters}, b, [](int64_t i) { return 0.01 * static_cast<double>(i % 101); }),
        weights_bf16({s.decayed}, b.of(DType::kBF16)),
        half_squares({1}, b.of(DType::kF64)) {}

  // With gradients, parameters and first moments by value(i).
  template <typename F>
  Case(const Backend& b, const Sizes& s, F&& value)
      : backend(b),
        sizes(s),
        grad({s.parameters}, b, value),
        param({s.parameters}, b, value),
        m({s.parameters}, b, value),
        v({s.parameters}, b, [&](int64_t i) { return 1 + value(i); }),
        weights_bf16({s.decayed}, b.of(DType::kBF16)),
        half_squares({1}, b.of(DType::kF64)) {}

  Label label(const char* options, int64_t t) const {
    return {fmt::format("adam, {}, update {}", options, t), backend,
            fmt::format("{} parameters, {} decayed", sizes.parameters, sizes.decayed)};
  }

  void run(Context& ctx, const AdamOptions& options, int64_t t, bool with_half_squares = true,
           const Tensor& grad_scale = {}) const {
    prepare_workspace(ctx, adam_workspace_bytes(ctx, sizes.parameters));
    const GuardedTensor rate({1}, backend.of(DType::kF64), [&](int64_t) { return adam_rate(options, t); });
    adam(ctx, options, rate, sizes.decayed,
         {.grad = grad,
          .param = param,
          .m = m,
          .v = v,
          .grad_scale = grad_scale,
          .weights_bf16 = weights_bf16,
          .half_squares = with_half_squares ? *half_squares.pointer() : Tensor{}});
  }
};

struct Updated {
  std::vector<Bounded> param, m, v, half_squares{0.0};
};

// The header's formulas, an element at a time.
Updated reference_update(const Case& c, const AdamOptions& o, int64_t t) {
  Updated result;
  const double steps = static_cast<double>(t);
  const Bounded rate =
      o.learning_rate * std::sqrt(1 - std::pow(o.beta2, steps)) / (1 - std::pow(o.beta1, steps));
  for (int64_t i = 0; i < c.sizes.parameters; ++i) {
    const Bounded w = c.param[i];
    Bounded g = c.grad[i];
    if (i < c.sizes.decayed) {
      g += Bounded(o.weight_decay) * w;
      result.half_squares[0] += w * w / 2;
    }
    if (o.clip) g.value = std::clamp<long double>(g.value, -*o.clip, *o.clip);
    const Bounded m = Bounded(o.beta1) * c.m[i] + Bounded(1 - o.beta1) * g;
    const Bounded v = Bounded(o.beta2) * c.v[i] + Bounded(1 - o.beta2) * (g * g);
    result.m.push_back(m);
    result.v.push_back(v);
    result.param.push_back(w - rate * m / (sqrt(v) + Bounded(o.epsilon)));
  }
  return result;
}

void check_update(const Backend& backend, const Sizes& sizes, const char* name, const AdamOptions& options,
                  int64_t t) {
  const Case c(backend, sizes);
  const Updated want = reference_update(c, options, t);
  const GuardedTensor grad_before({sizes.parameters}, backend.dtype, [&](int64_t i) { return c.grad[i]; });
  c.run(*backend.context(), options, t);
  const Label label = c.label(name, t);
  check_close(label, "param", c.param, want.param);
  check_close(label, "m", c.m, want.m);
  check_close(label, "v", c.v, want.v);
  check_close(label, "half_squares", c.half_squares, want.half_squares);
  for (int64_t i = 0; i < sizes.decayed; ++i)
    if (c.weights_bf16[i] != static_cast<double>(bf16(c.param[i])))
      FAIL(describe(label, "weights_bf16 element "), i);
  check_guards(label, "weights_bf16", c.weights_bf16);
  CHECK_MESSAGE(c.grad.same_bits(grad_before), describe(label, "grad was written"));
  check_guards(label, "grad", c.grad);
}

}  // namespace

TEST_CASE("adam: one update matches the formulas") {
  for (const Backend& backend : backends()) {
    for (const auto& [name, options] : kOptions)
      for (const Sizes& sizes : kSmallSizes)
        for (const int64_t t : {1, 2, 1000}) check_update(backend, sizes, name, options, t);
    for (const Sizes& sizes : kLargeSizes)
      check_update(backend, sizes, kOptions[3].name, kOptions[3].options, 2);
  }
}

TEST_CASE("adam: a GPU's threads take more than one turn") {
  const Sizes sizes{8 * 132 * 8 * 4 * 256 + 5, 8 * 132 * 8 * 4 * 256 - 3};  // 8 for each thread, and 5
  for (const Backend& backend : cuda_backends()) {
    if (backend.dtype != DType::kF32 || !backend.aligned) continue;
    const Backend cpu = cpu_backends().front();
    const auto value = [](int64_t i) { return 0.01 * static_cast<double>(i % 199 - 99); };
    std::vector<std::unique_ptr<Case>> runs;
    for (const Backend& b : {cpu, backend}) {
      const Case& c = *runs.emplace_back(std::make_unique<Case>(b, sizes, value));
      c.run(*b.context(), kOptions[3].options, 2);
    }
    const auto near = [](double a, double b) { return std::abs(a - b) <= 1e-6; };
    int64_t wrong = 0;
    for (int64_t i = 0; i < sizes.parameters; ++i)
      if (!near(runs[0]->param[i], runs[1]->param[i]) || !near(runs[0]->v[i], runs[1]->v[i])) ++wrong;
    CHECK(wrong == 0);
    const double half_squares = runs[0]->half_squares[0];
    CHECK(std::abs(runs[1]->half_squares[0] - half_squares) <= 1e-7 * half_squares);
    CHECK(runs[1]->weights_bf16[sizes.decayed - 1] ==
          static_cast<double>(bf16(runs[1]->param[sizes.decayed - 1])));
  }
}

TEST_CASE("adam: the first update from zero moments is the learning rate against the gradient's sign") {
  // m = (1 - beta1) g and v = (1 - beta2) g^2, so w moves by lr |g| / (|g| + epsilon / sqrt(1 - beta2)).
  for (const Backend& backend : backends()) {
    const AdamOptions options{.learning_rate = 0.5, .epsilon = 1e-3};
    const auto zero = [](int64_t) { return 0.0; };
    Case c(backend, {100, 0});
    c.param = GuardedTensor({100}, backend, zero);
    c.m = GuardedTensor({100}, backend, zero);
    c.v = GuardedTensor({100}, backend, zero);
    std::vector<Bounded> want;
    for (int64_t i = 0; i < 100; ++i) {
      const double g = c.grad[i];
      want.push_back(-0.5 * g / (std::abs(g) + 1e-3 / std::sqrt(1 - 0.9)));
    }
    c.run(*backend.context(), options, 1);
    check_close(c.label("from zero", 1), "param", c.param, want);
  }
}

TEST_CASE("adam: without half_squares the update is the same") {
  for (const Backend& backend : backends())
    for (const Sizes& sizes : kSmallSizes) {
      const Case with(backend, sizes), without(backend, sizes);
      with.run(*backend.context(), kOptions[3].options, 3);
      without.run(*backend.context(), kOptions[3].options, 3, false);
      CHECK_MESSAGE(with.param.same_bits(without.param), describe(with.label("no half_squares", 3), "param"));
      CHECK(std::isnan(without.half_squares[0]));
    }
}

TEST_CASE("adam: a scale of the gradient is a gradient that is scaled before") {
  for (const Backend& backend : backends())
    for (const Sizes& sizes : kSmallSizes)
      for (const double factor : {1.0, 0.375, 0.3}) {
        const GuardedTensor scale({1}, backend.of(DType::kF64), [&](int64_t) { return factor; });
        const Case scaled(backend, sizes);
        Case plain(backend, sizes);
        for (int64_t i = 0; i < sizes.parameters; ++i)
          plain.grad.set(
              i, backend.dtype == DType::kF32
                     ? static_cast<double>(static_cast<float>(factor) * static_cast<float>(plain.grad[i]))
                     : factor * plain.grad[i]);
        scaled.run(*backend.context(), kOptions[3].options, 3, true, scale);
        plain.run(*backend.context(), kOptions[3].options, 3);
        const Label label = scaled.label("scaled", 3);
        CHECK_MESSAGE(scaled.param.same_bits(plain.param), describe(label, "param"));
        CHECK_MESSAGE(scaled.m.same_bits(plain.m), describe(label, "m"));
        CHECK_MESSAGE(scaled.v.same_bits(plain.v), describe(label, "v"));
        CHECK_MESSAGE(scaled.half_squares.same_bits(plain.half_squares), describe(label, "half_squares"));
        check_guards(label, "grad", scaled.grad);
      }
}

TEST_CASE("adam: a NaN gradient is seen, also through the clip") {
  for (const Backend& backend : backends()) {
    Case c(backend, {3, 0});
    c.grad.set(1, std::numeric_limits<double>::quiet_NaN());
    c.run(*backend.context(), {.clip = 10.0}, 1);
    CHECK(std::isnan(c.param[1]));
    CHECK(std::isfinite(c.param[0]));
    CHECK(std::isfinite(c.param[2]));
  }
}

TEST_CASE("adam: same bits for any number of threads") {
  for (const Backend& backend : backends())
    for (const Sizes& sizes : kSmallSizes)
      check_same_bits(Case(backend, sizes).label("decay and clip", 5), [&](Context& ctx) {
        Case c(backend, sizes);
        c.run(ctx, kOptions[3].options, 5);
        return outputs(c.param, c.m, c.v, c.half_squares);
      });
}

TEST_CASE("adam: wrong tensors and counts are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const Case c(backend, {4, 2});
  prepare_workspace(*ctx, adam_workspace_bytes(*ctx, 4));
  const GuardedTensor longer({5}, DType::kF32), wrong_type({4}, DType::kF64), f32({1}, DType::kF32);
  const GuardedTensor rate({1}, DType::kF64, [](int64_t) { return 0.1; });
  const AdamArrays right{.grad = c.grad, .param = c.param, .m = c.m, .v = c.v};
  const auto check = [&](const char* name, Tensor AdamArrays::*array, const Tensor& wrong) {
    AdamArrays arrays = right;
    arrays.*array = wrong;
    check_refused("adam", name, [&] { adam(*ctx, {}, rate, 2, arrays); });
  };
  check("grad", &AdamArrays::grad, longer);
  check("m", &AdamArrays::m, wrong_type);
  check("v", &AdamArrays::v, longer);
  check("grad_scale", &AdamArrays::grad_scale, f32);
  check("half_squares", &AdamArrays::half_squares, f32);
  check("weights_bf16", &AdamArrays::weights_bf16, c.m);
  CHECK_THROWS_AS(adam(*ctx, {}, rate, 5, right), Error);
  CHECK_THROWS_AS(adam_rate({}, 0), Error);
}
