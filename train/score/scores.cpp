#include "train/score/scores.h"

#include <cstdlib>

#include "kernels/picture/image_quality.h"
#include "train/holes/hole_view.h"

namespace inpaint {
namespace {

std::vector<RegionScore> score_region(Context& ctx, const Tensor& a, const Tensor& b) {
  ctx.reserve_workspace(ssim_workspace_bytes(ctx, a.shape));
  const auto n = static_cast<size_t>(a.shape[0]);
  std::vector<double> absolute(n), squared(n), similarity(n);
  const auto figures = [n](std::vector<double>& values) {
    return Tensor{{static_cast<int64_t>(n)}, DType::kF64, Device::kCpu, values.data()};
  };
  byte_errors(ctx, a, b, figures(absolute), figures(squared));
  ssim(ctx, a, b, figures(similarity));
  const auto values = static_cast<double>(a.shape[1] * a.shape[2] * a.shape[3]);
  std::vector<RegionScore> scores(n);
  for (size_t i = 0; i < n; ++i)
    scores[i] = {100 * absolute[i] / values / 255, 100 * squared[i] / values / (255.0 * 255.0),
                 psnr(squared[i], values), similarity[i]};
  return scores;
}

// One picture's sums over pairs of neighbours.
class SeamSums {
 public:
  SeamSums(const HoleShape& shape, const uint8_t* picture) : shape_(shape), picture_(picture) {}

  // The pairs around one pixel p of the hole's rim, whose neighbour outside is one step (down, right) away.
  void add(int64_t row, int64_t column, int64_t down, int64_t right) {
    add_pair(across_, row, column, row + down, column + right);
    if (shape_.hole > 1) add_pair(beside_, row, column, row - down, column - right);
    const int64_t far_row = row + 2 * down, far_column = column + 2 * right;
    if (far_row >= 0 && far_row < shape_.rows && far_column >= 0 && far_column < shape_.columns)
      add_pair(beside_, row + down, column + right, far_row, far_column);
  }

  std::optional<Seam> seam() const {
    if (beside_.values == 0) return std::nullopt;
    return Seam{across_.mean(), beside_.mean()};
  }

 private:
  struct Sum {
    int64_t difference = 0, values = 0;
    double mean() const { return static_cast<double>(difference) / static_cast<double>(values); }
  };

  void add_pair(Sum& sum, int64_t row, int64_t column, int64_t other_row, int64_t other_column) {
    const uint8_t* a = picture_ + (row * shape_.columns + column) * shape_.channels;
    const uint8_t* b = picture_ + (other_row * shape_.columns + other_column) * shape_.channels;
    for (int64_t c = 0; c < shape_.channels; ++c) sum.difference += std::abs(a[c] - b[c]);
    sum.values += shape_.channels;
  }

  const HoleShape& shape_;
  const uint8_t* picture_;
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

std::vector<std::optional<Seam>> score_seams(const Tensor& pictures, const Tensor& offsets,
                                             int64_t hole_size) {
  const Tensor holes{{pictures.shape[0], hole_size, hole_size, pictures.shape.back()}, DType::kU8};
  const HoleShape shape = hole_shape("score_seams", pictures, offsets, holes);
  std::vector<std::optional<Seam>> seams;
  for (int64_t n = 0; n < shape.pictures; ++n) {
    const HoleOffset at = hole_offset("score_seams", shape, offsets, n);
    const int64_t bottom = at.row + hole_size, right = at.column + hole_size;
    SeamSums sums(shape, pictures.as<uint8_t>() + n * shape.picture_values());
    for (int64_t i = 0; i < hole_size; ++i) {
      if (at.row > 0) sums.add(at.row, at.column + i, -1, 0);
      if (bottom < shape.rows) sums.add(bottom - 1, at.column + i, 1, 0);
      if (at.column > 0) sums.add(at.row + i, at.column, 0, -1);
      if (right < shape.columns) sums.add(at.row + i, right - 1, 0, 1);
    }
    seams.push_back(sums.seam());
  }
  return seams;
}

std::vector<PictureScore> score_pictures(Context& ctx, const Tensor& images, const Tensor& inpainted,
                                         const Tensor& hidden, const Tensor& fake, const Tensor& offsets) {
  const HoleShape shape = hole_shape("score_pictures", images, offsets, fake);
  const std::vector<RegionScore> holes = score_region(ctx, hidden, fake);
  const std::vector<RegionScore> whole = score_region(ctx, images, inpainted);
  const std::vector<std::optional<Seam>> seams = score_seams(inpainted, offsets, shape.hole);
  std::vector<PictureScore> scores;
  for (size_t n = 0; n < holes.size(); ++n) scores.push_back({holes[n], whole[n], seams[n]});
  return scores;
}

ScoreSummary summarize(std::span<const PictureScore> scores) {
  std::vector<std::optional<Seam>> seams;
  for (const PictureScore& score : scores) seams.push_back(score.seam);
  return {summarize_region(scores, &PictureScore::hole), summarize_region(scores, &PictureScore::image),
          summarize_seams(seams)};
}

Estimate summarize_seams(std::span<const std::optional<Seam>> seams) {
  std::vector<double> across, beside;
  for (const std::optional<Seam>& seam : seams) {
    if (!seam) continue;
    across.push_back(seam->across);
    beside.push_back(seam->beside);
  }
  return ratio_estimate(across, beside);
}

Estimate psnr_gain(std::span<const PictureScore> scores, std::span<const PictureScore> baseline) {
  INPAINT_CHECK(scores.size() == baseline.size(), "{} scores, {} of the baseline", scores.size(),
                baseline.size());
  std::vector<double> gains;
  for (size_t i = 0; i < scores.size(); ++i)
    if (scores[i].hole.psnr && baseline[i].hole.psnr)
      gains.push_back(*scores[i].hole.psnr - *baseline[i].hole.psnr);
  return mean_estimate(gains);
}

}  // namespace inpaint
