#include "kernels/parameter/moving_average.h"

#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Around vectors, blocks of the CPU, and the 16 blocks of the executor.
constexpr int64_t kSizes[] = {1, 3, 4, 17, 1000, 16389, 65536, 65537};

struct Case {
  const Backend& backend;
  GuardedTensor values, averages;

  Case(const Backend& b, int64_t n)
      : backend(b), values(random_tensor({n}, b, kSeed, 0)), averages(random_tensor({n}, b, kSeed, 1)) {}

  Label label() const { return {"moving_average", backend, std::to_string(values.elements())}; }
  void run(const Context& ctx, double rate) const {
    const GuardedTensor rates({1}, backend.of(DType::kF64), [=](int64_t) { return rate; });
    moving_average(ctx, rates, values, averages);
    check_guards(label(), "values", values);
  }
};

}  // namespace

TEST_CASE("moving_average: the averages move by the rate towards the values") {
  for (const Backend& backend : backends())
    for (const int64_t n : kSizes)
      for (const double rate : {0.002, 0.9}) {
        const Case c(backend, n);
        const GuardedTensor values_before = random_tensor({n}, backend, kSeed, 0);
        std::vector<Bounded> want;
        for (int64_t i = 0; i < n; ++i)
          want.push_back(Bounded(c.averages[i]) +
                         Bounded(rate) * (Bounded(c.values[i]) - Bounded(c.averages[i])));
        c.run(*backend.context(), rate);
        check_close(c.label(), "averages", c.averages, want, 4);
        CHECK(c.values.same_bits(values_before));
      }
}

TEST_CASE("moving_average: a rate of 0 keeps the averages, equal values too") {
  for (const Backend& backend : backends()) {
    const Case c(backend, 100);
    const GuardedTensor before = random_tensor({100}, backend, kSeed, 1);
    c.run(*backend.context(), 0);
    CHECK(c.averages.same_bits(before));
    Case same(backend, 100);
    same.values = random_tensor({100}, backend, kSeed, 1);
    same.run(*backend.context(), 0.3);
    CHECK(same.averages.same_bits(before));
  }
}

TEST_CASE("moving_average: the rate begins large and ends at 1 - decay") {
  CHECK(moving_average_rate(0.998, 0) == doctest::Approx(0.9).epsilon(1e-15));
  CHECK(moving_average_rate(0.998, 1) == doctest::Approx(1 - 2.0 / 11).epsilon(1e-15));
  CHECK(moving_average_rate(0.998, 90) == doctest::Approx(0.09).epsilon(1e-15));
  CHECK(moving_average_rate(0.998, 4489) > 1 - 0.998);
  CHECK(moving_average_rate(0.998, 4491) == 1 - 0.998);
  CHECK(moving_average_rate(0, 5) == 1);
  CHECK_THROWS_AS(moving_average_rate(0.998, -1), Error);
}

TEST_CASE("moving_average: same bits for any number of threads") {
  for (const Backend& backend : backends())
    for (const int64_t n : kSizes)
      check_same_bits(Case(backend, n).label(), [&](Context& ctx) {
        Case c(backend, n);
        c.run(ctx, 0.002);
        return outputs(c.averages);
      });
}

TEST_CASE("moving_average: wrong tensors are refused") {
  const Backend backend = backends().front();
  const auto ctx = backend.context();
  const GuardedTensor rate({1}, DType::kF64), values({4}, backend), longer({5}, backend),
      f64({4}, DType::kF64);
  check_refused("moving_average", "rate", [&] { moving_average(*ctx, values, values, values); });
  check_refused("moving_average", "averages", [&] { moving_average(*ctx, rate, values, longer); });
  check_refused("moving_average", "averages", [&] { moving_average(*ctx, rate, values, f64); });
}
