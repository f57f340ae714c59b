#include "kernels/channel/bias_activation.h"

#include "tests/harness/derivative.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr Activation kActivations[] = {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu,
                                       Activation::kTanh};

// Around vectors, the 64 to 128 lanes of a row and the 32768 elements of a tile.
const Shape kShapes[] = {{1, 1},     {9, 1},   {1, 3},     {1, 64},          {2, 3, 3, 5},
                         {3, 2, 64}, {9, 257}, {130, 255}, {2, 107, 103, 3}, {32769, 1}};
const Shape kSmallShapes[] = {{1, 1}, {4, 3}, {2, 2, 3, 5}};
const Shape kOrderShapes[] = {
    {1, 3}, {2, 3, 3, 5}, {9, 257}, {300, 64}, {2, 107, 103, 3}};  // sums of one and more blocks

struct Case {
  const Backend& backend;
  Shape shape, channels;
  GuardedTensor x, bias, dy;

  Case(const Backend& b, const Shape& s)
      : backend(b),
        shape(s),
        channels{s.back()},
        x(random_tensor(s, b, kSeed, 0)),
        bias(random_tensor(channels, b.parameters(), kSeed, 1)),
        dy(random_tensor(s, b, kSeed, 2)) {}

  Label label(const char* op, Activation act) const {
    return {fmt::format("{}, activation {}", op, static_cast<int>(act)), backend, to_string(shape)};
  }

  std::unique_ptr<Context> context() const {
    auto ctx = backend.context();
    prepare_workspace(*ctx, bias_activation_workspace_bytes(*ctx, shape, backend.dtype));
    return ctx;
  }

  std::vector<Bounded> want_dx(const GuardedTensor& y, Activation act) const {
    std::vector<Bounded> dx;
    for (int64_t i = 0; i < y.elements(); ++i)
      dx.push_back(reference::activation_gradient(act, Bounded(y[i]), Bounded(dy[i])));
    return dx;
  }
};

}  // namespace

TEST_CASE("bias_activation: forward matches the reference, also in place") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        Case c(backend, shape);
        const auto want = reference::bias_activation(c.x.values<Bounded>(), c.bias.values<Bounded>(), act);
        GuardedTensor y(shape, backend);
        const auto ctx = c.context();
        bias_activation_forward(*ctx, c.x, c.bias, nullptr, act, y);
        check_close(c.label("bias_activation_forward", act), "y", y, want);
        bias_activation_forward(*ctx, c.x, c.bias, nullptr, act, c.x);
        CHECK_MESSAGE(c.x.same_bits(y), describe(c.label("bias_activation_forward", act), "y in place"));
      }
}

TEST_CASE("bias_activation: the bits do not depend on where the bias begins") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : {Shape{3, 2, 64}, Shape{9, 256}}) {
      const Case c(backend, shape);
      const Placement anywhere{backend.parameters().dtype, backend.device};  // aligned to no pack
      const GuardedTensor moved = random_tensor(c.channels, anywhere, kSeed, 1);
      GuardedTensor y(shape, backend), want(shape, backend);
      const auto ctx = c.context();
      bias_activation_forward(*ctx, c.x, c.bias, nullptr, Activation::kRelu, want);
      bias_activation_forward(*ctx, c.x, moved, nullptr, Activation::kRelu, y);
      CHECK_MESSAGE(y.same_bits(want), describe(c.label("bias_activation_forward", Activation::kRelu), "y"));
    }
}

TEST_CASE("bias_activation: an addend is added before the activation, also in place") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        const Case c(backend, shape);
        GuardedTensor addend = random_tensor(shape, backend, kSeed, 3), y(shape, backend);
        std::vector<Bounded> sum = c.x.values<Bounded>();
        for (size_t i = 0; i < sum.size(); ++i) sum[i] += addend[static_cast<int64_t>(i)];
        const auto ctx = c.context();
        bias_activation_forward(*ctx, c.x, c.bias, addend.pointer(), act, y);
        check_close(c.label("bias_activation_forward, addend", act), "y", y,
                    reference::bias_activation(sum, c.bias.values<Bounded>(), act));
        bias_activation_forward(*ctx, c.x, c.bias, addend.pointer(), act, addend);
        CHECK_MESSAGE(addend.same_bits(y), describe(c.label("bias_activation_forward", act), "y is addend"));
      }
}

