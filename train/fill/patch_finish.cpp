#include "train/fill/patch_finish.h"

#include <algorithm>
#include <cmath>

#include "kernels/picture/to_bytes.h"
#include "train/fill/region.h"

namespace inpaint {
namespace {

constexpr int64_t kSmallestLook = 64;  // patch_match looks at least so far around its box

void copy_into_box(Context& ctx, Image& picture, const Image& mask, PatchMatchOptions options) {
  const PixelBox piece = options.box;
  const int64_t look = std::max({piece.height, piece.width, kSmallestLook});
  Region region(picture, mask, grown(piece, look, picture));
  options.box = {piece.top - region.box().top, piece.left - region.box().left, piece.height, piece.width};
  const Tensor pixels = region.pixels();
  ctx.reserve_workspace(patch_match_workspace_bytes(ctx, options, pixels.shape));
  patch_match(ctx, options, region.mask(), pixels);
  Image bytes(region.height(), region.width(), picture.channels);
  to_bytes(ctx, pixels, {pixels.shape, DType::kU8, Device::kCpu, bytes.bytes.data()});
  for (int64_t row = piece.top; row < piece.bottom(); ++row)
    for (int64_t column = piece.left; column < piece.right(); ++column)
      if (*mask.pixel(row, column) != 0)
        std::copy_n(bytes.pixel(row - region.box().top, column - region.box().left), picture.channels,
                    picture.pixel(row, column));
}

}  // namespace

void copy_texture(Context& ctx, Image& picture, const Image& mask, PatchMatchOptions options) {
  const PixelBox box = options.box;
  for (int64_t top = box.top; top < box.bottom(); top += kLargestPatchBox)
    for (int64_t left = box.left; left < box.right(); left += kLargestPatchBox) {
      options.box = {top, left, std::min(kLargestPatchBox, box.bottom() - top),
                     std::min(kLargestPatchBox, box.right() - left)};
      copy_into_box(ctx, picture, mask, options);
      ++options.seed;
    }
}

}  // namespace inpaint
