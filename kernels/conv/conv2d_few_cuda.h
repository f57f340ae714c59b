// The convolution's three products in bf16 on the tensor cores, for pictures of few channels (conv2d.h is the
// contract). These products are bound by memory: each kernel reads its pictures once, and the products cost
// less than that. Sums have one order, fixed by the shape.
#pragma once

#include "kernels/conv/conv2d.h"

namespace inpaint::cuda {

// Says whether the kernels take this shape and type on this GPU: bf16, one to four picture channels, and a
// multiple of eight for the other channels.
bool conv2d_few_takes(const Context& ctx, const Conv2dShape& shape, DType dtype);

// Says whether a tensor begins where the kernels can load and store packs: at a multiple of 16 bytes.
bool conv2d_few_takes(const Tensor& tensor);

void conv2d_few_forward(const Context& ctx, const Conv2dShape& shape, const Tensor& x, const Tensor& w,
                        const Tensor& y);
void conv2d_few_backward_data(const Context& ctx, const Conv2dShape& shape, const Tensor& dy, const Tensor& w,
                              const Tensor& dx);

// The sums over parts of the pictures go through a workspace of this size.
int64_t conv2d_few_backward_weight_workspace_bytes(const Conv2dShape& shape);
void conv2d_few_backward_weight(const Context& ctx, const Conv2dShape& shape, const Tensor& x,
                                const Tensor& dy, const Tensor& dw, GradMode mode, void* workspace);

}  // namespace inpaint::cuda
