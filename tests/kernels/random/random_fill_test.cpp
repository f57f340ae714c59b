#include "kernels/random/random_fill.h"

#include <algorithm>
#include <bit>
#include <numbers>

#include "kernels/random/normal_block_cpu.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

constexpr double kDeviation = 0.02;
constexpr int64_t kSamples = 200000;

const Philox kRandom(kSeed, RandomStream::kInitialValues, 7);
const Shape kShapes[] = {{1}, {3, 5}, {2, 3, 3, 5}, {64}, {16383}, {16385}, {3, 20000}};

double normal_cdf(double x) { return 0.5 * std::erfc(-x / std::sqrt(2.0)); }
double truncated_cdf(double x) {  // cut at two deviations
  return (normal_cdf(x) - normal_cdf(-2)) / (normal_cdf(2) - normal_cdf(-2));
}

std::vector<double> standardized(void (*fill)(const Context&, const Philox&, double, const Tensor&),
                                 const Backend& backend) {
  GuardedTensor values({kSamples}, backend.dtype);
  fill(*backend.context(), kRandom, kDeviation, values);
  std::vector<double> result = values.values();
  for (double& value : result) value /= kDeviation;
  return result;
}

// Mean of x^power.
double moment(const std::vector<double>& x, int power) {
  double sum = 0;
  for (const double value : x) sum += std::pow(value, power);
  return sum / static_cast<double>(x.size());
}

// Kolmogorov-Smirnov: the largest distance between the empirical distribution and `cdf`, times sqrt(n).
// 1.95 is exceeded once in a thousand draws from the right distribution; the seed is fixed.
double kolmogorov_smirnov(std::vector<double> x, double (*cdf)(double)) {
  std::sort(x.begin(), x.end());
  const double n = static_cast<double>(x.size());
  double distance = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    const double want = cdf(x[i]), below = static_cast<double>(i) / n;
    distance = std::max({distance, want - below, below + 1 / n - want});
  }
  return distance * std::sqrt(n);
}

// Five standard errors of the mean of x^power, from the moment of twice the power.
void check_moment(const std::vector<double>& x, int power, double want, double want_of_square) {
  const double error = std::sqrt((want_of_square - want * want) / static_cast<double>(x.size()));
  CAPTURE(power);
  CHECK(std::abs(moment(x, power) - want) < 5 * error);
}

}  // namespace

TEST_CASE("random_fill: element i is the deviation times the stream's number i, whatever the shape") {
  for (const Backend& backend : backends())
    for (const Shape& shape : kShapes) {
      GuardedTensor normal(shape, backend.dtype), truncated(shape, backend.dtype),
          constant(shape, backend.dtype);
      const auto ctx = backend.context(3);
      fill_normal(*ctx, kRandom, kDeviation, normal);
      fill_truncated_normal(*ctx, kRandom, kDeviation, truncated);
      fill_constant(*ctx, 0.3, constant);
      const auto rounded = [&](double x) {
        return backend.dtype == DType::kF32 ? static_cast<double>(static_cast<float>(x)) : x;
      };
      std::vector<double> want_normal, want_truncated;
      for (uint64_t i = 0; i < static_cast<uint64_t>(shape.elements()); ++i) {
        want_normal.push_back(rounded(kDeviation * kRandom.normal(i)));
        want_truncated.push_back(rounded(kDeviation * kRandom.truncated_normal(i)));
      }
      const Label label{"random_fill", backend, to_string(shape)};
      check_exact(label, "normal", normal, want_normal);
      check_exact(label, "truncated normal", truncated, want_truncated);
      check_exact(label, "constant", constant, std::vector<double>(want_normal.size(), rounded(0.3)));
    }
}

TEST_CASE("random_fill: normal values have the moments and the distribution of a normal") {
  for (const Backend& backend : backends()) {
    const std::vector<double> x = standardized(fill_normal, backend);
    check_moment(x, 1, 0, 1);
    check_moment(x, 2, 1, 3);
    check_moment(x, 3, 0, 15);
    check_moment(x, 4, 3, 105);
    CHECK(kolmogorov_smirnov(x, normal_cdf) < 1.95);
  }
}

TEST_CASE("random_fill: truncated values have the moments and the distribution of a cut normal") {
  // With q = 2 phi(2) / (Phi(2) - Phi(-2)): E x^2 = 1 - 2 q, E x^4 = 3 E x^2 - 8 q, by parts.
  const double q = 2 * std::exp(-2.0) / std::sqrt(2 * M_PI) / (normal_cdf(2) - normal_cdf(-2));
  const double second = 1 - 2 * q, fourth = 3 * second - 8 * q, sixth = 5 * fourth - 32 * q;
  for (const Backend& backend : backends()) {
    const std::vector<double> x = standardized(fill_truncated_normal, backend);
    CHECK(*std::max_element(x.begin(), x.end()) <= 2.0001);  // rounding to f32 may step over the edge
    CHECK(*std::min_element(x.begin(), x.end()) >= -2.0001);
    check_moment(x, 1, 0, second);
    check_moment(x, 2, second, fourth);
    check_moment(x, 3, 0, sixth);
    CHECK(kolmogorov_smirnov(x, truncated_cdf) < 1.95);
  }
}

