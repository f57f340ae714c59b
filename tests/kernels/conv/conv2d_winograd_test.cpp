// Winograd's products by the register tiles of every instruction set this processor has, in f32 and f64,
// against the contract's sums.
#include "kernels/conv/conv2d_winograd_cpu.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

// n, h, w, ci, co. The integers keep every sum exact in f32.
const Conv2dShape kShapes[] = {
    {32, 4, 4, 16, 16},    // one square of outputs in each picture
    {9, 8, 8, 16, 17},     // one value past a vector
    {3, 16, 12, 32, 80},   // a whole panel and a partial one; wider than high
    {1, 24, 32, 48, 33},   // three vectors
    {2, 16, 16, 80, 24},   // a partial panel of the data and weight gradients
    {8, 8, 8, 16, 200},    // several tasks of outputs
    {33, 8, 8, 144, 16},   // pictures that do not divide into tasks
    {5, 36, 36, 288, 16},  // several passes
    {2, 64, 64, 16, 300},  //
    // 3 x 3 of stride 1
    {32, 4, 4, 16, 16, {3, 1, 1, 1}},    // four squares of outputs in each picture
    {9, 8, 6, 16, 17, {3, 1, 1, 1}},     // one value past a vector; higher than wide
    {3, 16, 12, 32, 80, {3, 1, 2, 2}},   // a whole panel and a partial one; dilated
    {1, 24, 32, 48, 33, {3, 1, 4, 4}},   // three vectors
    {2, 16, 16, 80, 24, {3, 1, 1, 1}},   // a partial panel of the data and weight gradients
    {2, 12, 18, 16, 200, {3, 1, 3, 3}},  // several tasks of outputs
    {33, 4, 4, 144, 16, {3, 1, 1, 1}},   // pictures that do not divide into tasks
    {3, 28, 36, 288, 16, {3, 1, 1, 1}},  // several passes
    {1, 48, 32, 16, 304, {3, 1, 2, 2}},  //
    {2, 48, 48, 64, 64, {3, 1, 1, 1}},   //
};

template <typename T>
struct Case {
  Conv2dShape s;
  GuardedTensor x, w, dy;
  Values<double> y, dx, dw;  // the contract's

  explicit Case(const Conv2dShape& shape)
      : s(shape),
        x(integer_tensor(s.x(), kDTypeOf<T>, kSeed, 0)),
        w(integer_tensor(s.weight(), kDTypeOf<T>, kSeed, 1)),
        dy(integer_tensor(s.y(), kDTypeOf<T>, kSeed, 2)),
        y(reference::at(dy.elements())),
        dx(reference::at(x.elements())),
        dw(reference::at(w.elements())) {
    const Values<double> xs = x.values(), ws = w.values(), dys = dy.values();
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      y[o] += xs[i] * ws[k];
      dx[i] += dys[o] * ws[k];
      dw[k] += dys[o] * xs[i];
    });
  }
};

template <typename T>
void check_case(const cpu::TileSet& set, const Case<T>& c, int threads) {
  const DType dtype = kDTypeOf<T>;
  const Conv2dShape& s = c.s;
  REQUIRE(cpu::conv2d_winograd_takes(s, dtype));
  const Backend backend{std::string("cpu, tiles ") + set.name, dtype, MatrixBackend::kTile};
  const Label label{
      "conv2d winograd", backend,
      fmt::format("n {} h {} w {} ci {} co {}, kernel {} dilation {}, {}, {} threads", s.n, s.h, s.w, s.ci,
                  s.co, s.window.kernel, s.window.dilation, to_string(dtype), threads)};
  const auto ctx = backend.context(threads);
  const int64_t bytes = cpu::conv2d_winograd_workspace_bytes(*ctx, s, dtype);
  const cpu::TileKernels<T>& kernels = set.of<T>();
  const T *x = c.x.pointer()->template as<T>(), *w = c.w.pointer()->template as<T>(),
          *dy = c.dy.pointer()->template as<T>();
  using Sum = cpu::SumOf<T>;
  GuardedTensor y(s.y(), dtype), dx(s.x(), dtype), dw(s.weight(), kDTypeOf<Sum>);
  prepare_workspace(*ctx, bytes);
  cpu::conv2d_winograd_forward(*ctx, kernels, s, x, w, y.pointer()->as<T>());
  check_exact_sums(label, "y", y, c.y);
  prepare_workspace(*ctx, bytes);
  cpu::conv2d_winograd_backward_data(*ctx, kernels, s, dy, w, dx.pointer()->as<T>());
  check_exact_sums(label, "dx", dx, c.dx);
  prepare_workspace(*ctx, bytes);
  cpu::conv2d_winograd_backward_weight(*ctx, kernels, s, x, dy, dw.pointer()->template as<Sum>(),
                                       GradMode::kOverwrite);
  check_exact(label, "dw", dw, c.dw);
  cpu::conv2d_winograd_backward_weight(*ctx, kernels, s, x, dy, dw.pointer()->template as<Sum>(),
                                       GradMode::kAccumulate);
  Values<double> twice = c.dw;
  for (double& value : twice) value *= 2;
  check_exact(label, "dw, accumulated", dw, twice);
}

}  // namespace

