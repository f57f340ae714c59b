// The search of patch_match: how targets come to their sources. The rules of the steps stand in
// patch_match_pyramid.h. For the files of this folder only.
#pragma once

#include <array>
#include <cstring>

#include "core/base/philox.h"
#include "kernels/fill/patch_match_pyramid.h"

namespace inpaint {

// A colour to compute with: all channels at once on the CPU.
template <Device kDevice>
struct PatchColour {
  float v[4];
  constexpr explicit PatchColour(const PatchPixel& pixel)
      : v{pixel.v[0], pixel.v[1], pixel.v[2], pixel.v[3]} {}
  constexpr PatchColour(float a, float b, float c, float d) : v{a, b, c, d} {}
  friend constexpr PatchColour operator+(const PatchColour& a, const PatchColour& b) {
    return {a.v[0] + b.v[0], a.v[1] + b.v[1], a.v[2] + b.v[2], a.v[3] + b.v[3]};
  }
  friend constexpr PatchColour operator-(const PatchColour& a, const PatchColour& b) {
    return {a.v[0] - b.v[0], a.v[1] - b.v[1], a.v[2] - b.v[2], a.v[3] - b.v[3]};
  }
  friend constexpr PatchColour operator*(const PatchColour& a, const PatchColour& b) {
    return {a.v[0] * b.v[0], a.v[1] * b.v[1], a.v[2] * b.v[2], a.v[3] * b.v[3]};
  }
  friend constexpr PatchColour operator*(const PatchColour& a, float b) {
    return {a.v[0] * b, a.v[1] * b, a.v[2] * b, a.v[3] * b};
  }
  constexpr float total() const { return (v[0] + v[1]) + (v[2] + v[3]); }
};

template <>
struct PatchColour<Device::kCpu> {
  using Lanes = float __attribute__((vector_size(16)));
  Lanes v;
  explicit PatchColour(const PatchPixel& pixel) { std::memcpy(&v, pixel.v, sizeof v); }
  explicit PatchColour(const Lanes& lanes) : v(lanes) {}
  friend PatchColour operator+(PatchColour a, PatchColour b) { return PatchColour(a.v + b.v); }
  friend PatchColour operator-(PatchColour a, PatchColour b) { return PatchColour(a.v - b.v); }
  friend PatchColour operator*(PatchColour a, PatchColour b) { return PatchColour(a.v * b.v); }
  friend PatchColour operator*(PatchColour a, float b) { return PatchColour(a.v * b); }
  float total() const { return (v[0] + v[1]) + (v[2] + v[3]); }
};

// The random numbers of one target in one sweep.
struct PatchDraws {
  uint64_t seed;
  uint32_t target, sweep;

  constexpr std::array<uint32_t, 4> operator()(uint32_t draw) const {
    return philox4x32({target, sweep, draw, static_cast<uint32_t>(RandomStream::kPatchMatch) << 24},
                      {static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)});
  }
};

// A random centre in the square of this radius around a centre, where its patch lies inside the part.
template <Device kDevice>
constexpr uint32_t random_centre(const PatchView<kDevice>& view, int patch, uint32_t around, int radius,
                                 uint32_t bits) {
  const auto within = [patch, radius](int middle, int size, uint32_t bits16) {
    const int first = middle - radius > patch / 2 ? middle - radius : patch / 2;
    const int end = middle + radius < size - 1 - patch / 2 ? middle + radius : size - 1 - patch / 2;
    return first + static_cast<int>((bits16 * static_cast<uint32_t>(end - first + 1)) >> 16);
  };
  return packed_centre(within(row_of(around), view.height, bits >> 16),
                       within(column_of(around), view.width, bits & 0xFFFF));
}

// Some source, or kNoMatch when none was met.
template <Device kDevice>
constexpr uint32_t random_source(const PatchView<kDevice>& view, int patch, const PatchDraws& draws) {
  constexpr uint32_t kTries = 8;
  const int everywhere = view.height > view.width ? view.height : view.width;
  for (uint32_t k = 0; k < kTries; ++k)
    for (const uint32_t bits : draws(k)) {
      const uint32_t drawn =
          random_centre(view, patch, packed_centre(patch / 2, patch / 2), everywhere, bits);
      if (view.is_source(row_of(drawn), column_of(drawn), patch)) return drawn;
    }
  return kNoMatch;
}

// Over a level's targets: the coarser level's matches, doubled. Without one (coarser.height 0: this level is
// the coarsest) a random source.
template <Device kDevice>
struct FirstMatches {
  PatchLevel level, coarser;
  const uint32_t* coarser_matches;
  uint32_t* matches;
  int patch;
  uint64_t seed;
  uint32_t sweep;

