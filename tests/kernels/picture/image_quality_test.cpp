#include "kernels/picture/image_quality.h"

#include <cmath>
#include <optional>

#include "core/base/philox.h"
#include "tests/harness/op_check.h"

using namespace inpaint;
using namespace inpaint::test;

namespace {

// Bytes come in, doubles go out: one backend for each device and alignment.
std::vector<Backend> byte_backends() {
  std::vector<Backend> all = backends();
  std::erase_if(all, [](const Backend& backend) { return backend.dtype != DType::kF64; });
  return all;
}

struct Pair {
  Shape shape;
  std::vector<uint8_t> a, b;
  std::vector<uint8_t> mask = {};  // empty: none is given
};

// Both pictures on a device, and a figure of each kind for each of them.
struct Case {
  const Backend& backend;
  Shape shape;
  GuardedTensor a, b, absolute, squared, similarity;
  std::optional<GuardedTensor> mask;

  Case(const Backend& backend_, const Pair& pair)
      : backend(backend_),
        shape(pair.shape),
        a(bytes(pair.a)),
        b(bytes(pair.b)),
        absolute(figures()),
        squared(figures()),
        similarity(figures()) {
    if (!pair.mask.empty()) mask.emplace(bytes(pair.mask, {shape[0], shape[1], shape[2]}));
  }

  GuardedTensor bytes(const std::vector<uint8_t>& from) const { return bytes(from, shape); }
  GuardedTensor bytes(const std::vector<uint8_t>& from, const Shape& of) const {
    return {of, backend.of(DType::kU8), [&](int64_t i) { return double{1} * from[static_cast<size_t>(i)]; }};
  }
  Tensor missing() const { return mask ? static_cast<const Tensor&>(*mask) : Tensor{}; }
  GuardedTensor figures() const { return {{shape[0]}, backend.of(DType::kF64)}; }
  Label label() const { return {"image quality", backend, to_string(shape)}; }

