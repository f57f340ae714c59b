// A matrix product whose rows are windows of pictures: the convolution without an im2col buffer.
//
//   out[n, out_step i + out_top, out_step j + out_left, o]
//       = sum_{p,q,c} source[n, stride i + dilation p - top, stride j + dilation q - left, c] * w(p, q, c, o)
//
// over a square window of p, q < window for every point (i, j) of a grid; source values outside the picture
// are 0 and are never multiplied: grid points are taken in the order of what their windows hold, so that
// the points of a tile leave out the same products. A 1 x 1 window is a plain product of [images grid,
// channels] rows.
//
// In bf16 the sums are kept in f32 and rounded once; `channels` must be even.
//
// For the kernels of this folder only.
#pragma once

#include <cstdint>
#include <span>

#include "core/device/context.h"
#include "kernels/cpu/tile_cpu.h"

namespace inpaint::cpu {

inline constexpr int64_t kMaxProductWindow = 4;

struct WindowProduct {
  int64_t images, grid_h, grid_w;
  int64_t source_h, source_w, channels;
  int64_t window, stride, dilation, top, left;  // window <= kMaxProductWindow
  int64_t out_h, out_w, outputs, out_step, out_top, out_left;
  // w(p, q, c, o) lies at w[w_offset + p w_row + q w_column + c w_channel + o w_output]; w_channel or
  // w_output is 1.
  int64_t w_offset, w_row, w_column, w_channel, w_output;

  int64_t rows() const { return images * grid_h * grid_w; }
};

// out [rows, outputs] = source [rows, channels] times w, whose element (c, o) lies at w[c w_channel +
// o w_output].
inline WindowProduct plain_product(int64_t rows, int64_t channels, int64_t outputs, int64_t w_channel,
                                   int64_t w_output) {
  return {.images = rows,
          .grid_h = 1,
          .grid_w = 1,
          .source_h = 1,
          .source_w = 1,
          .channels = channels,
          .window = 1,
          .stride = 1,
          .dilation = 1,
          .top = 0,
          .left = 0,
          .out_h = 1,
          .out_w = 1,
          .outputs = outputs,
          .out_step = 1,
          .out_top = 0,
          .out_left = 0,
          .w_offset = 0,
          .w_row = 0,
          .w_column = 0,
          .w_channel = w_channel,
          .w_output = w_output};
}

// Scratch memory of one worker, in bytes; a multiple of 64.
int64_t window_product_scratch_bytes(DType dtype);

inline constexpr int64_t kWindowProductRows = 1024;

// The panels (lanes * vectors outputs) that are packed and multiplied together, each in as many times fewer
// rows: where they are packed from rows of w, memory gives these at twice the rate in stretches of a kilobyte
// or two. No more than keep all sums in the room of one panel's. By the shape alone: the cut of the depth
// orders the sums.
int64_t window_product_panels(const WindowProduct& product);

// Rows [begin, end) of the product, at most kWindowProductRows, and `columns` outputs from first_output on,
// at most window_product_panels() panels of them. One thread; the result does not depend on how the rows
// are cut.
template <typename T>
void window_product_rows(const TileKernels<T>& kernels, const WindowProduct& product, int64_t begin,
                         int64_t end, int64_t first_output, int64_t columns, const T* source, const T* w,
                         T* out, void* scratch);

// The same of a 1 x 1 window's product, as sums: row `row`, output j at sums[(row - begin) * stride + j]. The
// outputs, `columns` of them from first_output on, fill whole vectors.
template <typename T>
void window_product_sums(const TileKernels<T>& kernels, const WindowProduct& product, int64_t begin,
                         int64_t end, int64_t first_output, int64_t columns, const T* source, const T* w,
                         SumOf<T>* sums, int64_t stride, void* scratch);

// Whole products that share rows() and outputs and write different parts of `out`, on all threads.
// `scratch` holds window_product_scratch_bytes() for each thread.
template <typename T>
void window_products(const Context& ctx, const TileKernels<T>& kernels,
                     std::span<const WindowProduct> products, const T* source, const T* w, T* out,
                     void* scratch);

}  // namespace inpaint::cpu
