// The register tiles of every instruction set this processor has, in both precisions; conv2d_test.cpp proves
// the best one against the contract, through the ops.
#include "kernels/conv/conv2d_tile_cpu.h"
#include "tests/harness/op_check.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

// n, h, w, ci, co. The integers keep every sum exact in f32.
const Conv2dShape kShapes[] = {
    {1, 2, 2, 1, 1},      // one output pixel, one channel
    {2, 4, 4, 2, 5},      // a partial vector
    {3, 6, 10, 4, 3},     // wider than high
    {1, 10, 2, 16, 17},   // one value past a vector
    {3, 2, 6, 17, 16},    //
    {2, 8, 8, 64, 80},    // a whole panel and a partial one
    {2, 6, 4, 80, 64},    //
    {1, 8, 6, 48, 33},    // three vectors
    {7, 4, 4, 32, 8},     // more pictures than a tile has rows
    {1, 4, 4, 300, 24},   // a row of the window longer than a packed panel
    {1, 2, 4, 24, 600},   // the same for the data gradient
    {3, 48, 48, 8, 8},    // several chunks of rows, several blocks of output pixels
    {3, 40, 40, 16, 8},   //
    {5, 64, 64, 3, 7},    // several parts of the output pixels
    {5, 64, 64, 16, 3},   //
    {3, 48, 48, 3, 8},    // an even number of outputs, which bf16 asks for
    {1, 4, 4, 600, 24},   // a depth of more than two panels in bf16, whose sums wait in between
    {1, 2, 4, 24, 1200},  //
    {1, 2, 2, 1104, 70},  // more panels than are packed together
    // Stride 1, dilated and not.
    {1, 1, 1, 1, 1, {3, 1, 1, 1}},     // the window's middle alone
    {1, 1, 1, 2, 2, {3, 1, 2, 2}},     //
    {2, 5, 7, 4, 16, {3, 1, 1, 1}},    // odd sides
    {1, 9, 6, 3, 5, {3, 1, 1, 1}},     // odd channels, whose windows fill no vector
    {2, 6, 9, 5, 4, {3, 1, 2, 2}},     //
    {1, 3, 2, 6, 10, {3, 1, 4, 4}},    // sides smaller than the dilation
    {1, 4, 5, 1, 2, {3, 1, 4, 4}},     //
    {2, 9, 11, 16, 18, {3, 1, 4, 4}},  // one that the dilation does not divide
    {1, 16, 12, 16, 3, {3, 1, 1, 1}},  // few outputs
    {2, 8, 8, 64, 80, {3, 1, 2, 2}},   // a whole panel and a partial one
    {2, 8, 8, 80, 64, {3, 1, 1, 1}},   //
    {1, 6, 5, 400, 24, {3, 1, 2, 2}},  // a row of the window longer than a packed panel
    {1, 5, 6, 24, 800, {3, 1, 1, 1}},  // the same for the data gradient
    {3, 40, 48, 8, 8, {3, 1, 1, 1}},   // several chunks of rows, several blocks of output pixels
    {5, 64, 64, 4, 6, {3, 1, 1, 1}},   // several parts of the output pixels
    {3, 64, 48, 16, 4, {3, 1, 2, 2}},  //
    {2, 5, 6, 8, 7, {1, 1, 0, 1}},     // other kernels, and no padding or more than a window needs
    {2, 5, 6, 16, 8, {2, 1, 0, 3}},    //
    {1, 4, 5, 6, 8, {4, 1, 2, 1}},     //
    {1, 3, 4, 2, 4, {4, 1, 7, 2}},     //
};

// As it is stored in T: the sums are exact in f32, and rounded once.
template <typename T>
std::vector<double> stored(std::vector<double> values) {
  for (double& value : values) value = static_cast<double>(static_cast<T>(value));
  return values;
}

// Inputs of a shape, and the contract's outputs.
struct Case {
  Conv2dShape s;
  Values<double> x, w, dy, y, dx, dw;

  explicit Case(const Conv2dShape& shape)
      : s(shape),
        x(integer_tensor(s.x(), DType::kF64, kSeed, 0).values()),
        w(integer_tensor(s.weight(), DType::kF64, kSeed, 1).values()),
        dy(integer_tensor(s.y(), DType::kF64, kSeed, 2).values()),
        y(dy.size()),
        dx(x.size()),
        dw(w.size()) {
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      y[o] += x[i] * w[k];
      dx[i] += dy[o] * w[k];
      dw[k] += dy[o] * x[i];
    });
  }
};

// Vectors of exactly a tensor's size: an address sanitizer sees every read beyond them.
template <typename T>
std::vector<T> typed(const Values<double>& values) {
  std::vector<T> typed;
  for (const double value : values) typed.push_back(static_cast<T>(value));
  return typed;
}

