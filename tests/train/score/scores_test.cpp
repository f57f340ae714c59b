#include "train/score/scores.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
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

using IsMissing = std::function<bool(int64_t n, int64_t i, int64_t j)>;

// The squares whose corners these are.
IsMissing squares(int64_t side, std::vector<int32_t> corners) {
  return [side, corners = std::move(corners)](int64_t n, int64_t i, int64_t j) {
    const int64_t row = i - corners[static_cast<size_t>(2 * n)],
                  column = j - corners[static_cast<size_t>(2 * n + 1)];
    return row >= 0 && row < side && column >= 0 && column < side;
  };
}

// Holes of every form: two squares that touch at a corner, a line to the border, specks.
bool ragged(int64_t n, int64_t i, int64_t j) {
  if (n == 0) return (i >= 2 && i < 6 && j >= 3 && j < 7) || (i >= 6 && i < 9 && j >= 7 && j < 11);
  if (n == 1) return i == 4 || (j == 9 && i > 4);
  return (i * 5 + j * 3 + i * j) % 7 == 0;
}

// Pictures, and what was painted into their holes.
struct Painted {
  // damage(n, i, j, c) is added to the missing pixels, within 0 .. 255.
  template <typename F>
  Painted(const Shape& shape, const IsMissing& is_missing, F&& damage)
      : images(shape), inpainted(shape), mask({shape[0], shape[1], shape[2], 1}) {
    const Philox random(9, RandomStream::kProceduralPictures);
    for (size_t i = 0; i < images.values.size(); ++i)
      images.values[i] = static_cast<uint8_t>(random.below(200, i) + 28);
    inpainted.values = images.values;
    for (int64_t n = 0; n < shape[0]; ++n)
      for (int64_t i = 0; i < shape[1]; ++i)
        for (int64_t j = 0; j < shape[2]; ++j) {
          mask.at(n, i, j, 0) = is_missing(n, i, j) ? 1 : 0;
          for (int64_t c = 0; c < shape[3] && is_missing(n, i, j); ++c)
            inpainted.at(n, i, j, c) =
                static_cast<uint8_t>(std::clamp(images.at(n, i, j, c) + damage(n, i, j, c), 0, 255));
        }
  }

  Tensor mask_tensor() {
    return {{mask.shape[0], mask.shape[1], mask.shape[2]}, DType::kU8, Device::kCpu, mask.values.data()};
  }
  std::vector<PictureScore> score(int threads = 1) {
    Context ctx(threads);
    return score_pictures(ctx, {images.tensor(), {mask_tensor(), {}}}, inpainted.tensor());
  }
  std::vector<HoleLook> look(Bytes& pictures) {
    return look_at_holes(Context(1), pictures.tensor(), mask_tensor());
  }
  bool missing(int64_t n, int64_t i, int64_t j) { return mask.at(n, i, j, 0) != 0; }

  Bytes images, inpainted, mask;
};

double ssim_of(Bytes& a, Bytes& b, const Tensor& mask, int64_t n) {
  Context ctx(1);
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, a.shape));
  std::vector<double> values(static_cast<size_t>(a.shape[0]));
  ssim(ctx, a.tensor(), b.tensor(), mask, {{a.shape[0]}, DType::kF64, Device::kCpu, values.data()});
  return values[static_cast<size_t>(n)];
}

