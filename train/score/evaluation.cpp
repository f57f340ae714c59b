#include "train/score/evaluation.h"

#include <algorithm>
#include <iterator>
#include <memory>
#include <numeric>

#include "train/fill/baseline_fill.h"
#include "train/fill/harmonic_fill.h"

namespace inpaint {

std::vector<Method> baseline_methods(const Context& ctx, int64_t hole_size) {
  const auto baseline = [&ctx](BaselineFill fill) {
    return [&ctx, fill](const Tensor& masked, const Tensor& offsets, const Tensor& fake) {
      fill_baseline(ctx, fill, masked, offsets, fake);
    };
  };
  const auto harmonic = std::make_shared<const HarmonicFill>(hole_size);
  return {{"grey", baseline(BaselineFill::kGrey)},
          {"known_mean", baseline(BaselineFill::kKnownMean)},
          {"ring_mean", baseline(BaselineFill::kRingMean)},
          {kHarmonicName, [&ctx, harmonic](const Tensor& masked, const Tensor& offsets, const Tensor& fake) {
             harmonic->fill(ctx, masked, offsets, fake);
           }}};
}

Evaluation evaluate(Context& ctx, const PictureSet& source, std::span<const Method> methods,
                    const EvaluationOptions& options,
                    const std::function<void(int64_t done, int64_t all)>& progress) {
  INPAINT_CHECK(options.batch_size >= 1 && options.limit >= 0, "batch_size {}, limit {}", options.batch_size,
                options.limit);
  const int64_t count = options.limit == 0 ? source.count() : std::min(source.count(), options.limit);
  HoleBatch batch(source, std::min(options.batch_size, count), options.block, options.seed);
  Evaluation evaluation;
  for (const Method& method : methods) evaluation.methods.push_back({method.name, {}});

  for (int64_t begin = 0; begin < count; begin += options.batch_size) {
    std::vector<int64_t> numbers(static_cast<size_t>(std::min(options.batch_size, count - begin)));
    std::iota(numbers.begin(), numbers.end(), begin);
    std::ranges::move(batch.load(ctx, numbers), std::back_inserter(evaluation.skipped));
    if (!batch.numbers().empty()) {
      const int32_t* at = batch.offsets().as<int32_t>();
      for (size_t n = 0; n < batch.numbers().size(); ++n)
        evaluation.pictures.push_back(
            {batch.numbers()[n], batch.name(static_cast<int64_t>(n)), at[2 * n], at[2 * n + 1]});
      std::ranges::move(score_seams(batch.images(), batch.offsets(), batch.hole_size()),
                        std::back_inserter(evaluation.true_seams));
      for (size_t m = 0; m < methods.size(); ++m) {
        batch.paint(ctx, methods[m]);
        std::ranges::move(score_pictures(ctx, batch.images(), batch.inpainted(), batch.hidden(), batch.fake(),
                                         batch.offsets()),
                          std::back_inserter(evaluation.methods[m].pictures));
      }
    }
    if (progress) progress(begin + static_cast<int64_t>(numbers.size()), count);
  }
  if (evaluation.pictures.empty())
    user_error("none of {} files is a picture that can be read; the first: {}", count,
               evaluation.skipped.front().reason);
  return evaluation;
}

std::vector<size_t> rank_pictures(const MethodScores& scores) {
  std::vector<size_t> order(scores.pictures.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, {}, [&](size_t i) { return scores.pictures[i].hole.l2_percent; });
  return order;
}

}  // namespace inpaint
