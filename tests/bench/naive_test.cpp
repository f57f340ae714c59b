// The naive kernels of bench/naive keep the contracts of the ops they are compared with: every value against
// the CPU's op, and the bench's own comparison of them.
#include <doctest/doctest.h>

#include <concepts>

#include "bench/naive/naive_cases.h"
#include "bench/naive/naive_kernels.h"
#include "tests/harness/op_check.h"

namespace inpaint::test {
namespace {

// Tensors of equal values for a GPU and for the CPU.
class Pair {
 public:
  template <std::invocable<int64_t> F>
  Pair(const Shape& shape, const Backend& backend, DType dtype, F&& f)
      : gpu(shape, backend.of(dtype), f), cpu(shape, dtype, f) {}
  // Normal numbers about the mean; in each tensor of a case others.
  Pair(const Shape& shape, const Backend& backend, DType dtype, uint32_t part, double mean = 0,
       double deviation = 1)
      : gpu(random_tensor(shape, backend.of(dtype), kSeed, part, mean, deviation)),
        cpu(random_tensor(shape, dtype, kSeed, part, mean, deviation)) {}

  // `scale`: how large the terms of an element may be; `roundings`: of the type it is computed in.
  void check(const Label& label, const char* tensor, double scale = 1, int roundings = 64) const {
    std::vector<Bounded> want;
    for (int64_t i = 0; i < cpu.elements(); ++i)
      want.push_back({cpu[i], std::abs(static_cast<long double>(cpu[i])) + scale});
    check_close(label, tensor, gpu, want, roundings);
  }

  GuardedTensor gpu, cpu;
};

template <typename F>
void for_each_backend(F&& f) {
  for (const Backend& backend : activation_backends())
    if (backend.device == Device::kCuda && !backend.aligned) f(backend);
}

double nan_value(int64_t) { return std::nan(""); }

struct AdamCase {
  Pair grad, w, m, v, copy, half_squares, rate, scale;
  int64_t decayed;

  AdamCase(const Backend& b, int64_t n, int64_t decays)
      : grad({n}, b, b.dtype, 0),
        w({n}, b, b.dtype, 1),
        m({n}, b, b.dtype, 2, 0, 0.5),
        v({n}, b, b.dtype, [](int64_t i) { return 0.5 + 0.01 * static_cast<double>(i % 101); }),
        copy({decays}, b, DType::kBF16, nan_value),
        half_squares({1}, b, DType::kF64, nan_value),
        rate({1}, b, DType::kF64, [](int64_t) { return 0.25; }),
        scale({1}, b, DType::kF64, [](int64_t) { return 0.375; }),
        decayed(decays) {}