// The header's definition: every pair of neighbours in the picture is looked at and sorted.
std::optional<Seam> reference_seam(Painted& p, Bytes& pictures, int64_t n) {
  double across = 0, beside = 0;
  int across_pairs = 0, beside_pairs = 0;
  const auto within = [&](int64_t y, int64_t x) {
    return y >= 0 && x >= 0 && y < pictures.shape[1] && x < pictures.shape[2];
  };
  const auto look = [&](int64_t i, int64_t j, int64_t down, int64_t right) {
    const auto difference = [&](int64_t y, int64_t x, int64_t step) {
      double sum = 0;
      for (int64_t c = 0; c < pictures.shape[3]; ++c)
        sum += std::abs(pictures.at(n, y, x, c) - pictures.at(n, y + step * down, x + step * right, c));
      return sum;
    };
    if (!within(i + down, j + right) || !p.missing(n, i, j) || p.missing(n, i + down, j + right)) return;
    across += difference(i, j, 1);
    ++across_pairs;
    if (within(i - down, j - right) && p.missing(n, i - down, j - right)) {
      beside += difference(i, j, -1);
      ++beside_pairs;
    }
    if (within(i + 2 * down, j + 2 * right) && !p.missing(n, i + 2 * down, j + 2 * right)) {
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

double reference_energy(Painted& p, Bytes& pictures, int64_t n) {
  double sum = 0;
  int values = 0;
  const int64_t rows = pictures.shape[1], columns = pictures.shape[2];
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      for (int64_t c = 0; c < pictures.shape[3] && p.missing(n, i, j); ++c, ++values) {
        const double here = pictures.at(n, i, j, c);
        if (i + 1 < rows) sum += std::pow(pictures.at(n, i + 1, j, c) - here, 2);
        if (j + 1 < columns) sum += std::pow(pictures.at(n, i, j + 1, c) - here, 2);
      }
  return sum / values;
}

int some_damage(int64_t n, int64_t i, int64_t j, int64_t c) {
  return static_cast<int>((i * 5 + j * 3 + c * 7 + n) % 41) - 20;
}

}  // namespace

TEST_CASE("scores: hole and image of each picture by their definitions") {
  for (const int64_t channels : {1, 3})
    for (const IsMissing& is_missing : {squares(9, {0, 0, 4, 5, 11, 9}), IsMissing(ragged)}) {
      Painted p({3, 20, 18, channels}, is_missing, some_damage);
      const std::vector<PictureScore> scores = p.score(2);
      REQUIRE(scores.size() == 3);
      for (int64_t n = 0; n < 3; ++n) {
        const auto check = [&](const RegionScore& score, bool hole) {
          double absolute = 0, squared = 0, values = 0;
          for (int64_t i = 0; i < 20; ++i)
            for (int64_t j = 0; j < 18; ++j)
              for (int64_t c = 0; c < channels; ++c) {
                if (hole && !p.missing(n, i, j)) continue;
                const double difference = (p.images.at(n, i, j, c) - p.inpainted.at(n, i, j, c)) / 255.0;
                absolute += std::abs(difference);
                squared += difference * difference;
                ++values;
              }
          CHECK(score.l1_percent == doctest::Approx(100 * absolute / values).epsilon(1e-12));
          CHECK(score.l2_percent == doctest::Approx(100 * squared / values).epsilon(1e-12));
          CHECK(*score.psnr == doctest::Approx(-10 * std::log10(squared / values)).epsilon(1e-12));
          CHECK(score.ssim == ssim_of(p.images, p.inpainted, hole ? p.mask_tensor() : Tensor{}, n));
        };
        const PictureScore& score = scores[static_cast<size_t>(n)];
        check(score.hole, true);
        check(score.image, false);
        CHECK(score.look.seam->across ==
              doctest::Approx(reference_seam(p, p.inpainted, n)->across).epsilon(1e-13));
        CHECK(score.look.gradient_energy ==
              doctest::Approx(reference_energy(p, p.inpainted, n)).epsilon(1e-13));
      }
    }
}

TEST_CASE("scores: missing pixels are counted") {
  Painted p({3, 20, 18, 1}, squares(9, {0, 0, 4, 5, 15, 16}), some_damage);
  CHECK(missing_pixels(p.mask_tensor()) == std::vector<int64_t>{81, 81, 10});
}

TEST_CASE("scores: the seam by its definition, wherever the hole is and of whatever form") {
  struct Case {
    int64_t rows, columns, pictures;
    IsMissing is_missing;
  };
  // Squares inside, one pixel from the border, at sides and corners; across the picture, and all of it; then
  // ragged holes.
  const Case cases[] = {{12, 13, 6, squares(4, {3, 5, 1, 1, 0, 4, 8, 9, 7, 8, 0, 0})},
                        {9, 10, 2, squares(9, {0, 0, 0, 1})},
                        {5, 6, 3, squares(2, {2, 2, 0, 0, 3, 4})},
                        {5, 6, 3, squares(1, {2, 2, 0, 0, 4, 5})},
                        {2, 1, 1, squares(1, {0, 0})},
                        {7, 7, 1, squares(7, {0, 0})},
                        {14, 15, 3, ragged}};
  for (const Case& c : cases) {
    Painted p({c.pictures, c.rows, c.columns, 3}, c.is_missing, some_damage);
    const std::vector<HoleLook> looks = p.look(p.inpainted);
    for (int64_t n = 0; n < c.pictures; ++n) {
      const std::optional<Seam>& seam = looks[static_cast<size_t>(n)].seam;
      const auto want = reference_seam(p, p.inpainted, n);
      REQUIRE(seam.has_value() == want.has_value());
      if (!want) continue;
      CHECK(seam->across == doctest::Approx(want->across).epsilon(1e-13));
      CHECK(seam->beside == doctest::Approx(want->beside).epsilon(1e-13));
    }
  }
}

TEST_CASE("scores: a step of 40 at the border of the hole of a slope of 2 is a seam of 20") {
  Painted p({1, 16, 16, 1}, squares(8, {4, 4}), [](int64_t, int64_t, int64_t, int64_t) { return 0; });
  for (int64_t i = 0; i < 16; ++i)
    for (int64_t j = 0; j < 16; ++j) {
      const bool hole = i >= 4 && i < 12 && j >= 4 && j < 12;
      p.inpainted.at(0, i, j, 0) = static_cast<uint8_t>(2 * (i + j) + (hole ? 40 : 0));
    }
  const HoleLook look = p.look(p.inpainted)[0];
  CHECK(look.seam->across == 40.0);  // 42 at the top and left, 38 below and right
  CHECK(look.seam->beside == 2.0);
  // Steps of 2 down and right, but 8 of 38 down at the bottom and 8 of 38 right at the right side.
  CHECK(look.gradient_energy == doctest::Approx((112 * 4 + 16 * 38 * 38) / 64.0));
}

TEST_CASE("scores: the summary: means over pictures, perfect ones counted apart, PSNR pooled") {
  // Picture 0 is off by 10 everywhere, picture 1 by 20, picture 2 is perfect.
  const IsMissing holes = squares(8, {4, 4, 0, 0, 8, 3});
  Painted p({3, 16, 16, 1}, holes, [](int64_t n, int64_t, int64_t, int64_t) {
    return n == 2 ? 0 : n == 1 ? 20 : 10;
  });
  const std::vector<PictureScore> scores = p.score();
  const std::vector<HoleLook> truth = p.look(p.images);
  const ScoreSummary summary = summarize(scores, truth);
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
        doctest::Approx(
            (scores[0].look.seam->across + scores[1].look.seam->across + scores[2].look.seam->across) /
            (scores[0].look.seam->beside + scores[1].look.seam->beside + scores[2].look.seam->beside)));

  double energy = 0, true_energy = 0;
  for (size_t n = 0; n < 3; ++n) {
    energy += scores[n].look.gradient_energy;
    true_energy += truth[n].gradient_energy;
  }
  CHECK(energy != true_energy);
  CHECK(*summary.sharpness.value == doctest::Approx(energy / true_energy));
  CHECK(summary.sharpness.pictures == 3);

  // Against a fill that is off by 20, 10 and 10: gains of 6 dB and -6 dB, and a picture left out; two
  // pictures of three are better.
  Painted other({3, 16, 16, 1}, holes, [](int64_t n, int64_t, int64_t, int64_t) { return n == 0 ? 20 : 10; });
  const std::vector<PictureScore> other_scores = other.score();
  const Comparison comparison = compare(scores, other_scores);
  CHECK(comparison.psnr_gain.pictures == 2);
  CHECK(*comparison.psnr_gain.value == doctest::Approx(0).scale(1));
  CHECK(comparison.psnr_gain.half_width.has_value());
  CHECK(comparison.better_percent.pictures == 3);
  CHECK(*comparison.better_percent.value == doctest::Approx(200 / 3.0));
  double ssim_gain = 0;
  for (size_t n = 0; n < 3; ++n) ssim_gain += (scores[n].hole.ssim - other_scores[n].hole.ssim) / 3;
  CHECK(ssim_gain != 0);
  CHECK(*comparison.ssim_gain.value == doctest::Approx(ssim_gain));
  const std::vector<PictureScore> one{scores[0]}, other_one{other_scores[0]};
  const Comparison first = compare(one, other_one);
  CHECK(*first.psnr_gain.value == doctest::Approx(20 * std::log10(2.0)));
  CHECK_FALSE(first.psnr_gain.half_width.has_value());
  CHECK(*compare(other_one, other_one).better_percent.value == 0.0);  // as good is not better
}

TEST_CASE("scores: a set that is perfect throughout has no PSNR and no gain, and a seam all the same") {
  Painted p({2, 16, 16, 3}, squares(8, {4, 4, 1, 2}), [](int64_t, int64_t, int64_t, int64_t) { return 0; });
  const std::vector<PictureScore> scores = p.score();
  const ScoreSummary summary = summarize(scores, p.look(p.images));
  CHECK(summary.hole.perfect == 2);
  CHECK_FALSE(summary.hole.psnr.value.has_value());
  CHECK_FALSE(summary.hole.pooled_psnr.value.has_value());
  CHECK(*summary.hole.l1_percent.value == 0.0);
  CHECK(*summary.hole.ssim.value == 1.0);
  CHECK(*summary.sharpness.value == 1.0);
  CHECK_FALSE(compare(scores, scores).psnr_gain.value.has_value());
  CHECK(summary.seam.value.has_value());
}
