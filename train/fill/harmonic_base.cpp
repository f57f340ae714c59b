#include "train/fill/harmonic_base.h"

#include <algorithm>
#include <cmath>

#include "kernels/fill/harmonic_fill.h"
#include "train/fill/region.h"

namespace inpaint {
namespace {

// Fills the region's missing pixels.
void fill_region(Context& ctx, Region& region) {
  const Tensor pixels = region.pixels(), mask = region.mask();
  ctx.reserve_workspace(harmonic_fill_workspace_bytes(ctx, pixels.shape, pixels.dtype));
  harmonic_fill(ctx, mask, pixels);
}

// The part's pixels inside `box`, from a region that holds the box.
void take(const Region& region, const HolePart& part, const PixelBox& box, std::vector<float>& base) {
  const int channels = region.channels();
  for (const HoleRun& run : part.runs) {
    if (run.row < box.top || run.row >= box.bottom()) continue;
    const int64_t begin = std::max(run.begin, box.left), end = std::min(run.end, box.right());
    if (begin >= end) continue;
    std::copy_n(region.pixel(run.row - region.box().top, begin - region.box().left), (end - begin) * channels,
                base.data() + (run.first + begin - run.begin) * channels);
  }
}

void fill_in_pieces(Context& ctx, const Image& picture, const Image& mask, const HolePart& part,
                    int64_t width, int64_t largest_box, std::vector<float>& base) {
  const auto side = static_cast<int64_t>(std::sqrt(static_cast<double>(largest_box) / 2));
  const PixelBox& box = part.box;
  for (int64_t top = box.top; top < box.bottom(); top += side)
    for (int64_t left = box.left; left < box.right(); left += side) {
      const PixelBox piece{top, left, std::min(side, box.bottom() - top), std::min(side, box.right() - left)};
      const bool empty = std::ranges::none_of(part.runs, [&](const HoleRun& run) {
        return run.row >= piece.top && run.row < piece.bottom() && run.begin < piece.right() &&
               run.end > piece.left;
      });
      if (empty) continue;
      Region region(picture, mask, grown(piece, 4 * width, picture));
      fill_region(ctx, region);
      take(region, part, piece, base);
    }
}

void fill_smaller(Context& ctx, const Image& picture, const Image& mask, const HolePart& part,
                  int64_t largest_box, std::vector<float>& base) {
  const auto pixels = static_cast<double>(part.box.pixels());
  const auto times = static_cast<int64_t>(std::ceil(std::sqrt(pixels / static_cast<double>(largest_box))));
  const Region whole(picture, mask, grown(part.box, 2 * times, picture));
  Region small = whole.reduced((whole.height() + times - 1) / times, (whole.width() + times - 1) / times);
  fill_region(ctx, small);
  const int channels = whole.channels();
  float* to = base.data();
  for (const HoleRun& run : part.runs)
    for (int64_t column = run.begin; column < run.end; ++column, to += channels)
      small.sample(run.row, column, to);
}

}  // namespace

std::vector<float> harmonic_base(Context& ctx, const Image& picture, const Image& mask, const HolePart& part,
                                 int64_t largest_box) {
  std::vector<float> base(static_cast<size_t>(part.pixels * picture.channels));
  if (part.box.pixels() <= largest_box) {
    Region region(picture, mask, grown(part.box, 1, picture));
    fill_region(ctx, region);
    take(region, part, part.box, base);
    return base;
  }
  const int64_t width = part_width(part, picture.height, picture.width);
  if (width <= kNarrowPart)
    fill_in_pieces(ctx, picture, mask, part, width, largest_box, base);
  else
    fill_smaller(ctx, picture, mask, part, largest_box, base);
  return base;
}

}  // namespace inpaint
