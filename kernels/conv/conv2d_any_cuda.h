// The convolution's three products for any window, shape and type, in plain CUDA kernels: a thread, or a
// block, for each value of the result (conv2d.h is the contract). conv2d_cuda.cpp runs them where nothing
// faster takes the product. Sums have one order, fixed by the shape.
#pragma once

#include "kernels/conv/conv2d.h"

namespace inpaint::cuda {

void conv2d_any_forward(const Context& ctx, const Conv2dShape& shape, const Tensor& x, const Tensor& w,
                        const Tensor& y);
void conv2d_any_backward_data(const Context& ctx, const Conv2dShape& shape, const Tensor& dy, const Tensor& w,
                              const Tensor& dx);
void conv2d_any_backward_weight(const Context& ctx, const Conv2dShape& shape, const Tensor& x,
                                const Tensor& dy, const Tensor& dw, GradMode mode);

}  // namespace inpaint::cuda
