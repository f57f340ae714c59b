#include "kernels/image_quality.h"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "core/philox.h"

using namespace inpaint;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
constexpr double kGuard = 12345.0;

struct Pair {
  Shape shape;
  std::vector<uint8_t> a, b;

  Tensor a_tensor() { return {shape, DType::kU8, Device::kCpu, a.data()}; }
  Tensor b_tensor() { return {shape, DType::kU8, Device::kCpu, b.data()}; }
};

// One figure per picture, poisoned, with a guard behind it.
struct Figures {
  explicit Figures(int64_t pictures) : values(static_cast<size_t>(pictures) + 1, kNaN) {
    values.back() = kGuard;
  }
  Tensor tensor() {
    return {{static_cast<int64_t>(values.size()) - 1}, DType::kF64, Device::kCpu, values.data()};
  }
  double operator[](int64_t n) const { return values[static_cast<size_t>(n)]; }
  std::vector<double> values;
};

// b is a with noise of the given deviation, clipped.
Pair noisy(const Shape& shape, double deviation, uint64_t seed) {
  Pair pair{shape, {}, {}};
  const Philox random(seed, RandomStream::kProceduralPictures);
  for (int64_t i = 0; i < shape.elements(); ++i) {
    const auto index = static_cast<uint64_t>(i);
    pair.a.push_back(static_cast<uint8_t>(random.below(256, index)));
    const double value = pair.a.back() + deviation * random.normal(index, 1);
    pair.b.push_back(static_cast<uint8_t>(std::lround(std::fmin(255, std::fmax(0, value)))));
  }
  return pair;
}

struct Reference {
  double absolute = 0, squared = 0, ssim = 0;
};

// The formulas of the header, one window at a time, in two passes.
Reference reference(const Pair& pair, int64_t n) {
  const int64_t h = pair.shape[1], w = pair.shape[2], c = pair.shape[3];
  const auto at = [&](const std::vector<uint8_t>& x, int64_t i, int64_t j, int64_t k) {
    return static_cast<double>(x[static_cast<size_t>(((n * h + i) * w + j) * c + k)]);
  };
  Reference result;
  for (int64_t i = 0; i < h; ++i)
    for (int64_t j = 0; j < w; ++j)
      for (int64_t k = 0; k < c; ++k) {
        const double difference = at(pair.a, i, j, k) - at(pair.b, i, j, k);
        result.absolute += std::abs(difference);
        result.squared += difference * difference;
      }
  int64_t windows = 0;
  for (int64_t k = 0; k < c; ++k)
    for (int64_t i = 3; i < h - 3; ++i)
      for (int64_t j = 3; j < w - 3; ++j, ++windows) {
        double ma = 0, mb = 0, va = 0, vb = 0, cab = 0;
        for (int64_t y = i - 3; y <= i + 3; ++y)
          for (int64_t x = j - 3; x <= j + 3; ++x) {
            ma += at(pair.a, y, x, k) / 49;
            mb += at(pair.b, y, x, k) / 49;
          }
        for (int64_t y = i - 3; y <= i + 3; ++y)
          for (int64_t x = j - 3; x <= j + 3; ++x) {
            const double da = at(pair.a, y, x, k) - ma, db = at(pair.b, y, x, k) - mb;
            va += da * da / 48;
            vb += db * db / 48;
            cab += da * db / 48;
          }
        const double c1 = std::pow(0.01 * 255, 2), c2 = std::pow(0.03 * 255, 2);
        result.ssim += (2 * ma * mb + c1) * (2 * cab + c2) / ((ma * ma + mb * mb + c1) * (va + vb + c2));
      }
  result.ssim /= static_cast<double>(windows);
  return result;
}

double ssim_of(Pair& pair, int threads = 1) {
  Context ctx(threads);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, pair.shape));
  Figures figures(pair.shape[0]);
  ssim(ctx, pair.a_tensor(), pair.b_tensor(), figures.tensor());
  return figures[0];
}

}  // namespace

TEST_CASE("image quality: errors and SSIM match the formulas, for any number of threads") {
  const Shape shapes[] = {{1, 7, 7, 1}, {3, 8, 7, 3}, {2, 7, 19, 5}, {5, 16, 16, 1}, {2, 33, 64, 3}};
  for (const Shape& shape : shapes) {
    for (const double deviation : {2.0, 25.0, 300.0}) {
      INFO("shape ", to_string(shape), " deviation ", deviation);
      Pair pair = noisy(shape, deviation, 11);
      std::vector<double> first;
      for (const int threads : {1, 2, 3, 8}) {
        Context ctx(threads);
        ctx.reserve_workspace(ssim_workspace_bytes(ctx, shape));
        Figures absolute(shape[0]), squared(shape[0]), similarity(shape[0]);
        byte_errors(ctx, pair.a_tensor(), pair.b_tensor(), absolute.tensor(), squared.tensor());
        ssim(ctx, pair.a_tensor(), pair.b_tensor(), similarity.tensor());
        for (int64_t n = 0; n < shape[0]; ++n) {
          const Reference want = reference(pair, n);
          CHECK(absolute[n] == want.absolute);
          CHECK(squared[n] == want.squared);
          // Each window is a quotient of sums of a few positive terms, except the covariance, which is exact
          // here and has an error of 49 roundings of terms up to 255^2 / c2 in the reference.
          CHECK(std::abs(similarity[n] - want.ssim) < 49 * 255 * 255 / 58.5 * 2.3e-16);
        }
        for (const Figures* figures : {&absolute, &squared, &similarity})
          CHECK(figures->values.back() == kGuard);
        if (first.empty()) first = similarity.values;
        CHECK(first == similarity.values);
      }
    }
  }
}

