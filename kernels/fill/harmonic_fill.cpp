#include "kernels/fill/harmonic_fill.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(harmonic_fill_workspace_bytes)
INPAINT_DECLARE_DEVICES(harmonic_fill)

namespace {

void expect_pictures(const Shape& pictures, DType dtype) {
  if (pictures.rank() != 4 || (dtype != DType::kF32 && dtype != DType::kF64))
    throw ShapeError(fmt::format("harmonic_fill pictures: expected f32 or f64 [N, H, W, C], got {} {}",
                                 to_string(dtype), to_string(pictures)));
  constexpr int64_t kMost = int64_t{1} << 29;  // positions are 32 bits wide
  if (pictures[1] * pictures[2] > kMost)
    throw ShapeError(fmt::format("harmonic_fill pictures: {} has more than {} pixels a picture",
                                 to_string(pictures), kMost));
}

}  // namespace

int64_t harmonic_fill_workspace_bytes(const Context& ctx, const Shape& pictures, DType dtype) {
  expect_pictures(pictures, dtype);
  if (pictures.elements() == 0) return 0;
  return INPAINT_DISPATCH(ctx, harmonic_fill_workspace_bytes, pictures, dtype);
}

void harmonic_fill(const Context& ctx, const Tensor& mask, const Tensor& pictures) {
  expect_pictures(pictures.shape, pictures.dtype);
  expect_shape("harmonic_fill mask", mask, {pictures.shape[0], pictures.shape[1], pictures.shape[2]},
               DType::kU8);
  if (pictures.elements() == 0) return;
  INPAINT_DISPATCH(ctx, harmonic_fill, mask, pictures);
}

}  // namespace inpaint
