// The ops that layers are made of as cases: products, norms, bias and activation, and the updates of
// parameters. Rows: [M, C].
//
// Some cases also take the functions that make the op: others than the trainer's are compared and timed with
// the same tensors (naive/naive_cases.h).
#pragma once

#include "bench/op_case.h"
#include "kernels/activation.h"
#include "kernels/channel/batch_norm.h"
#include "kernels/conv/conv2d.h"
#include "kernels/linear/linear.h"
#include "kernels/parameter/adam.h"

namespace inpaint::bench {

struct Conv2dOps {
  decltype(&conv2d_workspace_bytes) workspace_bytes = conv2d_workspace_bytes;
  decltype(&conv2d_forward) forward = conv2d_forward;
  decltype(&conv2d_backward_data) backward_data = conv2d_backward_data;
  decltype(&conv2d_backward_weight) backward_weight = conv2d_backward_weight;
};
OpCase conv2d_forward_case(Context& ctx, const Conv2dShape& s, DType dtype, const Conv2dOps& ops = {});
OpCase conv2d_backward_data_case(Context& ctx, const Conv2dShape& s, DType dtype, const Conv2dOps& ops = {});
OpCase conv2d_backward_weight_case(Context& ctx, const Conv2dShape& s, DType dtype,
                                   const Conv2dOps& ops = {});

OpCase linear_forward_case(Context& ctx, const LinearShape& s, DType dtype);
OpCase linear_backward_data_case(Context& ctx, const LinearShape& s, DType dtype);
OpCase linear_backward_weight_case(Context& ctx, const LinearShape& s, DType dtype);
OpCase linear_gradient_squares_case(Context& ctx, const LinearShape& s, DType dtype);

// The weight of a layer, divided by its spectral norm.
OpCase spectral_norm_case(Context& ctx, const Shape& weight, DType dtype);
OpCase spectral_norm_backward_case(Context& ctx, const Shape& weight, DType dtype);

struct AdamOps {
  decltype(&adam_workspace_bytes) workspace_bytes = adam_workspace_bytes;
  decltype(&adam) update = adam;
};
OpCase adam_case(Context& ctx, int64_t parameters, int64_t decayed, DType dtype, const AdamOps& ops = {});
OpCase linear_adam_case(Context& ctx, const LinearShape& s, DType dtype);

struct BatchNormOps {
  decltype(&batch_norm_workspace_bytes) workspace_bytes = batch_norm_workspace_bytes;
  decltype(&batch_norm_statistics) statistics = batch_norm_statistics;
  decltype(&batch_norm_forward) forward = batch_norm_forward;
  decltype(&batch_norm_backward) backward = batch_norm_backward;
};
OpCase batch_norm_statistics_case(Context& ctx, const Shape& rows, DType dtype, const BatchNormOps& ops = {});
OpCase batch_norm_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype,
                               const BatchNormOps& ops = {});
OpCase batch_norm_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype,
                                const BatchNormOps& ops = {});

// Pictures [N, H, W, C] in groups of 16 channels.
OpCase group_norm_forward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype);
OpCase group_norm_backward_case(Context& ctx, const Shape& pictures, Activation act, DType dtype);
OpCase add_case(Context& ctx, const Shape& shape, DType dtype);

OpCase bias_activation_forward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);
OpCase bias_activation_backward_case(Context& ctx, const Shape& rows, Activation act, DType dtype);

}  // namespace inpaint::bench
