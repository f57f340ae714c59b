#include "train/score/scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "kernels/picture/image_quality.h"

using namespace inpaint;

namespace {

struct Bytes {
  explicit Bytes(const Shape& s) : shape(s), values(static_cast<size_t>(s.elements())) {}
  Tensor tensor() { return {shape, DType::kU8, Device::kCpu, values.data()}; }
  uint8_t& at(int64_t n, int64_t i, int64_t j, int64_t c) {
    return values[static_cast<size_t>(((n * shape[1] + i) * shape[2] + j) * shape[3] + c)];
  }
  Shape shape;
  std::vector<uint8_t> values;
};

// Pictures, what was painted into their holes, and the parts of both.
struct Painted {
  // damage(n, i, j, c) is added to the hole's pixels, within 0 .. 255.
  template <typename F>
  Painted(const Shape& shape, int64_t hole, std::vector<int32_t> hole_offsets, F&& damage)
      : images(shape),
        inpainted(shape),
        hidden({shape[0], hole, hole, shape[3]}),
        fake(hidden.shape),
        offsets(std::move(hole_offsets)) {
    const Philox random(9, RandomStream::kProceduralPictures);
    for (size_t i = 0; i < images.values.size(); ++i)
      images.values[i] = static_cast<uint8_t>(random.below(200, i) + 28);
    inpainted.values = images.values;
    for (int64_t n = 0; n < shape[0]; ++n)
      for (int64_t i = 0; i < hole; ++i)
        for (int64_t j = 0; j < hole; ++j)
          for (int64_t c = 0; c < shape[3]; ++c) {
            const int64_t row = offsets[static_cast<size_t>(2 * n)] + i;
            const int64_t column = offsets[static_cast<size_t>(2 * n + 1)] + j;
            const int value = images.at(n, row, column, c);
            hidden.at(n, i, j, c) = static_cast<uint8_t>(value);
            fake.at(n, i, j, c) = static_cast<uint8_t>(std::clamp(value + damage(n, i, j, c), 0, 255));
            inpainted.at(n, row, column, c) = fake.at(n, i, j, c);
          }
  }

  Tensor offsets_tensor() {
    return {{static_cast<int64_t>(offsets.size()) / 2, 2}, DType::kI32, Device::kCpu, offsets.data()};
  }
  std::vector<PictureScore> score(int threads = 1) {
    Context ctx(threads);
    return score_pictures(ctx, images.tensor(), inpainted.tensor(), hidden.tensor(), fake.tensor(),
                          offsets_tensor());
  }

  Bytes images, inpainted, hidden, fake;
  std::vector<int32_t> offsets;
};

double ssim_of(Bytes& a, Bytes& b, int64_t n) {
  Context ctx(1);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, a.shape));
  std::vector<double> values(static_cast<size_t>(a.shape[0]));
  ssim(ctx, a.tensor(), b.tensor(), {{a.shape[0]}, DType::kF64, Device::kCpu, values.data()});
  return values[static_cast<size_t>(n)];
}

// The header's definition: every pair of neighbours in the picture is looked at and sorted.
std::optional<Seam> reference_seam(Bytes& pictures, int64_t n, int64_t hole, int64_t top, int64_t left) {
  double across = 0, beside = 0;
  int across_pairs = 0, beside_pairs = 0;
  const auto inside = [&](int64_t i, int64_t j) {
    return i >= top && i < top + hole && j >= left && j < left + hole;
  };
  const auto look = [&](int64_t i, int64_t j, int64_t down, int64_t right) {
    const auto within = [&](int64_t y, int64_t x) {
      return y >= 0 && x >= 0 && y < pictures.shape[1] && x < pictures.shape[2];
    };
    const auto difference = [&](int64_t y, int64_t x, int64_t step) {
      double sum = 0;
      for (int64_t c = 0; c < pictures.shape[3]; ++c)
        sum += std::abs(pictures.at(n, y, x, c) - pictures.at(n, y + step * down, x + step * right, c));
      return sum;
    };
    if (!within(i + down, j + right) || !inside(i, j) || inside(i + down, j + right)) return;
    across += difference(i, j, 1);
    ++across_pairs;
    if (inside(i - down, j - right)) {
      beside += difference(i, j, -1);
      ++beside_pairs;
    }
    if (within(i + 2 * down, j + 2 * right)) {
      beside += difference(i + down, j + right, 1);
      ++beside_pairs;
    }
  };
  for (int64_t i = 0; i < pictures.shape[1]; ++i)
    for (int64_t j = 0; j < pictures.shape[2]; ++j) {
      look(i, j, 1, 0);
      look(i, j, -1, 0);
      look(i, j, 0, 1);
      look(i, j, 0, -1);
    }
  if (across_pairs == 0 || beside_pairs == 0) return std::nullopt;
  const auto channels = static_cast<double>(pictures.shape[3]);
  return Seam{across / across_pairs / channels, beside / beside_pairs / channels};
}

