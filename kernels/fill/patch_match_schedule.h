// The order of patch_match's steps, which the CPU and CUDA share. For the files of this folder only.
#pragma once

#include <algorithm>
#include <utility>

#include "kernels/fill/patch_match_search.h"
#include "kernels/fill/patch_match_vote.h"

namespace inpaint {

// How far a match of the next coarser level is improved, in pixels. Sources farther away are rarely more
// alike, and cost most of the time in large parts: they lie outside of the caches.
inline constexpr int kFarthestRefinement = 128;

// Runner has
//   each(name, count, step)      runs step(i) for every i in [0, count), all of them before the next call
//   cost_scales(level, matches, inverse_scale, pictures)      writes 1 / q of each picture
template <Device kDevice, typename Runner>
class PatchMatchSchedule {
 public:
  PatchMatchSchedule(const Runner& runner, const PatchMatchOptions& options, const PatchPlan& plan)
      : runner_(runner), options_(options), plan_(plan) {}

  void run(const uint8_t* mask, float* pictures) {
    const PatchLevel& finest = plan_.levels[0];
    runner_.each("patch_match: load", pixels(whole_of(finest)),
                 LoadPart<kDevice>{finest, pictures, mask, plan_.channels, plan_.picture_height,
                                   plan_.picture_width, plan_.part_top, plan_.part_left});
    for (size_t k = 0; k < plan_.levels.size(); ++k) prepare(k);
    for (size_t k = plan_.levels.size(); k-- > 0;) fill(k);
    runner_.each("patch_match: store", pixels(finest.missing),
                 StoreMissing<kDevice>{finest, pictures, plan_.channels, plan_.picture_height,
                                       plan_.picture_width, plan_.part_top, plan_.part_left});
  }

 private:
  int64_t pixels(const PatchRectangle& r) const { return plan_.pictures * r.pixels(); }

  void prepare(size_t k) {
    const PatchLevel& level = plan_.levels[k];
    const int64_t all = pixels(whole_of(level));
    if (k > 0) runner_.each("patch_match: halve", all, Halve<kDevice>{plan_.levels[k - 1], level});
    runner_.each("patch_match: mean of rows", all,
                 MeanOfLine<kDevice>{level, level.colour, plan_.row_means, true});
    runner_.each("patch_match: mean of columns", all,
                 MeanOfLine<kDevice>{level, plan_.row_means, level.low, false});
    runner_.each("patch_match: count", all, CountKnown<kDevice>{level, plan_.patch});
  }

  int rounds(size_t k) const {
    return k + 1 == plan_.levels.size() ? options_.coarsest_rounds
           : k == 0                     ? options_.fine_rounds
                                        : options_.middle_rounds;
  }

  void fill(size_t k) {
    const PatchLevel& level = plan_.levels[k];
    const bool coarsest = k + 1 == plan_.levels.size();
    const PatchLevel coarser = coarsest ? PatchLevel{} : plan_.levels[k + 1];
    runner_.each("patch_match: first matches", pixels(level.targets),
                 FirstMatches<kDevice>{level, coarser, coarser.match[match_], level.match[0], plan_.patch,
                                       options_.seed, sweep_++});
    match_ = 0;
    if (!coarsest) vote(level, nullptr, 0);
    for (int left = rounds(k); left > 0; --left) {
      for (int s = 0; s < options_.sweeps; ++s) sweep(k, s == 0);
      runner_.cost_scales(level, level.match[match_], plan_.inverse_scale, plan_.pictures);
      vote(level, plan_.inverse_scale, left <= 2 ? options_.sharpness : 0);
    }
  }

  void sweep(size_t k, bool colours_changed) {
    const PatchLevel& level = plan_.levels[k];
    const bool coarsest = k + 1 == plan_.levels.size();
    const int part = std::max(level.height, level.width);
    const auto with = [&]<int kPatch>(std::integral_constant<int, kPatch>) {
      runner_.each("patch_match: sweep", pixels(level.targets),
                   Sweep<kDevice, kPatch>{
                       level, level.match[match_], level.match[1 - match_], colours_changed,
                       k == 0 ? options_.fine_guide_weight : options_.guide_weight,
                       coarsest ? part : std::min(part, kFarthestRefinement), options_.seed, sweep_++});
    };
    switch (plan_.patch) {
      case 3:
        with(std::integral_constant<int, 3>{});
        break;
      case 5:
        with(std::integral_constant<int, 5>{});
        break;
      case 7:
        with(std::integral_constant<int, 7>{});
        break;
      default:
        with(std::integral_constant<int, 9>{});
    }
    match_ = 1 - match_;
  }

  void vote(const PatchLevel& level, const float* inverse_scale, float sharpness) {
    runner_.each("patch_match: vote", pixels(level.missing),
                 Vote<kDevice>{level, level.match[match_], inverse_scale, plan_.patch, sharpness,
                               options_.guide_colour});
  }

  Runner runner_;
  const PatchMatchOptions& options_;
  const PatchPlan& plan_;
  int match_ = 0;       // where the present matches lie
  uint32_t sweep_ = 0;  // numbers the draws
};

}  // namespace inpaint
