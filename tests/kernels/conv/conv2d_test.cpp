#include "kernels/conv/conv2d.h"

#include "tests/harness/op_check.h"
#include "tests/harness/orders.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

// n, h, w, ci, co: the smallest pictures, uneven sides, channel counts around vectors, several blocks of
// pictures, and the network's 4 x 4 outputs. With values up to 3 the longest sum, 16 * 130 * 9 or
// 4 * 128 * 9 per picture, is far below 2^24: every product and sum is exact in f32, in any order.
const Conv2dShape kShapes[] = {
    {1, 2, 2, 1, 1},
    {1, 4, 2, 3, 5},
    {2, 2, 6, 5, 3},
    {3, 6, 10, 1, 64},
    {1, 16, 16, 3, 17},
    {2, 8, 8, 64, 65},
    {5, 8, 4, 33, 16},
    {9, 16, 16, 7, 3},
    {2, 4, 4, 130, 31},
    {16, 2, 2, 15, 129},
    {1, 34, 38, 3, 1},
    {3, 64, 64, 3, 4},
    // Other windows: 3 x 3, dilated by 2 and by 4 (more than the picture), stride 2, 1 x 1, 5 x 5
    // without padding.
    {2, 6, 10, 8, 16, {3, 1, 1, 1}},
    {1, 9, 7, 3, 5, {3, 1, 2, 2}},
    {2, 4, 6, 32, 8, {3, 1, 4, 4}},
    {3, 7, 9, 5, 7, {3, 2, 1, 1}},
    {2, 3, 5, 17, 6, {1, 1, 0, 1}},
    {1, 7, 9, 2, 3, {5, 2, 0, 1}},
    // 3 x 3 of stride 1: few and odd channels, sides that are odd, smaller than the dilation, one pixel.
    {1, 1, 1, 4, 2, {3, 1, 1, 1}},
    {3, 12, 9, 4, 16, {3, 1, 1, 1}},
    {2, 9, 12, 16, 3, {3, 1, 1, 1}},
    {1, 5, 8, 1, 5, {3, 1, 1, 1}},
    {2, 3, 7, 5, 1, {3, 1, 4, 4}},
    {2, 8, 8, 16, 34, {3, 1, 2, 2}},
    {1, 6, 7, 34, 40, {3, 1, 1, 1}},
};

std::string describe_shape(const Conv2dShape& s) {
  return fmt::format("n {} h {} w {} ci {} co {}, kernel {} stride {} pad {} dilation {}", s.n, s.h, s.w,
                     s.ci, s.co, s.window.kernel, s.window.stride, s.window.pad, s.window.dilation);
}

struct Case {
  const Backend& backend;
  Conv2dShape shape;
  GuardedTensor x, w, dy;

  Case(const Backend& b, const Conv2dShape& s)
      : backend(b),
        shape(s),
        x(integer_tensor(s.x(), b, kSeed, 0)),
        w(integer_tensor(s.weight(), b, kSeed, 1)),
        dy(integer_tensor(s.y(), b, kSeed, 2)) {}

  Label label(const char* op) const { return {op, backend, describe_shape(shape)}; }

  std::unique_ptr<Context> context() const {
    auto ctx = backend.context();
    prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, shape, backend.dtype));
    return ctx;
  }

  // The sums of products that each op takes, into zeros of the result's size.
  Values<double> want_y() const {
    const Values<double> xs = x.values(), ws = w.values();
    Values<double> sums(reference::at(dy.elements()));
    reference::for_each_conv2d_product(shape,
                                       [&](size_t i, size_t k, size_t o) { sums[o] += xs[i] * ws[k]; });
    return sums;
  }
  Values<double> want_dx() const {
    const Values<double> dys = dy.values(), ws = w.values();
    Values<double> sums(reference::at(x.elements()));
    reference::for_each_conv2d_product(shape,
                                       [&](size_t i, size_t k, size_t o) { sums[i] += dys[o] * ws[k]; });
    return sums;
  }
  Values<double> want_dw() const {
    const Values<double> dys = dy.values(), xs = x.values();
    Values<double> sums(reference::at(w.elements()));
    reference::for_each_conv2d_product(shape,
                                       [&](size_t i, size_t k, size_t o) { sums[k] += dys[o] * xs[i]; });
    return sums;
  }
};

}  // namespace

