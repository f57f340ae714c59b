#include "kernels/channel/add.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Around packs, rounds of blocks and the CPU's blocks of 32768 values; and nothing at all.
const Shape kShapes[] = {{0}, {1}, {7}, {2, 3, 5}, {2, 4, 4, 8}, {1, 32767}, {3, 10923, 1}, {40000}};

}  // namespace

TEST_CASE("add: y becomes the sum, in one rounding") {
  for (const Backend& backend : activation_backends())
    for (const Shape& shape : kShapes) {
      const GuardedTensor x = random_tensor(shape, backend, kSeed, 0);
      GuardedTensor y = random_tensor(shape, backend, kSeed, 1);
      const GuardedTensor want(shape, backend, [&](int64_t i) {
        const double sum = x[i] + y[i];
        return backend.dtype == DType::kBF16 ? static_cast<double>(static_cast<float>(sum)) : sum;
      });
      const Label label{"add", backend, to_string(shape)};
      add(*backend.context(), x, y);
      CHECK_MESSAGE(y.same_bits(want), describe(label, "y"));
      check_guards(label, "y", y);
      check_guards(label, "x", x);
    }
}

TEST_CASE("add: a NaN reaches the sum") {
  for (const Backend& backend : activation_backends()) {
    const GuardedTensor x({9}, backend);  // all NaN
    GuardedTensor y({9}, backend, [](int64_t) { return 1.0; });
    add(*backend.context(), x, y);
    for (int64_t i = 0; i < y.elements(); ++i) CHECK(std::isnan(y[i]));
  }
}

TEST_CASE("add: same bits for any number of threads") {
  for (const Backend& backend : activation_backends()) {
    const Shape shape{3, 31, 500};
    const GuardedTensor x = random_tensor(shape, backend, kSeed, 0);
    check_same_bits({"add", backend, to_string(shape)}, [&](Context& ctx) {
      GuardedTensor y = random_tensor(shape, backend, kSeed, 1);
      add(ctx, x, y);
      return outputs(y);
    });
  }
}

TEST_CASE("add: wrong tensors are refused") {
  const GuardedTensor x({4, 3}, DType::kF32), wrong_shape({3, 4}, DType::kF32),
      wrong_type({4, 3}, DType::kF64);
  const auto ctx = backends().front().context();
  check_refused("add", "x", [&] { add(*ctx, x, wrong_shape); });
  check_refused("add", "x", [&] { add(*ctx, x, wrong_type); });
}