  void run_errors(Context& ctx) const { byte_errors(ctx, a, b, missing(), absolute, squared); }
  void run_ssim(Context& ctx) const {
    prepare_workspace(ctx, ssim_workspace_bytes(ctx, shape));
    ssim(ctx, a, b, missing(), similarity);
  }
  void run(Context& ctx) const {
    run_errors(ctx);
    run_ssim(ctx);
  }
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
  const auto missing = [&](int64_t i, int64_t j) {
    return pair.mask.empty() || pair.mask[static_cast<size_t>((n * h + i) * w + j)] != 0;
  };
  // Windows count by their centre; where no centre is missing, by any pixel.
  bool by_centre = false;
  for (int64_t i = 3; i < h - 3; ++i)
    for (int64_t j = 3; j < w - 3; ++j) by_centre |= missing(i, j);
  const auto counts = [&](int64_t i, int64_t j) {
    if (by_centre) return missing(i, j);
    for (int64_t y = i - 3; y <= i + 3; ++y)
      for (int64_t x = j - 3; x <= j + 3; ++x)
        if (missing(y, x)) return true;
    return false;
  };
  Reference result;
  for (int64_t i = 0; i < h; ++i)
    for (int64_t j = 0; j < w; ++j)
      for (int64_t k = 0; k < c; ++k) {
        if (!missing(i, j)) continue;
        const double difference = at(pair.a, i, j, k) - at(pair.b, i, j, k);
        result.absolute += std::abs(difference);
        result.squared += difference * difference;
      }
  int64_t windows = 0;
  for (int64_t k = 0; k < c; ++k)
    for (int64_t i = 3; i < h - 3; ++i)
      for (int64_t j = 3; j < w - 3; ++j) {
        if (!counts(i, j)) continue;
        ++windows;
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
  result.ssim = windows == 0 ? 1 : result.ssim / static_cast<double>(windows);
  return result;
}

double ssim_of(const Backend& backend, const Pair& pair) {
  const Case c(backend, pair);
  c.run_ssim(*backend.context());
  return c.similarity[0];
}

// Masks of several densities: pixels alone, blots, a frame that no window has in its centre, one corner, all
// pixels, none. Each picture of the batch has another mask of its kind.
enum class Holes { kSpecks, kBlots, kFrame, kCorner, kAll, kNone };

Pair with_holes(Pair pair, Holes holes) {
  const int64_t n = pair.shape[0], h = pair.shape[1], w = pair.shape[2];
  const Philox random(17, RandomStream::kProceduralPictures);
  for (int64_t k = 0; k < n; ++k)
    for (int64_t i = 0; i < h; ++i)
      for (int64_t j = 0; j < w; ++j) {
        bool missing = holes == Holes::kAll;
        const auto draw = [&](int64_t y, int64_t x) {
          return random.below(5, static_cast<uint64_t>((k * h + y) * w + x)) == 0;
        };
        if (holes == Holes::kSpecks) missing = draw(i, j);
        if (holes == Holes::kBlots) missing = draw(i / 5, j / 5);
        if (holes == Holes::kFrame) missing = i < 3 || j < k || i >= h - 2;
        if (holes == Holes::kCorner) missing = i == h - 1 && j == w - 1 - k;
        pair.mask.push_back(missing ? static_cast<uint8_t>(1 + k % 255) : 0);  // everything but 0 is missing
      }
  return pair;
}

const Holes kHoles[] = {Holes::kSpecks, Holes::kBlots, Holes::kFrame,
                        Holes::kCorner, Holes::kAll,   Holes::kNone};

// Smallest pictures; one window column; several tiles of columns and bands of rows.
const Shape kShapes[] = {{1, 7, 7, 1},   {3, 8, 7, 3},   {2, 7, 19, 5},
                         {5, 16, 16, 1}, {2, 33, 64, 3}, {1, 24, 95, 3}};

}  // namespace

namespace {

void check_formulas(const Backend& backend, const Pair& pair) {
  const Case c(backend, pair);
  c.run(*backend.context());
  std::vector<double> absolute, squared;
  for (int64_t n = 0; n < pair.shape[0]; ++n) {
    const Reference want = reference(pair, n);
    absolute.push_back(want.absolute);
    squared.push_back(want.squared);
    // Each window is a quotient of sums of a few positive terms, except the covariance, which is exact
    // here and has an error of 49 roundings of terms up to 255^2 / c2 in the reference.
    const double bound = 49 * 255 * 255 / 58.5 * 2.3e-16;
    CHECK_MESSAGE(std::abs(c.similarity[n] - want.ssim) < bound, describe(c.label(), "ssim"));
  }
  check_exact(c.label(), "absolute_error", c.absolute, absolute);
  check_exact(c.label(), "squared_error", c.squared, squared);
  check_guards(c.label(), "ssim", c.similarity);
}

}  // namespace

TEST_CASE("image quality: errors and SSIM match the formulas") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes)
      for (const double deviation : {2.0, 25.0, 300.0}) {
        INFO("deviation ", deviation);
        check_formulas(backend, noisy(shape, deviation, 11));
      }
}

TEST_CASE("image quality: errors and SSIM of holes of any form match the formulas") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes)
      for (const Holes holes : kHoles) {
        INFO("holes ", static_cast<int>(holes));
        check_formulas(backend, with_holes(noisy(shape, 25, 12), holes));
      }
}

TEST_CASE("image quality: a mask that is missing everywhere gives the bits of no mask") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes) {
      const Pair pair = noisy(shape, 25, 13);
      const Case plain(backend, pair), masked(backend, with_holes(pair, Holes::kAll));
      plain.run(*backend.context());
      masked.run(*backend.context());
      for (int64_t n = 0; n < shape[0]; ++n) {
        CHECK(masked.similarity[n] == plain.similarity[n]);
        CHECK(masked.squared[n] == plain.squared[n]);
      }
    }
}