TEST_CASE("bias_activation: backward matches the formula, and dbias is overwritten, added to or left out") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes)
      for (const Activation act : kActivations) {
        Case c(backend, shape);
        GuardedTensor y(shape, backend), dx(shape, backend), dbias(c.channels, backend.parameters());
        const auto ctx = c.context();
        bias_activation_forward(*ctx, c.x, c.bias, nullptr, act, y);
        const Label label = c.label("bias_activation_backward", act);
        const auto want_dx = c.want_dx(y, act), want_dbias = reference::column_sums(want_dx, shape.back());

        bias_activation_backward(*ctx, y, c.dy, act, dx, dbias.pointer(), GradMode::kOverwrite);
        check_close(label, "dx", dx, want_dx);
        check_close(label, "dbias", dbias, want_dbias);

        const auto want_sum = plus(want_dbias, dbias);
        bias_activation_backward(*ctx, y, c.dy, act, dx, dbias.pointer(), GradMode::kAccumulate);
        check_close(label, "dbias, accumulated", dbias, want_sum);

        bias_activation_backward(*ctx, y, c.dy, act, c.dy, nullptr, GradMode::kOverwrite);
        CHECK_MESSAGE(c.dy.same_bits(dx), describe(label, "dx in place, without dbias"));
      }
}

TEST_CASE("bias_activation: backward is the derivative of forward") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kSmallShapes)
      for (const Activation act : kActivations) {
        const Case c(backend, shape);
        GuardedTensor y(shape, backend), dx(shape, backend), dbias(c.channels, backend.parameters());
        const auto ctx = c.context();
        bias_activation_forward(*ctx, c.x, c.bias, nullptr, act, y);
        bias_activation_backward(*ctx, y, c.dy, act, dx, dbias.pointer(), GradMode::kOverwrite);
        const auto dy = c.dy.values<Complex>();
        const auto by_x = complex_step(c.x.values(), [&](const auto& x) {
          return reference::dot(dy, reference::bias_activation(x, c.bias.values<Complex>(), act));
        });
        const auto by_bias = complex_step(c.bias.values(), [&](const auto& bias) {
          return reference::dot(dy, reference::bias_activation(c.x.values<Complex>(), bias, act));
        });
        // dx comes from y, whose rounding counts twice in 1 - y^2.
        const double rounding = Backend::roundoff(backend.dtype) / backend.unit_roundoff();
        std::vector<Bounded> want_dx, want_dbias(by_bias.begin(), by_bias.end());
        for (int64_t i = 0; i < dx.elements(); ++i) {
          const auto k = static_cast<size_t>(i);
          want_dx.push_back({by_x[k], (1 + 2 * rounding) * std::abs(c.dy[i])});
          want_dbias[k % want_dbias.size()].magnitude += want_dx.back().magnitude;
        }
        check_close(c.label("bias_activation_backward as derivative", act), "dx", dx, want_dx);
        check_close(c.label("bias_activation_backward as derivative", act), "dbias", dbias, want_dbias);
      }
}

TEST_CASE("bias_activation: a value exactly at the kink gets the gradient of the negative side") {
  for (const Backend& backend : activation_backends()) {
    const auto zero = [](int64_t) { return 0.0; };
    const auto one = [](int64_t) { return 1.0; };
    const GuardedTensor y({4, 1}, backend, zero), dy({4, 1}, backend, one);
    GuardedTensor dx({4, 1}, backend);
    const auto ctx = backend.context();
    prepare_workspace(*ctx, bias_activation_workspace_bytes(*ctx, {4, 1}, backend.dtype));
    const Label label{"bias_activation_backward at 0", backend, "[4, 1]"};
    bias_activation_backward(*ctx, y, dy, Activation::kRelu, dx, nullptr, GradMode::kOverwrite);
    check_exact(label, "dx of ReLU", dx, {0, 0, 0, 0});
    bias_activation_backward(*ctx, y, dy, Activation::kLeakyRelu, dx, nullptr, GradMode::kOverwrite);
    check_close(label, "dx of leaky ReLU", dx, {0.2, 0.2, 0.2, 0.2});
  }
}

