// How the parts of a hole are cut into windows of the size that a model was trained on.
//
// A model has learnt holes of up to half its size S, with as much around them. So
//   - parts of at most S/2 pixels in both directions are painted as they are. Parts near each other share
//     one window.
//   - A larger part that is compact (its width is at least half its longer side, see part_width) is reduced
//     until its longer side is S/2, and painted in one window.
//   - Any other part is long and narrow. It is reduced only until its width is S/2, and painted in several
//     windows: its box is cut into equal zones of at most S/2, each in the middle of a window.
// What is painted in a reduced picture is enlarged.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "train/fill/hole_parts.h"

namespace inpaint {

// S x S pixels of a region. They may reach beyond it where the picture is smaller than a window.
struct FillWindow {
  int64_t top, left;
  PixelBox zone;  // what the window is to paint, in pixels of the region
};

struct FillJob {
  std::vector<size_t> parts;  // by number
  PixelBox box;               // that holds them
  PixelBox region;            // of the picture
  int64_t height, width;      // of the region in pixels, when it is reduced
  std::vector<FillWindow> windows;
};

// In the order of the parts' first pixels.
std::vector<FillJob> plan_fill(std::span<const HolePart> parts, const Image& picture, int64_t window);

// How much a window of S pixels has to say at a pixel of the region, along one direction: 1 in its zone
// [begin, end), from there falling to 0 over S/8 pixels as a raised cosine.
double window_weight(int64_t pixel, int64_t begin, int64_t end, int64_t window);

}  // namespace inpaint