TEST_CASE("conv2d: a window's products, by hand") {
  // One picture of 2 x 2 pixels: its one output sees the four pixels under the kernel's middle.
  for (const Backend& backend : matrix_backends()) {
    const Conv2dShape shape{1, 2, 2, 1, 1};
    const GuardedTensor x(shape.x(), backend, [](int64_t i) { return static_cast<double>(i + 1); });
    const GuardedTensor w(shape.weight(), backend, [](int64_t i) { return static_cast<double>(i); });
    GuardedTensor y(shape.y(), backend);
    const auto ctx = backend.context();
    prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, shape, backend.dtype));
    conv2d_forward(*ctx, shape.window, x, w, y);
    check_exact({"conv2d_forward", backend, describe_shape(shape)}, "y", y, {1 * 5 + 2 * 6 + 3 * 9 + 4 * 10});
  }
}

TEST_CASE("conv2d: forward is exact on small integers") {
  for (const Backend& backend : matrix_backends())
    for (const Conv2dShape& shape : kShapes) {
      const Case c(backend, shape);
      GuardedTensor y(shape.y(), backend);
      conv2d_forward(*c.context(), shape.window, c.x, c.w, y);
      check_exact_sums(c.label("conv2d_forward"), "y", y, c.want_y());
    }
}

TEST_CASE("conv2d: the data gradient is exact on small integers") {
  for (const Backend& backend : matrix_backends())
    for (const Conv2dShape& shape : kShapes) {
      const Case c(backend, shape);
      GuardedTensor dx(shape.x(), backend);
      conv2d_backward_data(*c.context(), shape.window, c.dy, c.w, dx);
      check_exact_sums(c.label("conv2d_backward_data"), "dx", dx, c.want_dx());
    }
}

TEST_CASE("conv2d: the weight gradient is exact on small integers, overwritten or added to") {
  for (const Backend& backend : matrix_backends())
    for (const Conv2dShape& shape : kShapes) {
      const Case c(backend, shape);
      GuardedTensor dw(shape.weight(), backend.parameters());
      const auto ctx = c.context();
      Values<double> want = c.want_dw();
      conv2d_backward_weight(*ctx, shape.window, c.x, c.dy, dw, GradMode::kOverwrite);
      check_exact_sums(c.label("conv2d_backward_weight"), "dw", dw, want);
      conv2d_backward_weight(*ctx, shape.window, c.x, c.dy, dw, GradMode::kAccumulate);
      for (double& value : want) value *= 2;
      check_exact_sums(c.label("conv2d_backward_weight"), "dw, accumulated", dw, want);
    }
}

TEST_CASE("conv2d: the backward products are the adjoints of forward") {
  const UncheckedAccesses unchecked;  // of these kernels and shapes another test looks at them
  // <conv(x, w), dy> = <x, backward_data(dy, w)> = <w, backward_weight(x, dy)>, exactly: the middle one is
  // the transposed convolution. (Not in bf16, which rounds each.)
  for (const Backend& backend : matrix_backends())
    for (const Conv2dShape& shape : kShapes) {
      if (backend.dtype == DType::kBF16) continue;
      const Case c(backend, shape);
      GuardedTensor y(shape.y(), backend), dx(shape.x(), backend), dw(shape.weight(), backend.parameters());
      const auto ctx = c.context();
      conv2d_forward(*ctx, shape.window, c.x, c.w, y);
      conv2d_backward_data(*ctx, shape.window, c.dy, c.w, dx);
      conv2d_backward_weight(*ctx, shape.window, c.x, c.dy, dw, GradMode::kOverwrite);
      const double forward = reference::dot(y.values(), c.dy.values());
      CAPTURE(describe(c.label("conv2d"), "adjoint"));
      CHECK(reference::dot(c.x.values(), dx.values()) == forward);
      CHECK(reference::dot(c.w.values(), dw.values()) == forward);
    }
}