TEST_CASE("bias_activation: an infinity on ReLU's negative side becomes 0, and so does one in its gradient") {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  for (const Backend& backend : activation_backends()) {
    const GuardedTensor x({8, 8}, backend, [](int64_t i) { return i % 2 == 0 ? -kInfinity : kInfinity; });
    const GuardedTensor bias({8}, backend.parameters(), [](int64_t) { return 0.0; });
    const GuardedTensor dy({8, 8}, backend, [](int64_t) { return kInfinity; });
    GuardedTensor y({8, 8}, backend), dx({8, 8}, backend);
    const auto ctx = backend.context();
    prepare_workspace(*ctx, bias_activation_workspace_bytes(*ctx, {8, 8}, backend.dtype));
    bias_activation_forward(*ctx, x, bias, nullptr, Activation::kRelu, y);
    bias_activation_backward(*ctx, y, dy, Activation::kRelu, dx, nullptr, GradMode::kOverwrite);
    for (int64_t i = 0; i < y.elements(); ++i) {
      const double want = i % 2 == 0 ? 0 : kInfinity;
      CHECK_MESSAGE(y[i] == want, backend.name);
      CHECK_MESSAGE(dx[i] == want, backend.name);
    }
  }
}

TEST_CASE("bias_activation: a NaN reaches the output") {
  for (const Backend& backend : activation_backends())
    for (const Activation act : kActivations) {
      const GuardedTensor x({5, 3}, backend);  // all NaN
      const GuardedTensor bias({3}, backend.parameters(), [](int64_t) { return 1.0; });
      GuardedTensor y({5, 3}, backend, [](int64_t) { return 0.0; });
      bias_activation_forward(*backend.context(), x, bias, nullptr, act, y);
      for (int64_t i = 0; i < y.elements(); ++i) CHECK(std::isnan(y[i]));
    }
}

TEST_CASE("bias_activation: same bits for any number of threads") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kOrderShapes) {
      const Case c(backend, shape);
      check_same_bits(c.label("bias_activation", Activation::kTanh), [&](Context& ctx) {
        prepare_workspace(ctx, bias_activation_workspace_bytes(ctx, shape, backend.dtype));
        GuardedTensor y(shape, backend), dx(shape, backend), dbias(c.channels, backend.parameters());
        bias_activation_forward(ctx, c.x, c.bias, nullptr, Activation::kTanh, y);
        bias_activation_backward(ctx, y, c.dy, Activation::kTanh, dx, dbias.pointer(), GradMode::kOverwrite);
        return outputs(y, dx, dbias);
      });
    }
}

TEST_CASE("bias_activation: wrong tensors are refused") {
  const Backend backend = backends().front();
  const Case c(backend, {4, 3});
  const auto ctx = c.context();
  const GuardedTensor no_rows({0, 3}, DType::kF32);
  const auto forward = [&](const Tensor& x, const NamedTensors& t) {
    bias_activation_forward(*ctx, x, t.at("bias"), &t.at("addend"), Activation::kNone, t.at("y"));
  };
  const auto backward = [&](const Tensor& y, const NamedTensors& t) {
    bias_activation_backward(*ctx, y, t.at("dy"), Activation::kNone, t.at("dx"), &t.at("dbias"),
                             GradMode::kOverwrite);
  };
  check_each_refused("bias_activation_forward", {{"bias", c.bias}, {"addend", c.dy}, {"y", c.x}},
                     [&](const NamedTensors& t) { forward(c.x, t); });
  check_each_refused("bias_activation_backward", {{"dy", c.dy}, {"dx", c.dy}, {"dbias", c.bias}},
                     [&](const NamedTensors& t) { backward(c.x, t); });
  check_refused("bias_activation_forward x:", "at least one row", [&] {
    forward(no_rows, {{"bias", c.bias}, {"addend", no_rows}, {"y", no_rows}});
  });
  check_refused("bias_activation_backward y:", "at least one row", [&] {
    backward(no_rows, {{"dy", no_rows}, {"dx", no_rows}, {"dbias", c.bias}});
  });
}
