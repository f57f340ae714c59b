// The weight gradient of a linear layer by register tiles, any part of it at a time: for the kernels
// that store it (linear_tile_cpu.cpp) and that update the weights by it (linear_adam_cpu.cpp).
// Shapes: linear_tile_takes.
#pragma once

#include <span>

#include "kernels/cpu/tile_cpu.h"
#include "kernels/linear/linear.h"

namespace inpaint::cpu {

template <typename T>
class LinearTileGradient {
 public:
  static int64_t bytes(const LinearShape& shape);

  // Packs x [n, in] and dy [n, out] into `room`, bytes() of memory at a multiple of 64 that this object reads
  // from then on.
  LinearTileGradient(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& shape, const T* x,
                     const T* dy, void* room);

  // Rows that should be asked for together: a panel of x serves them all.
  static int64_t block_rows(const TileKernels<T>& kernels) { return 4 * kernels.rows(kernels.vectors); }

  // out[(r - row) * stride + c - column] (+)= sum over n of dy[n, r] x[n, c] for row <= r < row + rows and
  // column <= c < column + columns. `column` and `columns` are multiples of a vector's lanes. The same part
  // of each of `ahead`, matrices [out, in], is fetched into the second cache meanwhile.
  void compute(int64_t row, int64_t rows, int64_t column, int64_t columns, SumOf<T>* out, int64_t stride,
               bool accumulate, std::span<const SumOf<T>* const> ahead = {}) const;

 private:
  const TileKernels<T>& kernels_;
  LinearShape shape_;
  const T *x_, *dy_;
};

}  // namespace inpaint::cpu
