// Our own convolution kernels on CUDA, called directly: which way conv2d takes on a GPU is measured there.

#include <functional>

#include "kernels/conv/conv2d_any_cuda.h"
#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/conv/conv2d_few_cuda.h"
#include "tests/harness/op_check.h"
#include "tests/harness/orders.h"
#include "tests/harness/reference.h"

using namespace inpaint;
using namespace inpaint::test;
using reference::Values;

namespace {

// The smallest picture; tiles of 8 x 16 outputs with and without tails, downwards and across; blocks of 64
// channels with and without tails; several tiles for a block.
const Conv2dShape kFewShapes[] = {{1, 2, 2, 1, 8},    {3, 6, 10, 2, 64}, {2, 16, 32, 3, 64},
                                  {1, 18, 34, 4, 72}, {1, 34, 38, 3, 8}, {2, 20, 36, 1, 72},
                                  {3, 34, 38, 3, 72}};
#ifndef INPAINT_CUDA_EXECUTOR  // several tiles for a block of a GPU's launch; slow on a CPU
const Conv2dShape kLargeShapes[] = {{50, 34, 38, 3, 64}, {64, 64, 64, 3, 64}, {50, 64, 70, 1, 72}};
#else
const Conv2dShape kLargeShapes[] = {{3, 34, 38, 2, 8}};
#endif
// With and without tails of four channels (1, 2 and 3 left), and of chunks of picture channels; blocks of the
// weight gradient with one tile, and some with two beside them.
const Conv2dShape kOtherShapes[] = {{1, 2, 2, 1, 1},    {2, 6, 34, 3, 70}, {1, 16, 16, 2, 17},
                                    {1, 10, 18, 4, 72}, {2, 20, 8, 5, 66}, {1, 10, 18, 1, 6},
                                    {2, 6, 10, 3, 11},  {3, 34, 38, 3, 8}};

// Other windows, and the usual one; dilated beyond the picture; outputs between the strides.
const Conv2dShape kAnyShapes[] = {{2, 6, 10, 3, 5},
                                  {2, 6, 10, 8, 16, {3, 1, 1, 1}},
                                  {1, 9, 7, 3, 5, {3, 1, 2, 2}},
                                  {2, 4, 6, 5, 8, {3, 1, 4, 4}},
                                  {1, 7, 9, 2, 3, {5, 2, 0, 1}},
                                  {1, 9, 11, 4, 2, {3, 2, 3, 3}}};

struct Products {
  const char* name;
  void (*forward)(const Context&, const Conv2dShape&, const Tensor& x, const Tensor& w, const Tensor& y);
  void (*backward_data)(const Context&, const Conv2dShape&, const Tensor& dy, const Tensor& w,
                        const Tensor& dx);
  int64_t (*workspace_bytes)(const Conv2dShape&, DType);
  void (*backward_weight)(const Context&, const Conv2dShape&, const Tensor& x, const Tensor& dy,
                          const Tensor& dw, GradMode, void* workspace);
};

const Products kDirect = {"direct kernels", cuda::conv2d_direct_forward, cuda::conv2d_direct_backward_data,
                          cuda::conv2d_direct_backward_weight_workspace_bytes,
                          cuda::conv2d_direct_backward_weight};
const Products kFew = {
    "tensor cores", cuda::conv2d_few_forward, cuda::conv2d_few_backward_data,
    [](const Conv2dShape& s, DType) { return cuda::conv2d_few_backward_weight_workspace_bytes(s); },
    cuda::conv2d_few_backward_weight};

const Products kAny = {
    "plain kernels", cuda::conv2d_any_forward, cuda::conv2d_any_backward_data,
    [](const Conv2dShape&, DType) { return int64_t{0}; },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode, void*) { cuda::conv2d_any_backward_weight(ctx, s, x, dy, dw, mode); }};

// Calls f(products, backend, shape) for what each takes.
void for_each_case(const std::function<void(const Products&, const Backend&, const Conv2dShape&)>& f) {
  for (const Backend& backend : matrix_backends()) {
    if (backend.device != Device::kCuda) continue;
    const auto ctx = backend.context();
    const auto few = [&](const Conv2dShape& shape) {
      if (cuda::conv2d_few_takes(*ctx, shape, backend.dtype)) f(kFew, backend, shape);
    };
    for (const Conv2dShape& shape : kFewShapes) few(shape);
    for (const Conv2dShape& shape : kLargeShapes) few(shape);
    if (backend.fp32_products == Fp32Products::kTf32) continue;  // these kernels know of no such products
    for (const Conv2dShape& shape : kOtherShapes) f(kDirect, backend, shape);
    for (const Conv2dShape& shape : kAnyShapes) f(kAny, backend, shape);
  }
}