template <typename T>
void check_case(const cpu::TileSet& set, const Case& c, int threads) {
  const Conv2dShape& s = c.s;
  if (!cpu::conv2d_tile_takes(s, kDTypeOf<T>)) return;
  const DType dtype = kDTypeOf<T>, sum_dtype = kDTypeOf<cpu::SumOf<T>>;
  const Backend backend{std::string("cpu, tiles ") + set.name, dtype, MatrixBackend::kTile};
  const Label label{
      "conv2d tiles", backend,
      fmt::format("n {} h {} w {} ci {} co {}, kernel {} stride {} pad {} dilation {}, {}, {} threads", s.n,
                  s.h, s.w, s.ci, s.co, s.window.kernel, s.window.stride, s.window.pad, s.window.dilation,
                  to_string(dtype), threads)};
  const std::vector<T> x = typed<T>(c.x), w = typed<T>(c.w), dy = typed<T>(c.dy);

  const auto ctx = backend.context(threads);
  const int64_t bytes = cpu::conv2d_tile_workspace_bytes(*ctx, s, dtype);
  const cpu::TileKernels<T>& kernels = set.of<T>();
  GuardedTensor y(s.y(), dtype), dx(s.x(), dtype), dw(s.weight(), sum_dtype);
  prepare_workspace(*ctx, bytes);
  cpu::conv2d_tile_forward(*ctx, kernels, s, x.data(), w.data(), y.pointer()->as<T>());
  check_exact(label, "y", y, stored<T>(c.y));
  prepare_workspace(*ctx, bytes);
  cpu::conv2d_tile_backward_data(*ctx, kernels, s, dy.data(), w.data(), dx.pointer()->as<T>());
  check_exact(label, "dx", dx, stored<T>(c.dx));
  const auto own = backend.context(threads);  // with no more workspace than it asks for
  prepare_workspace(*own, cpu::conv2d_tile_weight_workspace_bytes(*own, s, dtype));
  auto* to = dw.pointer()->as<cpu::SumOf<T>>();
  cpu::conv2d_tile_backward_weight(*own, kernels, s, x.data(), dy.data(), to, GradMode::kOverwrite);
  check_exact(label, "dw", dw, c.dw);
  cpu::conv2d_tile_backward_weight(*own, kernels, s, x.data(), dy.data(), to, GradMode::kAccumulate);
  Values<double> twice = c.dw;
  for (double& value : twice) value *= 2;
  check_exact(label, "dw, accumulated", dw, twice);
}

}  // namespace

TEST_CASE("conv2d tiles: every instruction set gives the exact sums in f32") {
  for (const Conv2dShape& s : kShapes) {
    const Case c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case<float>(*set, c, 1);
  }
}

TEST_CASE("conv2d tiles: every instruction set gives the exact sums in f64") {
  for (const Conv2dShape& s : kShapes) {
    const Case c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case<double>(*set, c, 1);
  }
}

TEST_CASE("conv2d tiles: every instruction set gives the exact sums in bf16, rounded once") {
  for (const Conv2dShape& s : kShapes) {
    const Case c(s);
    for (const cpu::TileSet* set : cpu::tile_sets()) check_case<bf16>(*set, c, 1);
  }
}

TEST_CASE("conv2d tiles: windows that are left to im2col") {
  CHECK(cpu::conv2d_tile_takes({2, 8, 8, 4, 6, {3, 1, 1, 1}}, DType::kF32));
  CHECK(cpu::conv2d_tile_takes({2, 8, 8, 4, 6, {3, 1, 1, 1}}, DType::kBF16));
  CHECK_FALSE(cpu::conv2d_tile_takes({2, 8, 8, 4, 6, {3, 1, 1, 1}}, DType::kF64));
  CHECK_FALSE(cpu::conv2d_tile_takes({2, 8, 8, 3, 6, {3, 1, 1, 1}}, DType::kBF16));  // odd channels
  CHECK_FALSE(cpu::conv2d_tile_takes({2, 8, 8, 4, 3, {3, 1, 1, 1}}, DType::kBF16));  // odd outputs
  CHECK_FALSE(cpu::conv2d_tile_takes({2, 9, 9, 4, 6, {3, 2, 1, 1}}, DType::kF32));
  CHECK_FALSE(cpu::conv2d_tile_takes({2, 8, 8, 4, 6, {5, 1, 2, 1}}, DType::kF32));
}

TEST_CASE("conv2d tiles: however many threads cut the work") {
  for (const Conv2dShape& s : kShapes) {
    const Case c(s);
    for (const int threads : kSanitized ? std::vector{3} : std::vector{2, 3, 16}) {
      check_case<float>(*cpu::tile_sets().front(), c, threads);
      check_case<bf16>(*cpu::tile_sets().front(), c, threads);
    }
  }
}

TEST_CASE("conv2d tiles: same bits for any number of threads, in several parts and blocks") {
  const Backend backend{"cpu, tiles, f32", DType::kF32, MatrixBackend::kTile};
  for (const Conv2dShape& s : {Conv2dShape{5, 64, 64, 16, 32},
                               {5, 64, 64, 3, 32},
                               {6, 8, 8, 160, 96},
                               {5, 64, 64, 16, 20, {3, 1, 1, 1}},
                               {5, 64, 64, 3, 32, {3, 1, 1, 1}},
                               {6, 8, 8, 96, 144, {3, 1, 2, 2}}}) {
    const GuardedTensor x = random_tensor(s.x(), backend.dtype, kSeed, 0);
    const GuardedTensor w = random_tensor(s.weight(), backend.dtype, kSeed, 1);
    const GuardedTensor dy = random_tensor(s.y(), backend.dtype, kSeed, 2);
    check_same_bits({"conv2d", backend, to_string(s.x())}, [&](Context& ctx) {
      prepare_workspace(ctx, conv2d_workspace_bytes(ctx, s, backend.dtype));
      GuardedTensor y(s.y(), backend.dtype), dx(s.x(), backend.dtype), dw(s.weight(), backend.dtype);
      conv2d_forward(ctx, s.window, x, w, y);
      conv2d_backward_data(ctx, s.window, dy, w, dx);
      conv2d_backward_weight(ctx, s.window, x, dy, dw, GradMode::kOverwrite);
      return outputs(y, dx, dw);
    });
  }
}
