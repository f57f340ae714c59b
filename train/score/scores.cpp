#include "train/score/scores.h"

#include <algorithm>
#include <cstdlib>

#include "kernels/picture/gradient_energy.h"
#include "kernels/picture/image_quality.h"

namespace inpaint {
namespace {

Tensor figures(std::vector<double>& values) {
  return {{static_cast<int64_t>(values.size())}, DType::kF64, Device::kCpu, values.data()};
}

// Over the missing pixels of the mask, or without mask over all: `pixels` of each picture.
std::vector<RegionScore> score_region(Context& ctx, const Tensor& a, const Tensor& b, const Tensor& mask,
                                      const std::vector<int64_t>& pixels) {
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, a.shape));
  const size_t n = pixels.size();
  std::vector<double> absolute(n), squared(n), similarity(n);
  byte_errors(ctx, a, b, mask, figures(absolute), figures(squared));
  ssim(ctx, a, b, mask, figures(similarity));
  std::vector<RegionScore> scores(n);
  for (size_t i = 0; i < n; ++i) {
    const auto values = static_cast<double>(pixels[i] * a.shape[3]);
    scores[i] = {100 * absolute[i] / values / 255, 100 * squared[i] / values / (255.0 * 255.0),
                 psnr(squared[i], values), similarity[i]};
  }
  return scores;
}

struct Pixel {
  int64_t row, column;
  Pixel operator+(Pixel step) const { return {row + step.row, column + step.column}; }
  Pixel operator-(Pixel step) const { return {row - step.row, column - step.column}; }
};

// One picture's sums over pairs of neighbours.
class SeamSums {
 public:
  SeamSums(const Shape& shape, const uint8_t* picture, const uint8_t* mask)
      : rows_(shape[1]), columns_(shape[2]), channels_(shape[3]), picture_(picture), mask_(mask) {
    for (int64_t row = 0; row < rows_; ++row)
      for (int64_t column = 0; column < columns_; ++column)
        if (is({row, column}, kMissing))
          for (const Pixel step : {Pixel{-1, 0}, {1, 0}, {0, -1}, {0, 1}}) add({row, column}, step);
  }

  std::optional<Seam> seam() const {
    if (across_.values == 0 || beside_.values == 0) return std::nullopt;
    return Seam{across_.mean(), beside_.mean()};
  }

 private:
  struct Sum {
    int64_t difference = 0, values = 0;
    double mean() const { return static_cast<double>(difference) / static_cast<double>(values); }
  };
  static constexpr bool kMissing = true, kKnown = false;

  // Is there such a pixel, and is it missing, or known?
  bool is(Pixel p, bool missing) const {
    return p.row >= 0 && p.row < rows_ && p.column >= 0 && p.column < columns_ &&
           (mask_[p.row * columns_ + p.column] != 0) == missing;
  }

  // The pairs around a missing pixel whose neighbour is one step away.
  void add(Pixel p, Pixel step) {
    const Pixel q = p + step;
    if (!is(q, kKnown)) return;
    add_pair(across_, p, q);
    if (is(p - step, kMissing)) add_pair(beside_, p, p - step);
    if (is(q + step, kKnown)) add_pair(beside_, q, q + step);
  }

  void add_pair(Sum& sum, Pixel p, Pixel q) const {
    const uint8_t* a = picture_ + (p.row * columns_ + p.column) * channels_;
    const uint8_t* b = picture_ + (q.row * columns_ + q.column) * channels_;
    for (int64_t c = 0; c < channels_; ++c) sum.difference += std::abs(a[c] - b[c]);
    sum.values += channels_;
  }

  int64_t rows_, columns_, channels_;
  const uint8_t *picture_, *mask_;
  Sum across_, beside_;
};

// A column of figures, one per picture.
template <typename F>
std::vector<double> column(std::span<const PictureScore> scores, F&& figure) {
  std::vector<double> values;
  for (const PictureScore& score : scores) values.push_back(figure(score));
  return values;
}

RegionSummary summarize_region(std::span<const PictureScore> scores, RegionScore PictureScore::*region) {
  RegionSummary summary;
  const auto figure = [&](double RegionScore::*member) {
    return column(scores, [&](const PictureScore& score) { return score.*region.*member; });
  };
  summary.l1_percent = mean_estimate(figure(&RegionScore::l1_percent));
  const std::vector<double> l2_percent = figure(&RegionScore::l2_percent);
  summary.l2_percent = mean_estimate(l2_percent);
  summary.pooled_psnr = pooled_psnr_estimate(l2_percent, 10);  // 100 percent is the square of the peak
  summary.ssim = mean_estimate(figure(&RegionScore::ssim));
  std::vector<double> decibels;
  for (const PictureScore& score : scores) {
    const std::optional<double>& psnr = (score.*region).psnr;
    if (psnr)
      decibels.push_back(*psnr);
    else
      ++summary.perfect;
  }
  summary.psnr = mean_estimate(decibels);
  return summary;
}

}  // namespace