std::string describe_case(const Products& products, const Conv2dShape& s) {
  return fmt::format("n {} h {} w {} ci {} co {} kernel {} by {}", s.n, s.h, s.w, s.ci, s.co, s.window.kernel,
                     products.name);
}

// What is left of sums of integers in the tensors' type.
Values<double> rounded(Values<double> sums, DType dtype) {
  if (dtype == DType::kBF16)
    for (double& sum : sums) sum = static_cast<float>(static_cast<bf16>(sum));
  return sums;
}

struct Outputs {
  GuardedTensor y, dx, dw;

  Outputs(const Backend& b, const Conv2dShape& s)
      : y(s.y(), b), dx(s.x(), b), dw(s.weight(), b.parameters()) {}
};

// Each product once, and the weight gradient twice: it overwrites, then it is added to.
Outputs run(const Products& products, Context& ctx, const Backend& backend, const Conv2dShape& s,
            const GuardedTensor& x, const GuardedTensor& w, const GuardedTensor& dy) {
  Outputs out(backend, s);
  const int64_t bytes = products.workspace_bytes(s, backend.dtype);
  prepare_workspace(ctx, bytes);
  products.forward(ctx, s, x, w, out.y);
  products.backward_data(ctx, s, dy, w, out.dx);
  products.backward_weight(ctx, s, x, dy, out.dw, GradMode::kOverwrite, ctx.workspace(bytes));
  products.backward_weight(ctx, s, x, dy, out.dw, GradMode::kAccumulate, ctx.workspace(bytes));
  return out;
}

}  // namespace

TEST_CASE("conv2d own kernels: exact on small integers") {
  for_each_case([](const Products& products, const Backend& backend, const Conv2dShape& s) {
    const GuardedTensor x = integer_tensor(s.x(), backend, kSeed, 0),
                        w = integer_tensor(s.weight(), backend, kSeed, 1),
                        dy = integer_tensor(s.y(), backend, kSeed, 2);
    const Values<double> xs = x.values(), ws = w.values(), dys = dy.values();
    Values<double> y(dys.size()), dx(xs.size()), dw(ws.size());
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      y[o] += xs[i] * ws[k];
      dx[i] += dys[o] * ws[k];
      dw[k] += dys[o] * xs[i];
    });
    const Label label{"conv2d", backend, describe_case(products, s)};
    const Outputs got = run(products, *backend.context(), backend, s, x, w, dy);
    check_exact(label, "y", got.y, rounded(y, backend.dtype));
    check_exact(label, "dx", got.dx, rounded(dx, backend.dtype));
    for (double& value : dw) value *= 2;
    check_exact(label, "dw, overwritten and added to", got.dw, dw);
  });
}

TEST_CASE("conv2d own kernels: real numbers stay within the error bound") {
  const UncheckedAccesses unchecked;  // of these kernels and shapes another test looks at them
  // Sums in f32, of 16 products at a time on the tensor cores, which may cut off instead of rounding.
  constexpr int kFactor = 64;
  for_each_case([](const Products& products, const Backend& backend, const Conv2dShape& s) {
    if (backend.dtype != DType::kBF16 || s.n > 3) return;
    const GuardedTensor x = random_tensor(s.x(), backend, kSeed, 0, 0, 1e-6),
                        w = random_tensor(s.weight(), backend, kSeed, 1),
                        dy = random_tensor(s.y(), backend, kSeed, 2);
    const auto xs = x.values<Bounded>(), ws = w.values<Bounded>(), dys = dy.values<Bounded>();
    std::vector<Bounded> y(dys.size()), dx(xs.size()), dw(ws.size());
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      y[o] += xs[i] * ws[k];
      dx[i] += dys[o] * ws[k];
      dw[k] += dys[o] * xs[i];
    });
    const Label label{"conv2d, real numbers", backend, describe_case(products, s)};
    const Outputs got = run(products, *backend.context(), backend, s, x, w, dy);
    check_close(label, "y", got.y, y, kFactor);
    check_close(label, "dx", got.dx, dx, kFactor);
    for (Bounded& value : dw) value += value;
    check_close(label, "dw, overwritten and added to", got.dw, dw, kFactor);
  });
}

