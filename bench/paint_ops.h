// The small ops of a network that paints holes of any form, as cases. Pictures: [N, H, W, C].
#pragma once

#include "bench/op_case.h"

namespace inpaint::bench {

OpCase append_mask_case(Context& ctx, const Shape& picture, DType dtype);
OpCase compose_hole_case(Context& ctx, const Shape& picture, DType dtype);
OpCase compose_hole_backward_case(Context& ctx, const Shape& picture, DType dtype);
OpCase hole_patches_case(Context& ctx, const Shape& picture, DType dtype);
OpCase hole_loss_case(Context& ctx, const Shape& picture, DType dtype);
OpCase moving_average_case(Context& ctx, int64_t parameters, DType dtype);

}  // namespace inpaint::bench