int some_damage(int64_t n, int64_t i, int64_t j, int64_t c) {
  return static_cast<int>((i * 5 + j * 3 + c * 7 + n) % 41) - 20;
}

}  // namespace

TEST_CASE("scores: hole and image of each picture by their definitions") {
  for (const int64_t channels : {1, 3}) {
    Painted p({3, 20, 18, channels}, 9, {0, 0, 4, 5, 11, 9}, some_damage);
    const std::vector<PictureScore> scores = p.score(2);
    REQUIRE(scores.size() == 3);
    for (int64_t n = 0; n < 3; ++n) {
      const auto check = [&](const RegionScore& score, Bytes& a, Bytes& b) {
        double absolute = 0, squared = 0;
        const int64_t values = a.shape[1] * a.shape[2] * channels;
        for (int64_t k = n * values; k < (n + 1) * values; ++k) {
          const double difference =
              (a.values[static_cast<size_t>(k)] - b.values[static_cast<size_t>(k)]) / 255.0;
          absolute += std::abs(difference) / static_cast<double>(values);
          squared += difference * difference / static_cast<double>(values);
        }
        CHECK(score.l1_percent == doctest::Approx(100 * absolute).epsilon(1e-12));
        CHECK(score.l2_percent == doctest::Approx(100 * squared).epsilon(1e-12));
        CHECK(*score.psnr == doctest::Approx(-10 * std::log10(squared)).epsilon(1e-12));
        CHECK(score.ssim == ssim_of(a, b, n));
      };
      const PictureScore& score = scores[static_cast<size_t>(n)];
      const int32_t* at = p.offsets.data() + 2 * n;
      check(score.hole, p.hidden, p.fake);
      check(score.image, p.images, p.inpainted);
      CHECK(score.seam->across ==
            doctest::Approx(reference_seam(p.inpainted, n, 9, at[0], at[1])->across).epsilon(1e-13));
    }
  }
}

TEST_CASE("scores: the seam by its definition, wherever the hole is") {
  struct Case {
    int64_t rows, columns, hole;
    std::vector<int32_t> offsets;
  };
  // Inside, one pixel from the border, at sides and corners; the hole across the picture, and all of it.
  const Case cases[] = {{12, 13, 4, {3, 5, 1, 1, 0, 4, 8, 9, 7, 8, 0, 0}},
                        {9, 10, 9, {0, 0, 0, 1}},
                        {5, 6, 2, {2, 2, 0, 0, 3, 4}},
                        {5, 6, 1, {2, 2, 0, 0, 4, 5}},
                        {2, 1, 1, {0, 0}},
                        {7, 7, 7, {0, 0}}};
  for (const Case& c : cases) {
    const auto n = static_cast<int64_t>(c.offsets.size()) / 2;
    Painted p({n, c.rows, c.columns, 3}, c.hole, c.offsets, some_damage);
    const auto seams = score_seams(p.inpainted.tensor(), p.offsets_tensor(), c.hole);
    for (int64_t k = 0; k < n; ++k) {
      const auto i = static_cast<size_t>(k);
      const auto want = reference_seam(p.inpainted, k, c.hole, c.offsets[2 * i], c.offsets[2 * i + 1]);
      REQUIRE(seams[i].has_value() == want.has_value());
      if (!want) continue;
      CHECK(seams[i]->across == doctest::Approx(want->across).epsilon(1e-13));
      CHECK(seams[i]->beside == doctest::Approx(want->beside).epsilon(1e-13));
    }
  }
}

