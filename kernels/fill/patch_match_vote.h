// The vote of patch_match: how sources become colours. The rules of the steps stand in
// patch_match_pyramid.h. For the files of this folder only.
#pragma once

#include <bit>

#include "kernels/fill/patch_match_pyramid.h"

namespace inpaint {

// Costs are counted in bins of an eighth of an octave: the bits above a float's 20 lowest.
inline constexpr int kCostBins = 1 << 11, kCostShift = 20;

constexpr int cost_bin(float cost) { return static_cast<int>(std::bit_cast<uint32_t>(cost) >> kCostShift); }

// 1 / q for the middle of a bin; no smaller q than that of differences far below a byte.
constexpr float inverse_scale_of(int bin) {
  constexpr float kLeast = 1e-6f;
  const float middle =
      std::bit_cast<float>(static_cast<uint32_t>(bin) << kCostShift | 1u << (kCostShift - 1));
  return 1 / (2 * (middle > kLeast ? middle : kLeast));
}

// 2^x for x in [-120, 120], to 6 digits.
constexpr float power_of_two(float x) {
  const int whole = static_cast<int>(x + 127.0f) - 127;           // rounded down
  const float f = (x - static_cast<float>(whole)) * 0.69314718f;  // in [0, ln 2]
  const float series =
      1 +
      f * (1 + f * (0.5f + f * (0.16666667f + f * (0.041666667f + f * (0.0083333333f + f * 0.0013888889f)))));
  return series * std::bit_cast<float>(static_cast<uint32_t>(whole + 127) << 23);
}

// Over the pixels of a level's box: a missing one becomes what the patches over it say.
template <Device kDevice>
struct Vote {
  PatchLevel level;
  const uint32_t* matches;
  const float* inverse_scale;  // of each picture; nullptr: all costs count as 0
  int patch;
  float sharpness, guide_colour;

  constexpr void operator()(int64_t i) const {
    constexpr float kOctavesOfE = 1.44269504f, kLeastExponent = -100;
    constexpr float kKnownOctaves = 3.7851162f;  // 10 log2(1.3)
    const PatchPlace p(i, level.missing);
    const PatchView<kDevice> view(level, p.picture);
    const int row = level.missing.top + p.row, column = level.missing.left + p.column;
    const int pixel = view.at(row, column), radius = patch / 2;
    if (view.is_missing[pixel] == 0) return;
    const float by_cost = inverse_scale == nullptr ? 0 : inverse_scale[p.picture] * kOctavesOfE;
    const float by_known = kKnownOctaves / static_cast<float>(patch * patch);
    const float by_radius = sharpness * kOctavesOfE;
    const int64_t first = p.picture * level.targets.pixels();
    PatchPixel sum{};
    float weights = 0;
    for (int down = -radius; down <= radius; ++down)
      for (int right = -radius; right <= radius; ++right) {
        const int target = view.target(row + down, column + right);
        if (target < 0 || matches[first + target] == kNoMatch) continue;
        const uint32_t source = matches[first + target];
        const float exponent =
            by_known * static_cast<float>(view.known[view.at(row + down, column + right)]) -
            by_radius * static_cast<float>(down * down + right * right) -
            by_cost * level.cost[first + target];
        const float weight = power_of_two(exponent > kLeastExponent ? exponent : kLeastExponent);
        const PatchPixel colour = view.colour[view.at(row_of(source) - down, column_of(source) - right)];
        const PatchPixel wanted = view.low[view.at(row + down, column + right)],
                         there = view.low[view.at(row_of(source), column_of(source))];
        for (int c = 0; c < 4; ++c)
          sum.v[c] += weight * (colour.v[c] + guide_colour * (wanted.v[c] - there.v[c]));
        weights += weight;
      }
    if (weights == 0) return;
    const float scale = 1 / weights;
    for (float& v : sum.v) v *= scale;
    view.colour[pixel] = sum;
  }
};

}  // namespace inpaint