  AdamArrays arrays(GuardedTensor Pair::*side, bool everything) const {
    AdamArrays all{.grad = grad.*side, .param = w.*side, .m = m.*side, .v = v.*side};
    if (!everything) return all;
    all.grad_scale = scale.*side;
    all.weights_bf16 = copy.*side;
    all.half_squares = half_squares.*side;
    return all;
  }
};

TEST_CASE("naive: adam is the CPU's") {
  for_each_backend([](const Backend& backend) {
    if (backend.dtype == DType::kBF16) return;
    for (const auto& [n, decayed] :
         {std::pair{1, 0}, std::pair{5, 2}, std::pair{700, 300}, std::pair{300, 300}})
      for (const bool everything : {false, true})
        for (const AdamOptions& options :
             {AdamOptions{}, AdamOptions{.weight_decay = 0.25, .clip = 0.5}, AdamOptions{.epsilon = 0.5}}) {
          const AdamCase c(backend, n, decayed);
          const auto gpu = backend.context(), cpu = std::make_unique<Context>(1);
          prepare_workspace(*gpu, naive::adam_workspace_bytes(*gpu, n));
          prepare_workspace(*cpu, adam_workspace_bytes(*cpu, n));
          naive::adam(*gpu, options, c.rate.gpu, decayed, c.arrays(&Pair::gpu, everything));
          adam(*cpu, options, c.rate.cpu, decayed, c.arrays(&Pair::cpu, everything));
          const Label label{"naive adam", backend, fmt::format("{}, {} decayed", n, decayed)};
          c.w.check(label, "w");
          c.m.check(label, "m");
          c.v.check(label, "v");
          if (!everything) continue;
          c.half_squares.check(label, "half_squares");
          if (decayed > 0) c.copy.check(label, "weights_bf16");
        }
  });
}

TEST_CASE("naive: total_variation is the CPU's") {
  for_each_backend([](const Backend& backend) {
    for (const Shape& shape : {Shape{1, 1, 1, 1}, Shape{2, 1, 9, 3}, Shape{2, 7, 1, 5}, Shape{3, 5, 6, 3}})
      for (const GradMode mode : {GradMode::kOverwrite, GradMode::kAccumulate}) {
        const Pair x(shape, backend, backend.dtype, 0), dx(shape, backend, backend.dtype, 1),
            loss({1}, backend, DType::kF64, nan_value), alone({1}, backend, DType::kF64, nan_value);
        const auto gpu = backend.context(), cpu = std::make_unique<Context>(1);
        prepare_workspace(*gpu, naive::total_variation_workspace_bytes(*gpu, shape));
        prepare_workspace(*cpu, total_variation_workspace_bytes(*cpu, shape));
        naive::total_variation(*gpu, x.gpu, 0.5, loss.gpu, dx.gpu.pointer(), mode);
        naive::total_variation(*gpu, x.gpu, 0.5, alone.gpu, nullptr, mode);
        total_variation(*cpu, x.cpu, 0.5, loss.cpu, dx.cpu.pointer(), mode);
        total_variation(*cpu, x.cpu, 0.5, alone.cpu, nullptr, mode);
        const Label label{"naive total_variation", backend, to_string(shape)};
        loss.check(label, "loss");
        alone.check(label, "loss without dx");
        dx.check(label, "dx");
      }
  });
}

TEST_CASE("naive: batch_norm is the CPU's") {
  for_each_backend([](const Backend& backend) {
    const DType parameter = parameter_dtype(backend.dtype);
    for (const Shape& shape : {Shape{1, 1}, Shape{7, 1}, Shape{5, 3}, Shape{2, 4, 4, 33}})
      for (const Activation act : {Activation::kNone, Activation::kRelu, Activation::kLeakyRelu})
        for (const GradMode mode : {GradMode::kOverwrite, GradMode::kAccumulate}) {
          const Shape channels{shape.back()};
          const Pair x(shape, backend, backend.dtype, 0), dy(shape, backend, backend.dtype, 1),
              y(shape, backend, backend.dtype, nan_value), dx(shape, backend, backend.dtype, nan_value),
              gamma(channels, backend, parameter, 2, 1, 0.3), beta(channels, backend, parameter, 3, 0.2, 0.3),
              mean(channels, backend, parameter, nan_value),
              variance(channels, backend, parameter, nan_value), dgamma(channels, backend, parameter, 4),
              dbeta(channels, backend, parameter, 5);
          const auto gpu = backend.context(), cpu = std::make_unique<Context>(1);
          prepare_workspace(*gpu, naive::batch_norm_workspace_bytes(*gpu, shape));
          prepare_workspace(*cpu, batch_norm_workspace_bytes(*cpu, shape));
          const Label label{fmt::format("naive batch_norm, activation {}", static_cast<int>(act)), backend,
                            to_string(shape)};
          naive::batch_norm_statistics(*gpu, x.gpu, mean.gpu, variance.gpu);
          batch_norm_statistics(*cpu, x.cpu, mean.cpu, variance.cpu);
          mean.check(label, "mean");
          variance.check(label, "variance");
          // From here on both take the same statistics.
          const Pair m(channels, backend, parameter, [&](int64_t c) { return mean.cpu[c]; }),
              s(channels, backend, parameter, [&](int64_t c) { return variance.cpu[c]; });
          naive::batch_norm_forward(*gpu, x.gpu, m.gpu, s.gpu, gamma.gpu, beta.gpu, 0.1, act, y.gpu);
          batch_norm_forward(*cpu, x.cpu, m.cpu, s.cpu, gamma.cpu, beta.cpu, 0.1, act, y.cpu);
          y.check(label, "y", 4);
          naive::batch_norm_backward(*gpu, x.gpu, m.gpu, s.gpu, gamma.gpu, beta.gpu, 0.1, act, dy.gpu, dx.gpu,
                                     {dgamma.gpu.pointer(), dbeta.gpu.pointer(), mode});
          batch_norm_backward(*cpu, x.cpu, m.cpu, s.cpu, gamma.cpu, beta.cpu, 0.1, act, dy.cpu, dx.cpu,
                              {dgamma.cpu.pointer(), dbeta.cpu.pointer(), mode});
          const auto rows = static_cast<double>(shape.rows());
          dgamma.check(label, "dgamma", rows);
          dbeta.check(label, "dbeta", rows);
          dx.check(label, "dx", 8);
        }
  });
}

// Integers: their sums are exact, in any order.
TEST_CASE("naive: conv2d is the CPU's") {
  for_each_backend([](const Backend& backend) {
    const DType parameter = parameter_dtype(backend.dtype);
    for (const Conv2dShape& shape :
         {Conv2dShape{1, 2, 2, 1, 1}, Conv2dShape{2, 6, 10, 3, 5}, Conv2dShape{2, 6, 10, 3, 4, {3, 1, 1, 1}},
          Conv2dShape{1, 9, 11, 4, 2, {3, 2, 3, 3}}}) {
      const auto integers = [&](const Shape& of, DType dtype, int64_t factor) {
        return Pair(of, backend, dtype, [=](int64_t i) { return static_cast<double>(i * factor % 7 - 3); });
      };
      const Pair x = integers(shape.x(), backend.dtype, 5), w = integers(shape.weight(), backend.dtype, 3),
                 dy = integers(shape.y(), backend.dtype, 2), y(shape.y(), backend, backend.dtype, nan_value),
                 dx(shape.x(), backend, backend.dtype, nan_value),
                 dw(shape.weight(), backend, parameter, nan_value);
      const auto gpu = backend.context(), cpu = std::make_unique<Context>(1);
      prepare_workspace(*gpu, naive::conv2d_workspace_bytes(*gpu, shape, backend.dtype));
      prepare_workspace(*cpu, conv2d_workspace_bytes(*cpu, shape, backend.dtype));
      naive::conv2d_forward(*gpu, shape.window, x.gpu, w.gpu, y.gpu);
      naive::conv2d_backward_data(*gpu, shape.window, dy.gpu, w.gpu, dx.gpu);
      conv2d_forward(*cpu, shape.window, x.cpu, w.cpu, y.cpu);
      conv2d_backward_data(*cpu, shape.window, dy.cpu, w.cpu, dx.cpu);
      for (const GradMode mode : {GradMode::kOverwrite, GradMode::kAccumulate}) {
        naive::conv2d_backward_weight(*gpu, shape.window, x.gpu, dy.gpu, dw.gpu, mode);
        conv2d_backward_weight(*cpu, shape.window, x.cpu, dy.cpu, dw.cpu, mode);
      }
      const Label label{"naive conv2d", backend, to_string(shape.x())};
      y.check(label, "y", 0, 1);
      dx.check(label, "dx", 0, 1);
      dw.check(label, "dw", 0, 1);
    }
  });
}

TEST_CASE("naive: the bench accepts their results, in each type it times") {
  if (Context::gpu_count() == 0) return;
  Context ctx(Gpu{}, 1);
  for (const DType dtype : {DType::kF32, DType::kBF16})
    for (const bench::CaseMaker& maker : bench::naive_cases(
             {.image_size = 32, .image_channel = 3, .base_channels = 8, .bottleneck = 24}, 2, dtype)) {
      CAPTURE(maker.name);
      const bench::OpCase made = maker.make(ctx);
      CHECK_MESSAGE(!made.wrong().empty(), "outputs that nothing has written are accepted");
      made.run();
      const std::string message = made.wrong();
      CHECK_MESSAGE(message.empty(), message);
    }
}

}  // namespace
}  // namespace inpaint::test