  constexpr uint32_t doubled(const PatchPlace& p, int row, int column) const {
    const PatchView<kDevice> above(coarser, p.picture);
    const PatchRectangle& t = coarser.targets;
    const auto nearest = [](int value, int first, int count) {
      return value < first ? first : value > first + count - 1 ? first + count - 1 : value;
    };
    const int parent_row = nearest(row / 2, t.top, t.rows),
              parent_column = nearest(column / 2, t.left, t.columns);
    const uint32_t match = coarser_matches[p.picture * t.pixels() + above.target(parent_row, parent_column)];
    if (match == kNoMatch) return kNoMatch;
    const int source_row = 2 * row_of(match) + row - 2 * parent_row,
              source_column = 2 * column_of(match) + column - 2 * parent_column;
    const PatchView<kDevice> view(level, p.picture);
    return view.is_source(source_row, source_column, patch) ? packed_centre(source_row, source_column)
                                                            : kNoMatch;
  }

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, level.targets);
    const PatchView<kDevice> view(level, p.picture);
    const int row = level.targets.top + p.row, column = level.targets.left + p.column;
    uint32_t match = kNoMatch;
    if (!view.is_source(row, column, patch)) {
      if (coarser.height > 0) match = doubled(p, row, column);
      if (match == kNoMatch)
        match = random_source(view, patch,
                              {seed + static_cast<uint64_t>(p.picture),
                               static_cast<uint32_t>(i - p.picture * level.targets.pixels()), sweep});
    }
    matches[i] = match;
    level.cost[i] = 0;
  }
};

// Over a level's targets: each looks for a nearer source.
template <Device kDevice, int kPatch>
struct Sweep {
  PatchLevel level;
  const uint32_t* before;  // the matches before the sweep
  uint32_t* after;
  bool colours_changed;  // since the costs were computed
  float guide_weight;
  int reach;  // radius of the largest window of random sources
  uint64_t seed;
  uint32_t sweep;

  // The distance, or some value of at least `limit` where it is not below.
  static constexpr float distance(const PatchView<kDevice>& view, int target, int source, float guide,
                                  float limit) {
    using Colour = PatchColour<kDevice>;
    const Colour apart = Colour(view.low[target]) - Colour(view.low[source]);
    Colour sum = apart * apart * guide;
    float total = 0;
    for (int row = -(kPatch / 2); row <= kPatch / 2; ++row) {
      const PatchPixel* const a = view.colour + target + row * view.width - kPatch / 2;
      const PatchPixel* const b = view.colour + source + row * view.width - kPatch / 2;
      for (int k = 0; k < kPatch; ++k) {
        const Colour difference = Colour(a[k]) - Colour(b[k]);
        sum = sum + difference * difference;
      }
      total = sum.total();
      if (total >= limit) break;
    }
    return total;
  }

  struct Nearest {
    uint32_t match;
    float cost;
  };

  constexpr void compare(const PatchView<kDevice>& view, int target, uint32_t match, Nearest& best) const {
    const float guide = guide_weight * (kPatch * kPatch);
    const float found = distance(view, target, view.at(row_of(match), column_of(match)), guide, best.cost);
    if (found < best.cost) best = {match, found};
  }

  // The sources beside those of the neighbours.
  constexpr void propagate(const PatchView<kDevice>& view, int row, int column, const uint32_t* matches,
                           Nearest& best) const {
    for (int step = 1; step <= 4; step *= 2)
      for (int direction = 0; direction < 4; ++direction) {
        const int down = direction == 0   ? -step
                         : direction == 1 ? step
                                          : 0,
                  right = direction == 2   ? -step
                          : direction == 3 ? step
                                           : 0;
        const int neighbour = view.target(row + down, column + right);
        if (neighbour < 0 || matches[neighbour] == kNoMatch) continue;
        const int source_row = row_of(matches[neighbour]) - down,
                  source_column = column_of(matches[neighbour]) - right;
        if (!view.is_source(source_row, source_column, kPatch)) continue;
        const uint32_t match = packed_centre(source_row, source_column);
        if (match != best.match) compare(view, view.at(row, column), match, best);
      }
  }

  // Random sources around the best one, in windows that halve.
  constexpr void look_around(const PatchView<kDevice>& view, int target, const PatchDraws& draws,
                             Nearest& best) const {
    uint32_t draw = 1 << 16;  // beyond those of random_source
    int radius = reach;
    while (best.match != kNoMatch && radius >= 2) {
      const std::array<uint32_t, 4> bits = draws(draw++);
      for (int k = 0; k < 4 && radius >= 2; ++k, radius /= 2) {
        const uint32_t drawn = k == 0 ? bits[0] : k == 1 ? bits[1] : k == 2 ? bits[2] : bits[3];
        const uint32_t match = random_centre(view, kPatch, best.match, radius, drawn);
        if (view.is_source(row_of(match), column_of(match), kPatch) && match != best.match)
          compare(view, target, match, best);
      }
    }
  }

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, level.targets);
    const PatchView<kDevice> view(level, p.picture);
    const int row = level.targets.top + p.row, column = level.targets.left + p.column;
    const int64_t first = p.picture * level.targets.pixels();
    after[i] = kNoMatch;
    if (view.is_source(row, column, kPatch)) return;

    constexpr float kFar = 1e30f;
    const PatchDraws draws{seed + static_cast<uint64_t>(p.picture), static_cast<uint32_t>(i - first), sweep};
    Nearest best{kNoMatch, kFar};
    uint32_t start = before[i];
    if (start != kNoMatch && !colours_changed)
      best = {start, level.cost[i]};
    else if (start != kNoMatch || (start = random_source(view, kPatch, draws)) != kNoMatch)
      compare(view, view.at(row, column), start, best);
    propagate(view, row, column, before + first, best);
    look_around(view, view.at(row, column), draws, best);
    after[i] = best.match;
    level.cost[i] = best.cost;
  }
};

}  // namespace inpaint
