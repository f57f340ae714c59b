#include "kernels/parameter/round_to_bf16.h"

#include <cmath>
#include <limits>

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

std::vector<Backend> f32_backends() {
  std::vector<Backend> all = backends();
  std::erase_if(all, [](const Backend& backend) { return backend.dtype != DType::kF32; });
  return all;
}

}  // namespace

TEST_CASE("round_to_bf16: to the nearest, at every length") {
  for (const Backend& backend : f32_backends())
    for (const int64_t n : {1, 7, 8, 9, 16, 2047, 2049, 70001}) {
      const GuardedTensor values = random_tensor({n}, backend, kSeed, 0);
      GuardedTensor rounded({n}, backend.of(DType::kBF16));
      round_to_bf16(*backend.context(), values, rounded);
      std::vector<double> want;
      for (const double value : values.values()) {
        const double unit = std::ldexp(1.0, std::ilogb(value) - 7);  // distance of bf16 numbers around it
        want.push_back(std::nearbyint(value / unit) * unit);         // ties to even
      }
      check_exact({"round_to_bf16", backend, fmt::format("[{}]", n)}, "rounded", rounded, want);
    }
}

TEST_CASE("round_to_bf16: ties go to the even neighbour, a NaN stays one") {
  const double nan = std::numeric_limits<double>::quiet_NaN(), inf = std::numeric_limits<double>::infinity();
  const double values[] = {1 + 0x1p-8, 1 + 3 * 0x1p-8, -(1 + 0x1p-8), 0x1.fffffep127,
                           -inf,       -0.0,           nan,           1 + 0x1.8p-8};
  const double want[] = {1, 1 + 0x1p-6, -1, inf, -inf, -0.0, nan, 1 + 0x1p-7};
  for (const Backend& backend : f32_backends()) {
    const GuardedTensor from({8}, backend, [&](int64_t i) { return values[i]; });
    GuardedTensor rounded({8}, backend.of(DType::kBF16));
    round_to_bf16(*backend.context(), from, rounded);
    for (int64_t i = 0; i < 8; ++i) {
      INFO(backend.name, ", ", values[i]);
      if (std::isnan(want[i]))
        CHECK(std::isnan(rounded[i]));
      else
        CHECK((rounded[i] == want[i] && std::signbit(rounded[i]) == std::signbit(want[i])));
    }
  }
}

TEST_CASE("round_to_bf16: wrong tensors are refused") {
  const Context ctx(1);
  const GuardedTensor values({4}, DType::kF32), rounded({4}, DType::kBF16), shorter({3}, DType::kBF16);
  check_refused("round_to_bf16", "values", [&] { round_to_bf16(ctx, rounded, rounded); });
  check_refused("round_to_bf16", "rounded", [&] { round_to_bf16(ctx, values, shorter); });
  check_refused("round_to_bf16", "rounded", [&] { round_to_bf16(ctx, values, values); });
}
