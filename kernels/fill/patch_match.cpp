#include "kernels/fill/patch_match.h"

#include <algorithm>

#include "kernels/dispatch.h"
#include "kernels/fill/patch_match_plan.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(patch_match)

int64_t patch_match_workspace_bytes(const Context&, const PatchMatchOptions& options, const Shape& pictures) {
  return plan_patch_match(options, pictures, nullptr).bytes;
}

void patch_match(const Context& ctx, const PatchMatchOptions& options, const Tensor& mask,
                 const Tensor& pictures) {
  expect_shape("patch_match pictures", pictures, pictures.shape, DType::kF32);
  if (plan_patch_match(options, pictures.shape, nullptr).levels.empty()) return;
  expect_shape("patch_match mask", mask, {pictures.shape[0], pictures.shape[1], pictures.shape[2]},
               DType::kU8);
  INPAINT_DISPATCH(ctx, patch_match, options, mask, pictures);
}

PixelBox missing_box(const Tensor& mask) {
  const int64_t rows = mask.shape[0] * mask.shape[1], width = mask.shape[2];
  const auto* const missing = mask.as<uint8_t>();
  int64_t top = mask.shape[1], bottom = 0, left = width, right = 0;
  for (int64_t k = 0; k < rows; ++k)
    for (int64_t j = 0; j < width; ++j) {
      if (missing[k * width + j] == 0) continue;
      const int64_t i = k % mask.shape[1];
      top = std::min(top, i);
      bottom = std::max(bottom, i + 1);
      left = std::min(left, j);
      right = std::max(right, j + 1);
    }
  if (bottom == 0) return {};
  return {top, left, bottom - top, right - left};
}

}  // namespace inpaint