TEST_CASE("conv2d own kernels: same bits in every order") {
  for_each_case([](const Products& products, const Backend& backend, const Conv2dShape& s) {
    constexpr int64_t kMost = 1100;  // pixels: the executor runs every order
    if (backend.dtype != DType::kBF16 || s.n == 1 || s.n * s.h * s.w > kMost) return;
    const GuardedTensor x = random_tensor(s.x(), backend, kSeed, 0),
                        w = random_tensor(s.weight(), backend, kSeed, 1),
                        dy = random_tensor(s.y(), backend, kSeed, 2);
    check_same_bits({"conv2d", backend, describe_case(products, s)}, [&](Context& ctx) {
      Outputs got = run(products, ctx, backend, s, x, w, dy);
      return outputs(got.y, got.dx, got.dw);
    });
  });
}

TEST_CASE("conv2d own kernels: what the tensor cores take") {
  if (Context::gpu_count() == 0) return;
  const Backend backend{"cuda bf16", DType::kBF16, MatrixBackend::kEigen, Device::kCuda, true};
  const auto ctx = backend.context();
  const bool has = ctx->has_tensor_cores_for_bf16();
  for (const int64_t ci : {1, 2, 3, 4})
    CHECK(cuda::conv2d_few_takes(*ctx, {1, 2, 2, ci, 8}, DType::kBF16) == has);
  CHECK(!cuda::conv2d_few_takes(*ctx, {1, 2, 2, 5, 8}, DType::kBF16));
  CHECK(!cuda::conv2d_few_takes(*ctx, {1, 2, 2, 3, 12}, DType::kBF16));
  CHECK(!cuda::conv2d_few_takes(*ctx, {1, 2, 2, 3, 8}, DType::kF32));

  const Conv2dShape s{1, 4, 6, 3, 8};
  const GuardedTensor x = integer_tensor(s.x(), backend, kSeed, 0),
                      w = integer_tensor(s.weight(), backend, kSeed, 1), y(s.y(), backend);
  Tensor off = y;
  off.data = static_cast<bf16*>(off.data) + 1;
  const std::string message = error_message<Error>([&] { cuda::conv2d_few_forward(*ctx, s, x, w, off); });
  CHECK_MESSAGE(contains(message, "multiple of 16 bytes"), message);
}

TEST_CASE("conv2d own kernels: conv2d takes pictures of few channels that begin anywhere") {
  if (Context::gpu_count() == 0) return;
  for (const bool aligned : {true, false}) {
    const Backend backend{"cuda bf16", DType::kBF16, MatrixBackend::kEigen, Device::kCuda, aligned};
    const Conv2dShape s{2, 6, 10, 3, 8};
    const GuardedTensor x = integer_tensor(s.x(), backend, kSeed, 0, 1),
                        w = integer_tensor(s.weight(), backend, kSeed, 1, 1),
                        dy = integer_tensor(s.y(), backend, kSeed, 2, 1);
    const Values<double> xs = x.values(), ws = w.values(), dys = dy.values();
    Values<double> want_y(dys.size()), want_dx(xs.size()), want_dw(ws.size());
    reference::for_each_conv2d_product(s, [&](size_t i, size_t k, size_t o) {
      want_y[o] += xs[i] * ws[k];
      want_dx[i] += dys[o] * ws[k];
      want_dw[k] += dys[o] * xs[i];
    });
    const auto ctx = backend.context();
    prepare_workspace(*ctx, conv2d_workspace_bytes(*ctx, s, backend.dtype));
    Outputs got(backend, s);
    conv2d_forward(*ctx, kHalving, x, w, got.y);
    conv2d_backward_data(*ctx, kHalving, dy, w, got.dx);
    conv2d_backward_weight(*ctx, kHalving, x, dy, got.dw, GradMode::kOverwrite);
    const Label label{"conv2d", backend, aligned ? "aligned" : "not aligned"};
    check_exact(label, "y", got.y, want_y);
    check_exact(label, "dx", got.dx, want_dx);
    check_exact(label, "dw", got.dw, want_dw);
  }
}
