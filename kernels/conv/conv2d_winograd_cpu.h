// conv2d (contract in conv2d.h) by register tiles and fewer products. A 4 x 4 kernel of stride 2 is four 2 x
// 2 kernels of stride 1, one for each parity of the source's rows and columns, and each takes 9 products for
// every 2 x 2 outputs instead of 16 (winograd_cpu.h). A 3 x 3 kernel of stride 1, dilated or not, takes 16
// instead of 36 where it keeps the side. The products are matrix products over the channels, one for each
// point. In bf16 the sums before the products are rounded to bf16: the error of a product is about twice that
// of the rounding of its operands. For the dispatch in conv2d_cpu.cpp, which has checked the shapes.
#pragma once

#include "kernels/conv/conv2d.h"
#include "kernels/cpu/tile_cpu.h"

namespace inpaint::cpu {

// Where it is the faster way: enough channels to fill vectors, and enough outputs to pay for transformed
// weights. Outputs come in squares of 2 x 2.
inline bool conv2d_winograd_takes(const Conv2dShape& s, DType dtype) {
  constexpr int64_t kChannels = 16, kFewSquares = 32;
  const int64_t step = s.window.dilation, square = 2 * s.window.stride * step;  // pixels of x under one
  const bool wide = s.window == Conv2dWindow{3, 1, step, step} && s.h >= 4 * step && s.w >= 4 * step;
  return (s.window == kHalving || wide) && s.ci % kChannels == 0 && s.co >= kChannels &&
         (dtype != DType::kBF16 || s.co % 2 == 0) && s.h % square == 0 && s.w % square == 0 &&
         s.n * s.ho() * s.wo() >= 4 * kFewSquares;
}

int64_t conv2d_winograd_workspace_bytes(const Context& ctx, const Conv2dShape& shape, DType dtype);

template <typename T>
void conv2d_winograd_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& shape,
                             const T* x, const T* w, T* y);

template <typename T>
void conv2d_winograd_backward_data(const Context& ctx, const TileKernels<T>& kernels,
                                   const Conv2dShape& shape, const T* dy, const T* w, T* dx);

template <typename T>
void conv2d_winograd_backward_weight(const Context& ctx, const TileKernels<T>& kernels,
                                     const Conv2dShape& shape, const T* x, const T* dy, SumOf<T>* dw,
                                     GradMode mode);

// For the files of this op.
template <typename T>
int64_t conv2d_winograd_weight_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                               const Conv2dShape& shape);

// The 3 x 3 window's.
template <typename T>
int64_t conv2d_winograd_wide_workspace_bytes(const Context& ctx, const TileKernels<T>& kernels,
                                             const Conv2dShape& shape);

template <typename T>
void conv2d_winograd_wide_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& shape,
                                  const T* x, const T* w, T* y);

template <typename T>
void conv2d_winograd_wide_backward_data(const Context& ctx, const TileKernels<T>& kernels,
                                        const Conv2dShape& shape, const T* dy, const T* w, T* dx);

}  // namespace inpaint::cpu