TEST_CASE("conv2d: real numbers stay within the error bound") {
  // Products in the order a matrix library likes: any order of K terms is within K * u * sum of |terms|. The
  // factors of one side are so small that half precision would hold little of them.
  for (const Backend& backend : matrix_backends()) {
    for (const Conv2dShape& shape : {Conv2dShape{3, 8, 8, 33, 17}, Conv2dShape{3, 8, 8, 32, 16}}) {
      const GuardedTensor x = random_tensor(shape.x(), backend, kSeed, 0, 0, 1e-6);
      const GuardedTensor w = random_tensor(shape.weight(), backend, kSeed, 1);
      GuardedTensor y(shape.y(), backend);
      const auto ctx = backend.context();
      prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, shape, backend.dtype));
      conv2d_forward(*ctx, shape.window, x, w, y);
      const auto xs = x.values<Bounded>(), ws = w.values<Bounded>();
      std::vector<Bounded> want(reference::at(y.elements()));
      reference::for_each_conv2d_product(shape,
                                         [&](size_t i, size_t k, size_t o) { want[o] += xs[i] * ws[k]; });
      check_close({"conv2d_forward, real numbers", backend, describe_shape(shape)}, "y", y, want);
    }
  }
}

TEST_CASE("conv2d: same bits for any number of threads") {
  for (const Backend& backend : matrix_backends())
    for (const Conv2dShape& s : kShapes) {
      // Our own kernels for a GPU have tests of their own, with all their shapes.
      if (backend.device == Device::kCuda && s.x().elements() + s.y().elements() > 1500) continue;
      const GuardedTensor x = random_tensor(s.x(), backend, kSeed, 0);
      const GuardedTensor w = random_tensor(s.weight(), backend, kSeed, 1);
      const GuardedTensor dy = random_tensor(s.y(), backend, kSeed, 2);
      check_same_bits({"conv2d", backend, describe_shape(s)}, [&](Context& ctx) {
        prepare_workspace(ctx, conv2d_workspace_bytes(ctx, s, backend.dtype));
        GuardedTensor y(s.y(), backend), dx(s.x(), backend), dw(s.weight(), backend.parameters());
        conv2d_forward(ctx, s.window, x, w, y);
        conv2d_backward_data(ctx, s.window, dy, w, dx);
        conv2d_backward_weight(ctx, s.window, x, dy, dw, GradMode::kOverwrite);
        return outputs(y, dx, dw);
      });
    }
}

TEST_CASE("conv2d: wrong tensors are refused") {
  const Backend backend = matrix_backends().front();
  const Case c(backend, {1, 4, 4, 2, 3});
  const auto ctx = c.context();
  const GuardedTensor odd({1, 5, 4, 2}, DType::kF32), wrong_w({3, 4, 4, 5}, DType::kF32),
      wrong_type(c.shape.y(), DType::kF64), flat({4, 4}, DType::kF32);
  check_refused("conv2d", "even", [&] { conv2d_forward(*ctx, kHalving, odd, c.w, c.dy); });
  check_refused("conv2d", "rank", [&] { conv2d_forward(*ctx, kHalving, flat, c.w, c.dy); });
  check_refused("conv2d", "w", [&] { conv2d_backward_data(*ctx, kHalving, c.dy, wrong_w, c.x); });
  check_refused("conv2d", "y",
                [&] { conv2d_backward_weight(*ctx, kHalving, c.x, wrong_type, c.w, GradMode::kOverwrite); });
}
