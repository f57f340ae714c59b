// What patch_match works on, on every device: the part of the pictures that is looked at, its pyramid, and
// where each level's arrays lie in the workspace. For the files of this folder only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "kernels/fill/patch_match.h"

namespace inpaint {

// A pixel of up to four channels; channels that a picture has not are 0. 16 bytes, read at once.
struct alignas(16) PatchPixel {
  float v[4];
};

// A rectangle of pixels of a level.
struct PatchRectangle {
  int top, left, rows, columns;
  constexpr int64_t pixels() const { return int64_t{rows} * columns; }
};

// One level of the pyramids of all pictures. Arrays begin with picture 0; a picture's values are contiguous.
struct PatchLevel {
  int height, width;       // of the part
  PatchRectangle missing;  // holds every missing pixel
  PatchRectangle targets;  // centres of patches that can hold one of these
  PatchPixel* colour;      // [N, height, width] the present picture
  PatchPixel* low;         // [N, height, width] the given one's mean of 7 x 7 pixels
  uint8_t* is_missing;     // [N, height, width]
  uint8_t* known;  // [N, height, width] known pixels of the patch around a pixel; 0 where it leaves the part
  uint32_t* match[2];  // [N, targets] centre of the source: row << 16 | column; before and after a sweep
  float* cost;         // [N, targets] distance to it
};

inline constexpr uint32_t kNoMatch = 0xFFFFFFFF;

struct PatchPlan {
  int pictures = 0, channels = 0, picture_height = 0, picture_width = 0;
  int part_top = 0, part_left = 0;
  int patch = 0;
  std::vector<PatchLevel> levels;   // none: there is nothing to do
  PatchPixel* row_means = nullptr;  // [N, height, width] of level 0; scratch of every level
  float* inverse_scale = nullptr;   // [N] 1 / q
  int64_t bytes = 0;
};

// The plan for a workspace that begins at `workspace`, 64-byte aligned; nullptr to learn its bytes.
PatchPlan plan_patch_match(const PatchMatchOptions& options, const Shape& pictures, std::byte* workspace);

}  // namespace inpaint
