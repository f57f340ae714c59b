#include "kernels/channel/depthwise_conv2d.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

struct Case {
  Shape x;
  int64_t kernel;
  DepthwiseWindow window;
  int64_t ho, wo;

  Shape weight() const { return {kernel, kernel, x[3]}; }
  Shape y() const { return {x[0], ho, wo, x[3]}; }
};

// Channels around a round of 32; windows that reach beyond no border, some, all; one pixel.
const Case kCases[] = {{{1, 1, 1, 1}, 1, {1, 0}, 1, 1},  {{2, 5, 4, 3}, 3, {1, 1}, 5, 4},
                       {{1, 6, 8, 32}, 3, {2, 0}, 3, 4}, {{3, 7, 7, 33}, 5, {2, 2}, 4, 4},
                       {{1, 6, 6, 70}, 5, {2, 1}, 3, 3}, {{2, 9, 3, 31}, 3, {3, 2}, 4, 2},
                       {{1, 2, 2, 8}, 5, {1, 4}, 6, 6}};

std::vector<double> reference(const Case& c, const GuardedTensor& x, const GuardedTensor& w) {
  std::vector<double> y;
  for (int64_t n = 0; n < c.x[0]; ++n)
    for (int64_t i = 0; i < c.ho; ++i)
      for (int64_t j = 0; j < c.wo; ++j)
        for (int64_t channel = 0; channel < c.x[3]; ++channel) {
          double sum = 0;
          for (int64_t ky = 0; ky < c.kernel; ++ky)
            for (int64_t kx = 0; kx < c.kernel; ++kx) {
              const int64_t row = c.window.stride * i + ky - c.window.pad,
                            column = c.window.stride * j + kx - c.window.pad;
              if (row < 0 || row >= c.x[1] || column < 0 || column >= c.x[2]) continue;
              sum += x[((n * c.x[1] + row) * c.x[2] + column) * c.x[3] + channel] *
                     w[(ky * c.kernel + kx) * c.x[3] + channel];
            }
          y.push_back(sum);
        }
  return y;
}

}  // namespace

TEST_CASE("depthwise_conv2d: sums of integers are exact") {
  for (const Backend& backend : cpu_backends())
    for (const Case& c : kCases) {
      const GuardedTensor x = integer_tensor(c.x, backend, kSeed, 0),
                          w = integer_tensor(c.weight(), backend, kSeed, 1);
      GuardedTensor y(c.y(), backend);
      depthwise_conv2d_forward(*backend.context(), c.window, x, w, y);
      const Label label{"depthwise_conv2d", backend, to_string(c.x)};
      check_exact(label, "y", y, reference(c, x, w));
      check_guards(label, "x", x);
      check_guards(label, "w", w);
    }
}

TEST_CASE("depthwise_conv2d: same bits for any number of threads") {
  for (const Backend& backend : cpu_backends()) {
    const Case& c = kCases[3];
    const GuardedTensor x = random_tensor(c.x, backend, kSeed, 0),
                        w = random_tensor(c.weight(), backend, kSeed, 1);
    check_same_bits({"depthwise_conv2d", backend, to_string(c.x)}, [&](Context& ctx) {
      GuardedTensor y(c.y(), backend);
      depthwise_conv2d_forward(ctx, c.window, x, w, y);
      return outputs(y);
    });
  }
}

TEST_CASE("depthwise_conv2d: wrong tensors are refused") {
  const auto ctx = cpu_backends().front().context();
  const auto refused = [&](const char* what, const Shape& x, const Shape& w, const Shape& y,
                           const DepthwiseWindow& window, DType type = DType::kF32) {
    const GuardedTensor given(x, DType::kF32), weight(w, type), result(y, DType::kF32);
    check_refused("depthwise_conv2d", what,
                  [&] { depthwise_conv2d_forward(*ctx, window, given, weight, result); });
  };
  refused("rank 4", {4, 4, 3}, {3, 3, 3}, {1, 4, 4, 3}, {1, 1});
  refused("w", {1, 4, 4, 3}, {3, 3, 2}, {1, 4, 4, 3}, {1, 1});
  refused("w", {1, 4, 4, 3}, {3, 2, 3}, {1, 4, 4, 3}, {1, 1});
  refused("w", {1, 4, 4, 3}, {3, 3, 3}, {1, 4, 4, 3}, {1, 1}, DType::kF64);
  refused("y", {1, 4, 4, 3}, {3, 3, 3}, {1, 4, 4, 2}, {1, 1});
  refused("y", {1, 4, 4, 3}, {3, 3, 3}, {2, 4, 4, 3}, {1, 1});
  refused("stride 0", {1, 4, 4, 3}, {3, 3, 3}, {1, 4, 4, 3}, {0, 1});
  refused("padding 3", {1, 4, 4, 3}, {3, 3, 3}, {1, 4, 4, 3}, {1, 3});
}