TEST_CASE("image quality: same bits for any number of threads") {
  for (const Backend& backend : byte_backends())
    for (const Shape& shape : kShapes) {
      const Pair pair = with_holes(noisy(shape, 25, 11), Holes::kBlots);
      check_same_bits(Case(backend, pair).label(), [&](Context& ctx) {
        Case c(backend, pair);
        c.run(ctx);
        return outputs(c.absolute, c.squared, c.similarity);
      });
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
  struct Known {
    Shape shape;
    std::vector<double> psnr, ssim;
  };
  const Known cases[] = {
      {{2, 16, 16, 1}, {31.7744741378834, 31.7819392821253}, {0.995537721342, 0.995865535172956}},
      {{1, 9, 20, 3}, {31.7918193848034}, {0.995757117446137}}};
  for (const Backend& backend : byte_backends())
    for (const Known& known : cases) {
      const Case c(backend, pictures(known.shape));
      c.run(*backend.context());
      for (size_t n = 0; n < known.psnr.size(); ++n) {
        const auto values = static_cast<double>(known.shape.elements() / known.shape[0]);
        const auto i = static_cast<int64_t>(n);
        CHECK(*psnr(c.squared[i], values) == doctest::Approx(known.psnr[n]).epsilon(1e-13));
        CHECK(c.similarity[i] == doctest::Approx(known.ssim[n]).epsilon(1e-13));
      }
    }
}

TEST_CASE("image quality: identical pictures have SSIM 1 and no PSNR, opposite ones the worst error") {
  CHECK_FALSE(psnr(0, 3600).has_value());
  // One byte off by one in a picture of 100 values.
  CHECK(*psnr(1, 100) == doctest::Approx(20 * std::log10(255.0) + 20).epsilon(1e-14));

  const Pair same = noisy({1, 40, 30, 3}, 0, 3);
  REQUIRE(same.a == same.b);
  // The largest sums there are, beyond the size of one inner block of the CPU's error sums.
  const Pair opposite{{1, 200, 200, 3}, std::vector<uint8_t>(120000, 0), std::vector<uint8_t>(120000, 255)};
  for (const Backend& backend : byte_backends()) {
    CHECK(ssim_of(backend, same) == 1.0);
    const Case c(backend, opposite);
    c.run(*backend.context());
    CHECK(c.absolute[0] == 120000.0 * 255);
    CHECK(c.squared[0] == 120000.0 * 255 * 255);
    CHECK(*psnr(c.squared[0], 120000) == doctest::Approx(0).scale(1));
    // Flat pictures: (0 + c1)(0 + c2) / ((255^2 + c1)(0 + c2)).
    CHECK(c.similarity[0] == doctest::Approx(6.5025 / (65025 + 6.5025)).epsilon(1e-12));
  }
}

TEST_CASE("image quality: a picture's figures do not depend on its neighbours in the batch") {
  const Pair pair = noisy({3, 12, 10, 3}, 40, 5);
  for (const Backend& backend : byte_backends()) {
    const Case all(backend, pair);
    all.run_ssim(*backend.context());
    for (int64_t n = 0; n < 3; ++n) {
      const auto part = [n](const std::vector<uint8_t>& x) {
        return std::vector<uint8_t>(x.begin() + n * 360, x.begin() + (n + 1) * 360);
      };
      CHECK(ssim_of(backend, {{1, 12, 10, 3}, part(pair.a), part(pair.b)}) == all.similarity[n]);
    }
  }
}

TEST_CASE("image quality: one window's figure is the same on every device, bit for bit") {
  for (const uint64_t seed : {1, 2, 3, 4, 5, 6, 7, 8}) {
    const Pair pair = noisy({1, 7, 7, 1}, 30, seed);
    const double want = ssim_of(byte_backends().front(), pair);
    for (const Backend& backend : byte_backends()) CHECK(ssim_of(backend, pair) == want);
  }
}

TEST_CASE("image quality: shapes and types that do not fit are refused") {
  const Backend backend = byte_backends().front();
  const auto ctx = backend.context();
  ctx->reserve_workspace(1 << 20);
  const Case c(backend, noisy({2, 8, 8, 1}, 10, 1)), small(backend, noisy({2, 6, 32, 1}, 10, 1));
  const GuardedTensor three({3}, DType::kF64), wrong_type(c.shape, DType::kF32);
  check_refused("ssim", "7 x 7", [&] { ssim(*ctx, small.a, small.b, {}, small.similarity); });
  check_refused("ssim", "expected", [&] { ssim(*ctx, c.a, small.b, {}, c.similarity); });
  check_refused("ssim", "expected", [&] { ssim(*ctx, c.a, c.b, {}, three); });
  check_refused("byte_errors", "squared_error", [&] { byte_errors(*ctx, c.a, c.b, {}, c.absolute, three); });
  check_refused("byte_errors", "u8", [&] { byte_errors(*ctx, wrong_type, c.b, {}, c.absolute, c.squared); });
  check_refused("byte_errors", "expected", [&] { byte_errors(*ctx, c.a, c.b, c.a, c.absolute, c.squared); });
  check_refused("ssim", "expected", [&] { ssim(*ctx, c.a, c.b, c.b, c.similarity); });
}