std::vector<int64_t> missing_pixels(const Tensor& mask) {
  const int64_t pixels = mask.shape[1] * mask.shape[2];
  std::vector<int64_t> missing;
  for (int64_t n = 0; n < mask.shape[0]; ++n) {
    const uint8_t* begin = mask.as<uint8_t>() + n * pixels;
    missing.push_back(pixels - std::count(begin, begin + pixels, 0));
  }
  return missing;
}

std::vector<HoleLook> look_at_holes(const Context& ctx, const Tensor& pictures, const Tensor& mask) {
  const std::vector<int64_t> missing = missing_pixels(mask);
  std::vector<double> energy(missing.size());
  gradient_energy(ctx, pictures, mask, figures(energy));
  const Shape& s = pictures.shape;
  std::vector<HoleLook> looks(missing.size());
  ctx.parallel(s[0], [&](int64_t n, int) {
    const auto i = static_cast<size_t>(n);
    const int64_t pixels = s[1] * s[2];
    looks[i] = {
        SeamSums(s, pictures.as<uint8_t>() + n * pixels * s[3], mask.as<uint8_t>() + n * pixels).seam(),
        energy[i] / static_cast<double>(missing[i] * s[3])};
  });
  return looks;
}

std::vector<PictureScore> score_pictures(Context& ctx, const Batch& batch, const Tensor& inpainted) {
  const Tensor &mask = batch.holes.mask, &pictures = batch.pictures;
  const std::vector<int64_t> all(static_cast<size_t>(mask.shape[0]), mask.shape[1] * mask.shape[2]);
  const std::vector<RegionScore> holes = score_region(ctx, pictures, inpainted, mask, missing_pixels(mask));
  const std::vector<RegionScore> whole = score_region(ctx, pictures, inpainted, {}, all);
  const std::vector<HoleLook> looks = look_at_holes(ctx, inpainted, mask);
  std::vector<PictureScore> scores;
  for (size_t n = 0; n < holes.size(); ++n) scores.push_back({holes[n], whole[n], looks[n]});
  return scores;
}

ScoreSummary summarize(std::span<const PictureScore> scores, std::span<const HoleLook> truth) {
  INPAINT_CHECK(scores.size() == truth.size(), "{} scores, {} true pictures", scores.size(), truth.size());
  std::vector<HoleLook> looks;
  std::vector<double> energy, true_energy, perceptual;
  for (size_t i = 0; i < scores.size(); ++i) {
    looks.push_back(scores[i].look);
    energy.push_back(scores[i].look.gradient_energy);
    true_energy.push_back(truth[i].gradient_energy);
    if (scores[i].perceptual_distance) perceptual.push_back(*scores[i].perceptual_distance);
  }
  return {summarize_region(scores, &PictureScore::hole), summarize_region(scores, &PictureScore::image),
          summarize_seams(looks), ratio_estimate(energy, true_energy), mean_estimate(perceptual)};
}

Estimate summarize_seams(std::span<const HoleLook> looks) {
  std::vector<double> across, beside;
  for (const HoleLook& look : looks) {
    if (!look.seam) continue;
    across.push_back(look.seam->across);
    beside.push_back(look.seam->beside);
  }
  return ratio_estimate(across, beside);
}

Comparison compare(std::span<const PictureScore> scores, std::span<const PictureScore> baseline) {
  INPAINT_CHECK(scores.size() == baseline.size(), "{} scores, {} of the baseline", scores.size(),
                baseline.size());
  std::vector<double> decibels, better, similarity;
  for (size_t i = 0; i < scores.size(); ++i) {
    const RegionScore &ours = scores[i].hole, &theirs = baseline[i].hole;
    if (ours.psnr && theirs.psnr) decibels.push_back(*ours.psnr - *theirs.psnr);
    better.push_back(ours.l2_percent < theirs.l2_percent ? 100 : 0);
    similarity.push_back(ours.ssim - theirs.ssim);
  }
  return {mean_estimate(decibels), mean_estimate(better), mean_estimate(similarity)};
}

}  // namespace inpaint
