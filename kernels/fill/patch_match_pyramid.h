// The pyramid of patch_match: the steps that make it and bring the filled pixels back. The CPU and CUDA share
// them, as they share those of the search and of the vote. A step is called with every number from 0 to its
// count, in any order: it reads nothing that another call of its launch writes.
//
// The functions are constexpr, so that nvcc compiles them for the GPU too. They carry the device in their
// names, because the executor instruments those of CUDA. Each product and each sum is rounded (no fused
// multiply-add): the bits are the same on every device. For the files of this folder only.
#pragma once

#include "kernels/fill/patch_match_plan.h"

namespace inpaint {

// Number i of [pictures, rows, columns].
struct PatchPlace {
  int64_t picture;
  int row, column;
  constexpr PatchPlace(int64_t i, const PatchRectangle& r)
      : picture(i / r.pixels()),
        row(static_cast<int>(i % r.pixels()) / r.columns),
        column(static_cast<int>(i % r.pixels()) % r.columns) {}
};

constexpr PatchRectangle whole_of(const PatchLevel& level) { return {0, 0, level.height, level.width}; }

// One picture's arrays of a level.
template <Device kDevice>
struct PatchView {
  int height, width;
  PatchRectangle targets;
  PatchPixel *colour, *low;
  uint8_t *is_missing, *known;

  constexpr PatchView(const PatchLevel& l, int64_t picture)
      : height(l.height),
        width(l.width),
        targets(l.targets),
        colour(l.colour + picture * l.height * l.width),
        low(l.low + picture * l.height * l.width),
        is_missing(l.is_missing + picture * l.height * l.width),
        known(l.known + picture * l.height * l.width) {}

  constexpr int at(int row, int column) const { return row * width + column; }
  // Number of the target whose centre is this pixel; -1 outside the targets.
  constexpr int target(int row, int column) const {
    const int i = row - targets.top, j = column - targets.left;
    if (i < 0 || j < 0 || i >= targets.rows || j >= targets.columns) return -1;
    return i * targets.columns + j;
  }
  constexpr bool is_source(int row, int column, int patch) const {
    return row >= 0 && column >= 0 && row < height && column < width &&
           known[at(row, column)] == patch * patch;
  }
};

constexpr uint32_t packed_centre(int row, int column) {
  return static_cast<uint32_t>(row) << 16 | static_cast<uint32_t>(column);
}
constexpr int row_of(uint32_t match) { return static_cast<int>(match >> 16); }
constexpr int column_of(uint32_t match) { return static_cast<int>(match & 0xFFFF); }

// Over the part's pixels: level 0 from the pictures.
template <Device kDevice>
struct LoadPart {
  PatchLevel level;
  const float* pictures;
  const uint8_t* mask;
  int channels, picture_height, picture_width, part_top, part_left;

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, whole_of(level));
    const int64_t from =
        (p.picture * picture_height + part_top + p.row) * picture_width + part_left + p.column;
    PatchPixel colour{};
    for (int c = 0; c < channels; ++c) colour.v[c] = pictures[from * channels + c];
    level.colour[i] = colour;
    level.is_missing[i] = mask[from] != 0;
  }
};

// Over a coarse level's pixels: the mean of the (up to) 2 x 2 pixels below.
template <Device kDevice>
struct Halve {
  PatchLevel fine, coarse;

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, whole_of(coarse));
    const PatchView<kDevice> from(fine, p.picture);
    PatchPixel sum{};
    float count = 0;
    bool missing = false;
    for (int row = 2 * p.row; row < 2 * p.row + 2 && row < fine.height; ++row)
      for (int column = 2 * p.column; column < 2 * p.column + 2 && column < fine.width; ++column) {
        const int at = from.at(row, column);
        const PatchPixel colour = from.colour[at];
        for (int c = 0; c < 4; ++c) sum.v[c] += colour.v[c];
        missing |= from.is_missing[at] != 0;
        count += 1;
      }
    for (float& v : sum.v) v /= count;
    coarse.colour[i] = sum;
    coarse.is_missing[i] = missing;
  }
};

// Over a level's pixels: the mean of up to 7 pixels of a row (of `from`) or of a column.
template <Device kDevice>
struct MeanOfLine {
  PatchLevel level;
  const PatchPixel* from;
  PatchPixel* to;
  bool along_row;

  constexpr void operator()(int64_t i) const {
    constexpr int kReach = 3;
    const PatchPlace p(i, whole_of(level));
    const int size = along_row ? level.width : level.height, at = along_row ? p.column : p.row;
    const int step = along_row ? 1 : level.width;
    const int first = at < kReach ? -at : -kReach, last = size - 1 - at < kReach ? size - 1 - at : kReach;
    PatchPixel sum{};
    for (int k = first; k <= last; ++k) {
      const PatchPixel colour = from[i + int64_t{k} * step];
      for (int c = 0; c < 4; ++c) sum.v[c] += colour.v[c];
    }
    for (float& v : sum.v) v /= static_cast<float>(last - first + 1);
    to[i] = sum;
  }
};

// Over a level's pixels: counts the known pixels of the patch around each.
template <Device kDevice>
struct CountKnown {
  PatchLevel level;
  int patch;

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, whole_of(level));
    const PatchView<kDevice> view(level, p.picture);
    const int radius = patch / 2;
    int known = 0;
    if (p.row >= radius && p.column >= radius && p.row + radius < level.height &&
        p.column + radius < level.width)
      for (int row = p.row - radius; row <= p.row + radius; ++row)
        for (int column = p.column - radius; column <= p.column + radius; ++column)
          known += view.is_missing[view.at(row, column)] == 0;
    level.known[i] = static_cast<uint8_t>(known);
  }
};

// Over the pixels of level 0's box: back into the pictures.
template <Device kDevice>
struct StoreMissing {
  PatchLevel level;
  float* pictures;
  int channels, picture_height, picture_width, part_top, part_left;

  constexpr void operator()(int64_t i) const {
    const PatchPlace p(i, level.missing);
    const PatchView<kDevice> view(level, p.picture);
    const int row = level.missing.top + p.row, column = level.missing.left + p.column;
    if (view.is_missing[view.at(row, column)] == 0) return;
    const PatchPixel colour = view.colour[view.at(row, column)];
    float* const to =
        pictures +
        ((p.picture * picture_height + part_top + row) * picture_width + part_left + column) * channels;
    for (int c = 0; c < channels; ++c) to[c] = colour.v[c];
  }
};

}  // namespace inpaint
