// The squares of 2 x 2 output pixels that conv2d_winograd_cpu.h works on, and the points of x under them. For
// the kernels of this folder only.
#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/conv/conv2d.h"
#include "kernels/conv/winograd_cpu.h"

namespace inpaint::cpu {

// Its output pixels are a dilation apart: those between them belong to other squares.
struct Square {
  int64_t n, top, left;  // its first output pixel
};

inline int64_t squares_of(const Conv2dShape& s) { return s.n * (s.ho() / 2) * (s.wo() / 2); }

inline Square square_at(const Conv2dShape& s, int64_t index) {
  const int64_t across = s.wo() / 2, down = s.ho() / 2, step = s.window.dilation;
  const auto first = [&](int64_t i) { return i / step * step * 2 + i % step; };
  return {index / across / down, first(index / across % down), first(index % across)};
}

// The squares are worked on in passes, so that the points of a pass stay in a cache, the last-level one where
// nothing else is said. The cut follows from the shape alone.
struct Passes {
  int64_t squares, count;

  Passes(int64_t all, int64_t bytes_of_a_square, int64_t bytes = int64_t{8} << 20) : squares(all) {
    constexpr int64_t kFewSquares = 96;
    const int64_t most = std::max(kFewSquares, bytes / bytes_of_a_square);
    count = (all + most - 1) / most;
  }
  int64_t begin(int64_t pass) const { return squares * pass / count; }
  int64_t most() const { return (squares + count - 1) / count; }  // of a pass
};

// Where the values of a point lie: those of square `i` at values[point * point_stride + i * stride]. A cache
// line more than there are channels: at a power of two the squares would share a few cache sets.
template <typename T>
struct Points {
  T* values;
  int64_t stride, point_stride;

  static int64_t stride_of(int64_t channels) { return channels + 64 / static_cast<int64_t>(sizeof(T)); }
  static int64_t bytes(int64_t points, int64_t channels, int64_t squares) {
    return points * stride_of(channels) * squares * static_cast<int64_t>(sizeof(T));
  }
  Points(void* memory, int64_t channels, int64_t squares)
      : values(static_cast<T*>(memory)), stride(stride_of(channels)), point_stride(stride * squares) {}

  T* at(int64_t point, int64_t square) const { return values + point * point_stride + square * stride; }
};

// Pixels that are transformed together, N x N; those outside the picture are zeros.
template <typename T, int N>
struct Window {
  const T* pixel[N][N];

  // Takes from a picture [n, h, w, channels] the pixels (row + step i, column + step j).
  Window(const T* pictures, int64_t h, int64_t w, int64_t channels, int64_t n, int64_t row, int64_t column,
         int64_t step, const T* zeros) {
    for (int64_t i = 0; i < N; ++i)
      for (int64_t j = 0; j < N; ++j) {
        const int64_t y = row + step * i, x = column + step * j;
        const bool inside = y >= 0 && y < h && x >= 0 && x < w;
        pixel[i][j] = inside ? pictures + ((n * h + y) * w + x) * channels : zeros;
      }
  }
  // Outside of every picture.
  explicit Window(const T* zeros) { std::fill_n(&pixel[0][0], N * N, zeros); }
};

// The pixels of x of one parity (row, column) under a square.
template <typename T>
Window<T, kWinogradPoints> signal_window(const Conv2dShape& s, const T* x, const Square& square,
                                         int64_t parity, const T* zeros) {
  return {x, s.h,  s.w, s.ci, square.n, 2 * square.top - 1 + parity / 2, 2 * square.left - 1 + parity % 2,
          2, zeros};
}

// The pixels of x under a square of a 3 x 3 window that keeps the side, or those of dy under one of dx.
template <typename T>
Window<T, kWinogradWidePoints> wide_window(const Conv2dShape& s, const T* pictures, int64_t channels,
                                           const Square& square, const T* zeros) {
  const int64_t step = s.window.dilation;
  return {pictures, s.h, s.w, channels, square.n, square.top - step, square.left - step, step, zeros};
}

// Where the points of a square or of a pair of them go, N x N.
template <typename T, int N>
struct PointTargets {
  T* point[N][N];

  PointTargets(const Points<T>& points, int64_t row, int64_t offset) {
    for (int64_t i = 0; i < N; ++i)
      for (int64_t j = 0; j < N; ++j) point[i][j] = points.at(i * N + j, row) + offset;
  }
};

}  // namespace inpaint::cpu