TEST_CASE("image quality: the numbers of scikit-image") {
  // python3, scikit-image 0.19.3:
  //   i = numpy.arange(n * h * w * c);  a = (i * i * 7 + i * 13 + 5) % 251
  //   b = numpy.clip(a + (i * 31) % 23 - 11, 0, 255);  both .reshape(n, h, w, c).astype(numpy.uint8)
  //   print("%.15g" % skimage.metrics.peak_signal_noise_ratio(a[k], b[k], data_range=255))
  //   print("%.15g" % skimage.metrics.structural_similarity(a[k], b[k], channel_axis=-1, data_range=255))
  const auto pictures = [](const Shape& shape) {
    Pair pair{shape, {}, {}};
    for (int64_t i = 0; i < shape.elements(); ++i) {
      const int64_t a = (i * i * 7 + i * 13 + 5) % 251;
      pair.a.push_back(static_cast<uint8_t>(a));
      pair.b.push_back(static_cast<uint8_t>(std::clamp<int64_t>(a + (i * 31) % 23 - 11, 0, 255)));
    }
    return pair;
  };
  struct Case {
    Shape shape;
    std::vector<double> psnr, ssim;
  };
  const Case cases[] = {
      {{2, 16, 16, 1}, {31.7744741378834, 31.7819392821253}, {0.995537721342, 0.995865535172956}},
      {{1, 9, 20, 3}, {31.7918193848034}, {0.995757117446137}}};
  for (const Case& c : cases) {
    Pair pair = pictures(c.shape);
    Context ctx(2);
    ctx.reserve_workspace(ssim_workspace_bytes(ctx, c.shape));
    Figures absolute(c.shape[0]), squared(c.shape[0]), similarity(c.shape[0]);
    byte_errors(ctx, pair.a_tensor(), pair.b_tensor(), absolute.tensor(), squared.tensor());
    ssim(ctx, pair.a_tensor(), pair.b_tensor(), similarity.tensor());
    for (size_t n = 0; n < c.psnr.size(); ++n) {
      const auto values = static_cast<double>(c.shape.elements() / c.shape[0]);
      CHECK(*psnr(squared.values[n], values) == doctest::Approx(c.psnr[n]).epsilon(1e-13));
      CHECK(similarity.values[n] == doctest::Approx(c.ssim[n]).epsilon(1e-13));
    }
  }
}

TEST_CASE("image quality: identical pictures have SSIM 1 and no PSNR, opposite ones the worst error") {
  Pair same = noisy({1, 40, 30, 3}, 0, 3);
  REQUIRE(same.a == same.b);
  CHECK(ssim_of(same) == 1.0);
  CHECK_FALSE(psnr(0, 3600).has_value());
  // One byte off by one in a picture of 100 values.
  CHECK(*psnr(1, 100) == doctest::Approx(20 * std::log10(255.0) + 20).epsilon(1e-14));

  // The largest sums there are, beyond the size of one inner block of the error sums.
  const Shape large{1, 200, 200, 3};
  Pair opposite{large, std::vector<uint8_t>(120000, 0), std::vector<uint8_t>(120000, 255)};
  Context ctx(1);
  Figures absolute(1), squared(1);
  byte_errors(ctx, opposite.a_tensor(), opposite.b_tensor(), absolute.tensor(), squared.tensor());
  CHECK(absolute[0] == 120000.0 * 255);
  CHECK(squared[0] == 120000.0 * 255 * 255);
  CHECK(*psnr(squared[0], 120000) == doctest::Approx(0).scale(1));
  // Flat pictures: (0 + c1)(0 + c2) / ((255^2 + c1)(0 + c2)).
  CHECK(ssim_of(opposite) == doctest::Approx(6.5025 / (65025 + 6.5025)).epsilon(1e-12));
}

TEST_CASE("image quality: a picture's figures do not depend on its neighbours in the batch") {
  Pair pair = noisy({3, 12, 10, 3}, 40, 5);
  Context ctx(2);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, pair.shape));
  Figures all(3);
  ssim(ctx, pair.a_tensor(), pair.b_tensor(), all.tensor());
  for (int64_t n = 0; n < 3; ++n) {
    const auto part = [n](const std::vector<uint8_t>& x) {
      return std::vector<uint8_t>(x.begin() + n * 360, x.begin() + (n + 1) * 360);
    };
    Pair one{{1, 12, 10, 3}, part(pair.a), part(pair.b)};
    CHECK(ssim_of(one) == all[n]);
  }
}

TEST_CASE("image quality: shapes and types that do not fit are refused") {
  Pair pair = noisy({2, 8, 8, 1}, 10, 1);
  Context ctx(1);
  ctx.reserve_workspace(1 << 20);
  Figures two(2), three(3);
  Pair small = noisy({2, 6, 32, 1}, 10, 1);
  CHECK_THROWS_AS(ssim(ctx, small.a_tensor(), small.b_tensor(), two.tensor()), ShapeError);
  CHECK_THROWS_AS(ssim(ctx, pair.a_tensor(), small.b_tensor(), two.tensor()), ShapeError);
  CHECK_THROWS_AS(ssim(ctx, pair.a_tensor(), pair.b_tensor(), three.tensor()), ShapeError);
  CHECK_THROWS_AS(byte_errors(ctx, pair.a_tensor(), pair.b_tensor(), two.tensor(), three.tensor()),
                  ShapeError);
  Tensor wrong_type = pair.a_tensor();
  wrong_type.dtype = DType::kF32;
  CHECK_THROWS_AS(byte_errors(ctx, wrong_type, pair.b_tensor(), two.tensor(), two.tensor()), ShapeError);
}
