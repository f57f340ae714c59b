// A linear layer's weight gradient and Adam's update by it in one op: the gradient, as large as the weights,
// is never stored.
//
//   g = dy^T x                                          linear.h's weight gradient
//   w, m, v, weights_bf16, half_squares                 adam.h's, of w as one array of which all decays
//
//   x [n, in], dy [n, out]         bf16, f32 or f64, both alike
//   w, m, v [out, in]              f32 where x is bf16, else of x's type
//   weights_bf16 [out, in]         bf16, skipped when null
//   rate f64[1]; half_squares f64[1], skipped when null
//
// w, m and v are updated in place: whoever needs the old weights (the input's gradient) reads them first.
// Sums run in a fixed order: same shapes and input, same bits, for any number of threads.
// Needs linear_adam_workspace_bytes().
#pragma once

#include "kernels/linear/linear.h"
#include "kernels/parameter/adam.h"

namespace inpaint {

int64_t linear_adam_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype);

void linear_adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, const Tensor& x,
                 const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                 const Tensor* weights_bf16, const Tensor* half_squares);

}  // namespace inpaint
