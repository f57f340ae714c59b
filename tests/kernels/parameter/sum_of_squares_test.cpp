#include "kernels/parameter/sum_of_squares.h"

#include "core/base/philox.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Around the lanes and the blocks: of the CPU, and of 256 threads with packs of 2, 4 and 8 values.
constexpr int64_t kSizes[] = {1,    2,    15,   16,   17,   100,  511,   512,   513,   1023,
                              1024, 1025, 2047, 2048, 2049, 4097, 65535, 65536, 65537, 200003};

double run(const Backend& backend, const GuardedTensor& x, int threads = 2) {
  const auto ctx = backend.context(threads);
  prepare_workspace(*ctx, sum_of_squares_workspace_bytes(*ctx, x.elements()));
  GuardedTensor sum({1}, backend.of(DType::kF64));
  sum_of_squares(*ctx, x, sum);
  const Label label{"sum_of_squares", backend, std::to_string(x.elements())};
  check_guards(label, "sum", sum);
  check_guards(label, "x", x);
  return sum[0];
}

}  // namespace

TEST_CASE("sum_of_squares: matches a plain sum, whole numbers exactly, the same bits for any threads") {
  for (const Backend& backend : activation_backends())
    for (const int64_t n : kSizes) {
      CAPTURE(n);
      const GuardedTensor whole({n}, backend, [](int64_t i) { return static_cast<double>(i % 7 - 3); });
      double want = 0;
      for (int64_t i = 0; i < n; ++i) want += whole[i] * whole[i];
      CHECK(run(backend, whole) == want);

      const Philox random(kSeed, RandomStream::kInitialValues);
      const GuardedTensor x({n}, backend, [&](int64_t i) { return random.normal(static_cast<uint64_t>(i)); });
      want = 0;
      for (int64_t i = 0; i < n; ++i) want += x[i] * x[i];
      const double got = run(backend, x);
      CHECK(got == doctest::Approx(want).epsilon(1e-12));
      for (const int threads : {1, 3, 8}) CHECK(run(backend, x, threads) == got);
    }
}

TEST_CASE(
    "sum_of_squares: one value that is not finite shows wherever it is, the largest finite ones do not") {
  for (const Backend& backend : activation_backends())
    for (const int64_t n : kSizes) {
      CAPTURE(n);
      const double large = backend.dtype == DType::kF64 ? 1e150 : 3.3e38;
      CHECK(std::isfinite(run(backend, GuardedTensor({n}, backend, [&](int64_t) { return large; }))));
      for (const double bad : {NAN, INFINITY, -INFINITY})
        for (const int64_t at : {int64_t{0}, n / 2, n - 1}) {
          const GuardedTensor x({n}, backend, [&](int64_t i) { return i == at ? bad : 0.5; });
          CHECK_FALSE(std::isfinite(run(backend, x)));
        }
    }
}

TEST_CASE("sum_of_squares: that of nothing is 0") {
  for (const Backend& backend : activation_backends()) CHECK(run(backend, GuardedTensor({0}, backend)) == 0);
}

TEST_CASE("sum_of_squares: a wrong sum is refused") {
  const auto ctx = backends()[0].context();
  prepare_workspace(*ctx, sum_of_squares_workspace_bytes(*ctx, 4));
  GuardedTensor x({4}, DType::kF32), sum({2}, DType::kF64);
  CHECK_THROWS_AS(sum_of_squares(*ctx, x, sum), ShapeError);
}