TEST_CASE("conv2d winograd: every instruction set gives the exact sums in f32") {
  for (const Conv2dShape& s : kShapes) {
    const Case<float> c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case(*set, c, 1);
  }
}

TEST_CASE("conv2d winograd: every instruction set gives the exact sums in f64") {
  for (const Conv2dShape& s : kShapes) {
    const Case<double> c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case(*set, c, 1);
  }
}

TEST_CASE("conv2d winograd: every instruction set gives the exact sums in bf16") {
  // Small integers are exact in bf16, and so are their sums before the products.
  for (const Conv2dShape& s : kShapes) {
    if (s.co % 2 != 0) continue;
    const Case<bf16> c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case(*set, c, 1);
  }
}

TEST_CASE("conv2d winograd: however many threads cut the work") {
  for (const Conv2dShape& s : kShapes) {
    const Case<float> c(s);
    for (const int threads : kSanitized ? std::vector{3} : std::vector{2, 3, 16})
      check_case(*cpu::tile_sets().front(), c, threads);
  }
}

TEST_CASE("conv2d winograd: shapes it would not pay for are left to the tiles") {
  const Conv2dShape good{8, 8, 8, 32, 32};
  CHECK(cpu::conv2d_winograd_takes(good, DType::kF32));
  CHECK(cpu::conv2d_winograd_takes(good, DType::kF64));
  CHECK(cpu::conv2d_winograd_takes(good, DType::kBF16));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 8, 32, 33}, DType::kBF16));  // an odd number of outputs
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 10, 8, 32, 32}, DType::kF32));  // an odd number of output rows
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 10, 32, 32}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 64, 64, 3, 32}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 64, 64, 32, 3}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({7, 8, 8, 32, 32}, DType::kF32));  // 28 squares
  CHECK(cpu::conv2d_winograd_takes({8, 8, 8, 32, 32, {3, 1, 2, 2}}, DType::kF32));
  CHECK(cpu::conv2d_winograd_takes({8, 8, 8, 32, 32, {3, 1, 1, 1}}, DType::kBF16));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 8, 32, 33, {3, 1, 1, 1}}, DType::kBF16));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 8, 32, 32, {3, 1, 4, 4}}, DType::kF32));  // mostly padding
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 10, 32, 32, {3, 1, 2, 2}}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 9, 8, 32, 32, {3, 1, 1, 1}}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 8, 8, 32, 32, {3, 1, 1, 2}}, DType::kF32));  // shrinks
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 9, 9, 32, 32, {3, 2, 1, 1}}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 64, 64, 4, 32, {3, 1, 1, 1}}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_winograd_takes({8, 64, 64, 32, 3, {3, 1, 1, 1}}, DType::kF32));
}

TEST_CASE("conv2d winograd: real numbers stay within the error bound") {
  for (const auto& [dtype, s] : {std::pair{DType::kF32, Conv2dShape{8, 8, 8, 64, 48}},
                                 {DType::kF64, Conv2dShape{8, 8, 8, 64, 48}},
                                 {DType::kBF16, Conv2dShape{8, 8, 8, 64, 48}},
                                 {DType::kF32, Conv2dShape{8, 8, 8, 64, 48, {3, 1, 1, 1}}},
                                 {DType::kF32, Conv2dShape{8, 8, 8, 64, 48, {3, 1, 2, 2}}},
                                 {DType::kBF16, Conv2dShape{8, 8, 8, 64, 48, {3, 1, 1, 1}}}}) {
    const Backend backend{"cpu, tiles", dtype, MatrixBackend::kTile};
    REQUIRE(cpu::conv2d_winograd_takes(s, dtype));
    const GuardedTensor x = random_tensor(s.x(), dtype, kSeed, 0),
                        w = random_tensor(s.weight(), dtype, kSeed, 1),
                        dy = random_tensor(s.y(), dtype, kSeed, 2);
    const auto ctx = backend.context();
    prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, s, dtype));
    GuardedTensor y(s.y(), dtype), dx(s.x(), dtype), dw(s.weight(), backend.parameters());
    conv2d_forward(*ctx, s.window, x, w, y);
    conv2d_backward_data(*ctx, s.window, dy, w, dx);
    conv2d_backward_weight(*ctx, s.window, x, dy, dw, GradMode::kOverwrite);
    const auto xs = x.values<Bounded>(), ws = w.values<Bounded>(), dys = dy.values<Bounded>();
    std::vector<Bounded> want_y(reference::at(y.elements())), want_dx(reference::at(dx.elements())),
        want_dw(reference::at(dw.elements()));
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      want_y[o] += xs[i] * ws[k];
      want_dx[i] += dys[o] * ws[k];
      want_dw[k] += dys[o] * xs[i];
    });
    // The terms of the three products along an axis come to at most three times those of the plain sums. In
    // bf16 both factors of a product have been rounded to it, which all but never adds up.
    const int factor = dtype == DType::kBF16 ? 2 * (1 << 16) : 3 * 8;
    const Label label{"conv2d winograd, real numbers", backend, to_string(s.x())};
    check_close(label, "y", y, want_y, factor);
    check_close(label, "dx", dx, want_dx, factor);
    check_close(label, "dw", dw, want_dw, factor);
  }
}

