#include "kernels/picture/hole.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(cut_hole)
INPAINT_DECLARE_DEVICES(paste_hole)

namespace {

// The names of an op's pictures, for messages; no formatting before something is wrong.
struct Names {
  const char *picture, *block, *offsets;
};

void expect_shapes(const Names& names, const Tensor& picture, const Tensor& block, const Tensor& offsets) {
  if (picture.shape.rank() != 4 || block.shape.rank() != 4)
    throw ShapeError(fmt::format("{} {} and {} {} must have rank 4", names.picture, to_string(picture.shape),
                                 names.block, to_string(block.shape)));
  const int64_t n = picture.shape[0], size = picture.shape[1], hole = block.shape[1], c = picture.shape[3];
  expect_shape(names.picture, picture, {n, size, size, c});
  expect_shape(names.block, block, {n, hole, hole, c});
  expect_shape(names.offsets, offsets, {n, 2}, DType::kI32);
  if (hole > size)
    throw ShapeError(fmt::format("{} {} is larger than {} {}", names.block, to_string(block.shape),
                                 names.picture, to_string(picture.shape)));
}

}  // namespace

void cut_hole(const Context& ctx, const Tensor& images, const Tensor& offsets, const Tensor& masked,
              const Tensor& hidden) {
  expect_shapes({"cut_hole images", "cut_hole hidden", "cut_hole offsets"}, images, hidden, offsets);
  expect_shape("cut_hole images", images, images.shape, DType::kU8);
  expect_shape("cut_hole masked", masked, images.shape, hidden.dtype);
  INPAINT_DISPATCH(ctx, cut_hole, images, offsets, masked, hidden);
}

void paste_hole(const Context& ctx, const Tensor& masked, const Tensor& fake, const Tensor& offsets,
                const Tensor& inpainted) {
  expect_shapes({"paste_hole masked", "paste_hole fake", "paste_hole offsets"}, masked, fake, offsets);
  expect_shape("paste_hole masked", masked, masked.shape, fake.dtype);
  expect_shape("paste_hole inpainted", inpainted, masked.shape, fake.dtype);
  INPAINT_DISPATCH(ctx, paste_hole, masked, fake, offsets, inpainted);
}

}  // namespace inpaint