TEST_CASE("scores: a step of 40 at the border of the hole of a slope of 2 is a seam of 20") {
  Painted p({1, 16, 16, 1}, 8, {4, 4}, [](int64_t, int64_t, int64_t, int64_t) { return 0; });
  for (int64_t i = 0; i < 16; ++i)
    for (int64_t j = 0; j < 16; ++j) {
      const bool hole = i >= 4 && i < 12 && j >= 4 && j < 12;
      p.inpainted.at(0, i, j, 0) = static_cast<uint8_t>(2 * (i + j) + (hole ? 40 : 0));
    }
  const auto seams = score_seams(p.inpainted.tensor(), p.offsets_tensor(), 8);
  CHECK(seams[0]->across == 40.0);  // 42 at the top and left, 38 below and right
  CHECK(seams[0]->beside == 2.0);
}

TEST_CASE("scores: the summary: means over pictures, perfect ones counted apart, PSNR pooled") {
  // Picture 0 is off by 10 everywhere, picture 1 by 20, picture 2 is perfect.
  Painted p({3, 16, 16, 1}, 8, {4, 4, 0, 0, 8, 3}, [](int64_t n, int64_t, int64_t, int64_t) {
    return n == 2 ? 0 : n == 1 ? 20 : 10;
  });
  const std::vector<PictureScore> scores = p.score();
  const ScoreSummary summary = summarize(scores);
  const double db10 = 20 * std::log10(25.5), db20 = 20 * std::log10(12.75);
  CHECK(*summary.hole.l1_percent.value == doctest::Approx(100 * 30 / 255.0 / 3));
  CHECK(*summary.hole.l2_percent.value == doctest::Approx(100 * 500 / 65025.0 / 3));
  CHECK(*summary.hole.psnr.value == doctest::Approx((db10 + db20) / 2));
  CHECK(summary.hole.psnr.pictures == 2);
  CHECK(summary.hole.perfect == 1);
  CHECK(*summary.hole.pooled_psnr.value == doctest::Approx(10 * std::log10(65025 * 3 / 500.0)));
  CHECK(summary.hole.pooled_psnr.pictures == 3);
  CHECK(summary.hole.ssim.pictures == 3);
  CHECK(*summary.hole.ssim.value == doctest::Approx((scores[0].hole.ssim + scores[1].hole.ssim + 1) / 3));
  // The same errors over four times the pixels.
  CHECK(*summary.image.l1_percent.value == doctest::Approx(*summary.hole.l1_percent.value / 4));
  CHECK(*summary.image.psnr.value == doctest::Approx((db10 + db20) / 2 + 20 * std::log10(2.0)));
  CHECK(summary.image.perfect == 1);
  CHECK(summary.seam.pictures == 3);
  CHECK(*summary.seam.value ==
        doctest::Approx((scores[0].seam->across + scores[1].seam->across + scores[2].seam->across) /
                        (scores[0].seam->beside + scores[1].seam->beside + scores[2].seam->beside)));

  // Against a fill that is off by 20, 10 and 10: gains of 6 dB and -6 dB, and a picture left out.
  Painted other({3, 16, 16, 1}, 8, p.offsets,
                [](int64_t n, int64_t, int64_t, int64_t) { return n == 0 ? 20 : 10; });
  const Estimate gain = psnr_gain(scores, other.score());
  CHECK(gain.pictures == 2);
  CHECK(*gain.value == doctest::Approx(0).scale(1));
  CHECK(gain.half_width.has_value());
  const std::vector<PictureScore> one{scores[0]}, other_one{other.score()[0]};
  const Estimate first = psnr_gain(one, other_one);
  CHECK(*first.value == doctest::Approx(20 * std::log10(2.0)));
  CHECK_FALSE(first.half_width.has_value());
}

TEST_CASE("scores: a set that is perfect throughout has no PSNR and no gain, and a seam all the same") {
  Painted p({2, 16, 16, 3}, 8, {4, 4, 1, 2}, [](int64_t, int64_t, int64_t, int64_t) { return 0; });
  const std::vector<PictureScore> scores = p.score();
  const ScoreSummary summary = summarize(scores);
  CHECK(summary.hole.perfect == 2);
  CHECK_FALSE(summary.hole.psnr.value.has_value());
  CHECK_FALSE(summary.hole.pooled_psnr.value.has_value());
  CHECK(*summary.hole.l1_percent.value == 0.0);
  CHECK(*summary.hole.ssim.value == 1.0);
  CHECK_FALSE(psnr_gain(scores, scores).value.has_value());
  CHECK(summary.seam.value.has_value());
}
