// The ops that layers are made of as cases: products, norms, bias and activation, and the updates of
// parameters. Rows: [M, C].
#pragma once

#include "bench/op_case.h"
#include "kernels/activation.h"
#include "kernels/conv/conv2d.h"
#include "kernels/linear/linear.h"

namespace inpaint::bench {

OpCase conv2d_forward_case(Context& ctx, const Conv2dShape& s, DType dtype);
OpCase conv2d_backward_data_case(Context& ctx, const Conv2dShape& s, DType dtype);
OpCase conv2d_backward_weight_case(Context& ctx, const Conv2dShape& s, DType dtype);

OpCase linear_forward_case(Context& ctx, const LinearShape& s, DType dtype);
OpCase linear_backward_data_case(Context& ctx, const LinearShape& s, DType dtype);
OpCase linear_backward_weight_case(Context& ctx, const LinearShape& s, DType dtype);

OpCase adam_case(Context& ctx, int64_t parameters, int64_t decayed, DType dtype);
OpCase linear_adam_case(Context& ctx, const LinearShape& s, DType dtype);

OpCase batch_norm_statistics_case(Context& ctx, const Shape& rows, DType dtype);
OpCase batch_norm_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);
OpCase batch_norm_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);

// Pictures [N, H, W, C] in groups of 16 channels.
OpCase group_norm_forward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype);
OpCase group_norm_backward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype);
OpCase add_case(Context& ctx, const Shape& shape, DType dtype);

OpCase bias_activation_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);
OpCase bias_activation_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);

}  // namespace inpaint::bench