TEST_CASE("random_fill: values that follow each other, and parts of a stream, are not correlated") {
  const Backend backend = backends().back();
  const std::vector<double> x = standardized(fill_normal, backend);
  GuardedTensor other({kSamples}, backend.dtype);
  fill_normal(*backend.context(), Philox(kSeed, RandomStream::kInitialValues, 8), 1, other);
  double neighbours = 0, parts = 0;
  for (size_t i = 0; i < x.size(); ++i) {
    neighbours += x[i] * x[(i + 1) % x.size()];
    parts += x[i] * other[static_cast<int64_t>(i)];
  }
  const double error = std::sqrt(static_cast<double>(kSamples));  // of a sum of products of variance 1
  CHECK(std::abs(neighbours) < 5 * error);
  CHECK(std::abs(parts) < 5 * error);
}

TEST_CASE("random_fill: same bits for any number of threads") {
  for (const Backend& backend : backends())
    for (const Shape& shape : kShapes)
      check_same_bits({"random_fill", backend, to_string(shape)}, [&](Context& ctx) {
        GuardedTensor normal(shape, backend.dtype), truncated(shape, backend.dtype);
        fill_normal(ctx, kRandom, kDeviation, normal);
        fill_truncated_normal(ctx, kRandom, kDeviation, truncated);
        return outputs(normal, truncated);
      });
}

TEST_CASE("random_fill: only real tensors are filled") {
  const GuardedTensor bytes({4}, DType::kU8);
  check_refused("real type", "u8", [&] { fill_constant(*backends().front().context(), 0, bytes); });
}

TEST_CASE("random_fill: floats made in vectors are those of the definition, to the bit") {
  constexpr int64_t kCount = 3'000'017;
  const Context ctx(2);
  std::vector<float> values(kCount);
  const Tensor tensor{{kCount}, DType::kF32, Device::kCpu, values.data()};
  const auto check = [&](auto&& number) {
    int64_t wrong = 0;
    for (int64_t i = 0; i < kCount; ++i)
      wrong += std::bit_cast<uint32_t>(values[static_cast<size_t>(i)]) !=
               std::bit_cast<uint32_t>(static_cast<float>(number(static_cast<uint64_t>(i))));
    CHECK(wrong == 0);
  };
  for (const double deviation : {0.02, 1.0, -3.7}) {
    fill_normal(ctx, kRandom, deviation, tensor);
    check([&](uint64_t i) { return deviation * kRandom.normal(i); });
    fill_truncated_normal(ctx, kRandom, deviation, tensor);
    check([&](uint64_t i) { return deviation * kRandom.truncated_normal(i); });
  }
}

TEST_CASE("random_fill: normals in vectors stay within a thirtieth of their bound, at all edges too") {
  // Where the logarithm, the quarters of the turn, or both, change over.
  std::vector<uint32_t> edges;
  for (const uint32_t centre : {0u, 1u << 29, 1u << 30, 3u << 29, 1u << 31, 5u << 29, 3u << 30, 7u << 29,
                                3037000499u, 1518500249u, 1u << 16})
    for (int near = -3; near <= 3; ++near) edges.push_back(centre + static_cast<uint32_t>(near));
  for (uint32_t bit = 0; bit < 32; ++bit) edges.push_back(1u << bit);
  cpu::NormalBlock block;
  uint32_t b0[cpu::NormalBlock::kSize], b1[cpu::NormalBlock::kSize];
  double worst = 0;
  const auto check = [&] {
    cpu::normals_of(b0, b1, block);
    for (int64_t k = 0; k < block.kSize; ++k) {
      const double u = (static_cast<double>(b0[k]) + 1.0) * 0x1p-32;
      const double angle = 2.0 * std::numbers::pi * (static_cast<double>(b1[k]) * 0x1p-32);
      const double want = std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
      const double error = std::abs(block.value[k] - want);
      if (b0[k] == 0xffffffff) {
        CHECK(error == 0);  // the radius is 0
        continue;
      }
      worst = std::max(worst, error / block.bound[k]);
    }
  };
  for (const uint32_t e : edges) {
    for (size_t at = 0; at < edges.size(); at += block.kSize) {
      for (size_t k = 0; k < static_cast<size_t>(block.kSize); ++k) {
        b0[k] = e;
        b1[k] = edges[(at + k) % edges.size()];
      }
      check();
    }
  }
  for (uint64_t i = 0; i < 4000; ++i) {
    kRandom.bits(i * 256, b0, b1);
    check();
  }
  MESSAGE("largest error: " << worst << " of the bound");
  CHECK(worst < 1.0 / 30);
}
