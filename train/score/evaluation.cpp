#include "train/score/evaluation.h"

#include <algorithm>
#include <iterator>
#include <numeric>

#include "kernels/fill/harmonic_fill.h"
#include "train/features/feature_distance.h"
#include "train/fill/baseline_fill.h"
#include "train/fill/known_pixels.h"

namespace inpaint {

namespace {

void add_pictures(const HoleBatch& batch, std::vector<EvaluatedPicture>& pictures) {
  const Holes holes = batch.batch().holes;
  const std::vector<int64_t> missing = missing_pixels(holes.mask);
  const auto pixels = static_cast<double>(holes.mask.shape[1] * holes.mask.shape[2]);
  for (size_t n = 0; n < missing.size(); ++n) {
    pictures.push_back({batch.numbers()[n], batch.name(static_cast<int64_t>(n)),
                        static_cast<double>(missing[n]) / pixels, std::nullopt});
    if (holes.offsets.data == nullptr) continue;
    const int32_t* at = holes.offsets.as<int32_t>() + 2 * n;
    pictures.back().corner = Corner{at[0], at[1]};
  }
}

void fill_harmonically(Context& ctx, const Batch& batch, const Tensor& inpainted) {
  show_known_pixels(ctx, batch, inpainted);
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, inpainted.shape, inpainted.dtype));
  harmonic_fill(ctx, batch.holes.mask, inpainted);
}

// Copies patches into the holes, picture by picture, so that nothing depends on the batch.
void copy_patches(Context& ctx, const Batch& batch, PatchMatchOptions options, const Tensor& inpainted) {
  const Shape &shape = inpainted.shape, one{1, shape[1], shape[2], shape[3]}, one_mask{1, shape[1], shape[2]};
  for (int64_t n = 0; n < shape[0]; ++n) {
    Tensor picture = inpainted, mask = batch.holes.mask;
    picture.shape = one;
    picture.data = picture.as<float>() + n * one.elements();
    mask.shape = one_mask;
    mask.data = mask.as<uint8_t>() + n * one_mask.elements();
    options.box = missing_box(mask);
    if (options.box.height == 0) continue;
    ctx.reserve_workspace(patch_match_workspace_bytes(ctx, options, one));
    patch_match(ctx, options, mask, picture);
  }
}

// Picture n of pictures u8 [N, S, S, C].
Tensor one_picture(const Tensor& pictures, int64_t n) {
  Tensor one = pictures;
  one.shape = {1, one.shape[1], one.shape[2], one.shape[3]};
  one.data = pictures.as<uint8_t>() + n * one.elements();
  return one;
}

// What a feature network says of every method's fills, batch by batch.
class FeatureJudge {
 public:
  FeatureJudge(const FeatureNetwork& network, size_t methods, int64_t channels)
      : network_(network), true_set_(network.dimension()), sets_(methods, FeatureSet(network.dimension())) {
    if (network.channels() == 1 && channels == 3)
      user_error("features: the network {} takes grey pictures, and these are RGB; give image_channel=1",
                 network.name());
  }

  void see_truth(const Tensor& pictures) {
    truth_.clear();
    for (int64_t n = 0; n < pictures.shape[0]; ++n) {
      truth_.push_back(network_.features(one_picture(pictures, n)));
      true_set_.add(truth_.back().pooled);
    }
  }

  // Scores of the batch whose true pictures were seen last.
  void judge(size_t method, const Tensor& inpainted, std::span<PictureScore> scores) {
    for (size_t n = 0; n < scores.size(); ++n) {
      const PictureFeatures found = network_.features(one_picture(inpainted, static_cast<int64_t>(n)));
      sets_[method].add(found.pooled);
      scores[n].perceptual_distance = perceptual_distance(truth_[n], found);
    }
  }

  std::optional<double> distance(size_t method) const { return frechet_distance(true_set_, sets_[method]); }

 private:
  const FeatureNetwork& network_;
  std::vector<PictureFeatures> truth_;
  FeatureSet true_set_;
  std::vector<FeatureSet> sets_;
};

}  // namespace

std::vector<Method> baseline_methods(Context& ctx) {
  const auto baseline = [&ctx](BaselineFill fill) {
    return [&ctx, fill](const Batch& batch, const Tensor& inpainted) {
      show_known_pixels(ctx, batch, inpainted);
      fill_baseline(ctx, fill, batch.holes.mask, inpainted);
    };
  };
  return {{"grey", baseline(BaselineFill::kGrey)},
          {"known_mean", baseline(BaselineFill::kKnownMean)},
          {"ring_mean", baseline(BaselineFill::kRingMean)},
          {kHarmonicName, [&ctx](const Batch& batch, const Tensor& inpainted) {
             fill_harmonically(ctx, batch, inpainted);
           }}};
}

Method patch_method(Context& ctx, const std::string& name, const Painter& guide,
                    const PatchMatchOptions& options) {
  return {name, [&ctx, guide, options](const Batch& batch, const Tensor& inpainted) {
            guide(batch, inpainted);
            copy_patches(ctx, batch, options, inpainted);
          }};
}

Evaluation evaluate(Context& ctx, const PictureSet& source, std::span<const Method> methods,
                    const EvaluationOptions& options,
                    const std::function<void(int64_t done, int64_t all)>& progress) {
  INPAINT_CHECK(options.batch_size >= 1 && options.limit >= 0, "batch_size {}, limit {}", options.batch_size,
                options.limit);
  const int64_t count = options.limit == 0 ? source.count() : std::min(source.count(), options.limit);
  HoleBatch batch(source, std::min(options.batch_size, count), options.holes);
  Evaluation evaluation;
  for (const Method& method : methods) evaluation.methods.push_back({method.name, {}});
  std::optional<FeatureJudge> judge;
  if (options.features != nullptr) judge.emplace(*options.features, methods.size(), source.image_channel());

  for (int64_t begin = 0; begin < count; begin += options.batch_size) {
    std::vector<int64_t> numbers(static_cast<size_t>(std::min(options.batch_size, count - begin)));
    std::iota(numbers.begin(), numbers.end(), begin);
    std::ranges::move(batch.load(ctx, numbers), std::back_inserter(evaluation.skipped));
    if (!batch.numbers().empty()) {
      add_pictures(batch, evaluation.pictures);
      if (options.watch.loaded) options.watch.loaded(batch);
      const Batch given = batch.batch();
      std::ranges::move(look_at_holes(ctx, given.pictures, given.holes.mask),
                        std::back_inserter(evaluation.truth));
      if (judge) judge->see_truth(given.pictures);
      for (size_t m = 0; m < methods.size(); ++m) {
        batch.paint(ctx, methods[m]);
        if (options.watch.painted) options.watch.painted(batch, methods[m]);
        std::vector<PictureScore> scores = score_pictures(ctx, given, batch.inpainted());
        if (judge) judge->judge(m, batch.inpainted(), scores);
        std::ranges::move(scores, std::back_inserter(evaluation.methods[m].pictures));
      }
    }
    if (progress) progress(begin + static_cast<int64_t>(numbers.size()), count);
  }
  if (evaluation.pictures.empty())
    user_error("none of {} files is a picture that can be read; the first: {}", count,
               evaluation.skipped.front().reason);
  if (judge)
    for (size_t m = 0; m < methods.size(); ++m) evaluation.methods[m].frechet_distance = judge->distance(m);
  return evaluation;
}

std::vector<size_t> rank_pictures(const MethodScores& scores) {
  std::vector<size_t> order(scores.pictures.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return scores.pictures[i].hole.l2_percent; });
  return order;
}

}  // namespace inpaint