TEST_CASE("conv2d winograd: a value that is not finite stays in the sums it belongs to") {
  const Backend backend{"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile};
  const Conv2dShape s{8, 8, 8, 16, 16};
  const int64_t pixel = (2 * 8 + 3) * s.ci;  // row 2, column 3 of the first picture
  const GuardedTensor x(s.x(), backend, [&](int64_t i) { return i == pixel ? HUGE_VAL : 1.0; });
  const GuardedTensor w(s.weight(), backend, [](int64_t) { return 1.0; });
  GuardedTensor y(s.y(), backend);
  const auto ctx = backend.context();
  prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, s, backend.dtype));
  conv2d_forward(*ctx, kHalving, x, w, y);
  for (int64_t i = 0; i < y.elements(); ++i) {
    const int64_t column = i / s.co % 4, row = i / s.co / 4 % 4, n = i / s.co / 16;
    const bool under = n == 0 && (row == 0 || row == 1) && (column == 1 || column == 2);
    CHECK(std::isfinite(y[i]) == !under);
  }
}

TEST_CASE("conv2d winograd: a value that is not finite stays in the sums of its windows of 3 x 3") {
  const Backend backend{"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile};
  const Conv2dShape s{8, 8, 8, 16, 16, {3, 1, 2, 2}};
  const int64_t pixel = (2 * 8 + 3) * s.ci;  // row 2, column 3 of the first picture
  const GuardedTensor x(s.x(), backend, [&](int64_t i) { return i == pixel ? HUGE_VAL : 1.0; });
  const GuardedTensor w(s.weight(), backend, [](int64_t) { return 1.0; });
  GuardedTensor y(s.y(), backend);
  const auto ctx = backend.context();
  prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, s, backend.dtype));
  conv2d_forward(*ctx, s.window, x, w, y);
  for (int64_t i = 0; i < y.elements(); ++i) {
    const int64_t column = i / s.co % 8, row = i / s.co / 8 % 8, n = i / s.co / 64;
    const bool under = n == 0 && row % 2 == 0 && row <= 4 && column % 2 == 1 && column <= 5;
    CHECK(std::isfinite(y[i]) == !under);
  }
}

TEST_CASE("conv2d winograd: same bits for any number of threads") {
  const Backend backend{"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile};
  for (const Conv2dShape& s : {Conv2dShape{6, 16, 16, 160, 96},
                               {5, 36, 36, 288, 16},
                               {6, 8, 8, 160, 96, {3, 1, 2, 2}},
                               {4, 32, 32, 48, 48, {3, 1, 1, 1}},
                               {3, 28, 36, 288, 16, {3, 1, 1, 1}}}) {
    const GuardedTensor x = random_tensor(s.x(), backend.dtype, kSeed, 0);
    const GuardedTensor w = random_tensor(s.weight(), backend.dtype, kSeed, 1);
    const GuardedTensor dy = random_tensor(s.y(), backend.dtype, kSeed, 2);
    check_same_bits({"conv2d winograd", backend, to_string(s.x())}, [&](Context& ctx) {
      prepare_workspace(ctx, conv2d_workspace_bytes(ctx, s, backend.dtype));
      GuardedTensor y(s.y(), backend.dtype), dx(s.x(), backend.dtype), dw(s.weight(), backend.dtype);
      conv2d_forward(ctx, s.window, x, w, y);
      conv2d_backward_data(ctx, s.window, dy, w, dx);
      conv2d_backward_weight(ctx, s.window, x, dy, dw, GradMode::kOverwrite);
      return outputs(y, dx, dw);
    });
  }
}
