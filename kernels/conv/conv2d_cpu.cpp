// conv2d on the CPU; contract in conv2d.h. im2col and one matrix product per block of pictures: the readable
// definition, and what the library backends run; the register tiles are in conv2d_tile_cpu.h, and with fewer
// products in conv2d_winograd_cpu.h. A row of `col` is the window of one output pixel, 4 x 4 x ci, in the
// order of a weight row. Bf16 goes through f32 but for the tiles.
#include <algorithm>
#include <cstring>

#include "kernels/conv/conv2d.h"
#include "kernels/conv/conv2d_tile_cpu.h"
#include "kernels/conv/conv2d_winograd_cpu.h"
#include "kernels/cpu/gemm_cpu.h"
#include "kernels/cpu/through_f32_cpu.h"
#include "kernels/parameter/round_to_bf16.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kK = Conv2dShape::kKernel, kStride = Conv2dShape::kStride, kPad = Conv2dShape::kPad;

Conv2dShape shape_of(const Tensor& x, const Tensor& w) {
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0]};
}

int64_t window(const Conv2dShape& s) { return kK * kK * s.ci; }
int64_t pixels(const Conv2dShape& s) { return s.h / kStride * (s.w / kStride); }  // outputs of one picture

// Pictures per block: enough rows for an efficient product, few enough that a batch gives work to every core.
int64_t pictures_per_block(const Conv2dShape& s) {
  constexpr int64_t kRows = 256;
  return std::clamp<int64_t>(kRows / pixels(s), 1, std::max<int64_t>(1, s.n / 4));
}

// Row ky of the window of output pixel (i, j): one run of 4 ci values of the picture; outside it, 0.
template <typename T>
void copy_window_row(const Conv2dShape& s, const T* picture, int64_t i, int64_t j, int64_t ky, T* to) {
  const int64_t y = kStride * i + ky - kPad, left = kStride * j - kPad;
  if (y < 0 || y >= s.h) {
    std::fill_n(to, kK * s.ci, T{0});
    return;
  }
  const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + kK, s.w);
  std::fill_n(to, (begin - left) * s.ci, T{0});
  std::copy_n(picture + (y * s.w + begin) * s.ci, (end - begin) * s.ci, to + (begin - left) * s.ci);
  std::fill(to + (end - left) * s.ci, to + kK * s.ci, T{0});
}

// One picture's windows, [pixels, window].
template <typename T>
void im2col(const Conv2dShape& s, const T* picture, T* col) {
  for (int64_t i = 0; i < s.h / kStride; ++i)
    for (int64_t j = 0; j < s.w / kStride; ++j)
      for (int64_t ky = 0; ky < kK; ++ky, col += kK * s.ci) copy_window_row(s, picture, i, j, ky, col);
}

// The adjoint of im2col: adds every window to the picture it was taken from, which is overwritten.
template <typename T>
void col2im(const Conv2dShape& s, const T* col, T* picture) {
  std::fill_n(picture, s.h * s.w * s.ci, T{0});
  for (int64_t i = 0; i < s.h / kStride; ++i) {
    for (int64_t j = 0; j < s.w / kStride; ++j) {
      for (int64_t ky = 0; ky < kK; ++ky, col += kK * s.ci) {
        const int64_t y = kStride * i + ky - kPad;
        const int64_t left = kStride * j - kPad;
        const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + kK, s.w);
        if (y < 0 || y >= s.h) continue;
        T* to = picture + (y * s.w + begin) * s.ci;
        const T* from = col + (begin - left) * s.ci;
        for (int64_t k = 0; k < (end - begin) * s.ci; ++k) to[k] += from[k];
      }
    }
  }
}

// Every worker's part starts at a cache line: a product's order of sums may depend on its operands'
// alignment, and must not depend on the worker.
int64_t worker_bytes(const Conv2dShape& s, DType dtype) {
  constexpr int64_t kLine = 64;
  const int64_t bytes = pictures_per_block(s) * pixels(s) * window(s) * size_of(dtype);
  return (bytes + kLine - 1) / kLine * kLine;
}

template <typename T>
T* worker_workspace(const Context& ctx, const Conv2dShape& s, int worker) {
  const int64_t bytes = worker_bytes(s, kDTypeOf<T>);
  return reinterpret_cast<T*>(static_cast<std::byte*>(ctx.workspace(bytes * ctx.threads())) + bytes * worker);
}

template <typename T>
void forward(const Context& ctx, const Conv2dShape& s, const T* x, const T* w, T* y) {
  ctx.parallel_blocks(s.n, pictures_per_block(s), [&](int64_t begin, int64_t end, int worker) {
    T* col = worker_workspace<T>(ctx, s, worker);
    const int64_t m = pixels(s), k = window(s);
    for (int64_t n = begin; n < end; ++n) im2col(s, x + n * s.h * s.w * s.ci, col + (n - begin) * m * k);
    gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kYes, (end - begin) * m, s.co, k, col, k, w, k,
            T{0}, y + begin * m * s.co, s.co);
  });
}

template <typename T>
void backward_data(const Context& ctx, const Conv2dShape& s, const T* dy, const T* w, T* dx) {
  ctx.parallel_blocks(s.n, pictures_per_block(s), [&](int64_t begin, int64_t end, int worker) {
    T* col = worker_workspace<T>(ctx, s, worker);
    const int64_t m = pixels(s), k = window(s);
    gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kNo, (end - begin) * m, k, s.co,
            dy + begin * m * s.co, s.co, w, k, T{0}, col, k);
    for (int64_t n = begin; n < end; ++n) col2im(s, col + (n - begin) * m * k, dx + n * s.h * s.w * s.ci);
  });
}

// One task per kernel row, which writes a part of dw of its own: the pictures are added in order.
template <typename T>
void backward_weight(const Context& ctx, const Conv2dShape& s, const T* x, const T* dy, T* dw,
                     GradMode mode) {
  const int64_t m = pixels(s), row = kK * s.ci, block = pictures_per_block(s);
  ctx.parallel(kK, [&](int64_t ky, int worker) {
    T* rows = worker_workspace<T>(ctx, s, worker);  // [pictures, pixels, 4 ci]
    for (int64_t begin = 0; begin < s.n; begin += block) {
      const int64_t end = std::min(s.n, begin + block);
      T* to = rows;
      for (int64_t n = begin; n < end; ++n)
        for (int64_t i = 0; i < s.h / kStride; ++i)
          for (int64_t j = 0; j < s.w / kStride; ++j, to += row)
            copy_window_row(s, x + n * s.h * s.w * s.ci, i, j, ky, to);
      const T beta = begin == 0 && mode == GradMode::kOverwrite ? T{0} : T{1};
      gemm<T>(ctx.matrix_backend(), Transpose::kYes, Transpose::kNo, s.co, row, (end - begin) * m,
              dy + begin * m * s.co, s.co, rows, row, beta, dw + ky * row, window(s));
    }
  });
}

bool goes_through_f32(const Context& ctx, const Conv2dShape& s, DType dtype) {
  return dtype == DType::kBF16 &&
         !(ctx.matrix_backend() == MatrixBackend::kTile && conv2d_tile_takes(s, dtype));
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  if (goes_through_f32(ctx, s, dtype))
    return ThroughF32::bytes(cpu::conv2d_workspace_bytes(ctx, s, DType::kF32),
                             {s.x().elements(), s.weight().elements(), s.y().elements()});
  if (ctx.matrix_backend() == MatrixBackend::kTile)
    return conv2d_winograd_takes(s, dtype) ? conv2d_winograd_workspace_bytes(ctx, s, dtype)
                                           : conv2d_tile_workspace_bytes(ctx, s, dtype);
  return ctx.threads() * worker_bytes(s, dtype);
}

namespace {

ThroughF32 through_f32(const Context& ctx, const Conv2dShape& s) {
  return {ctx, cpu::conv2d_workspace_bytes(ctx, s, DType::kF32),
          cpu::conv2d_workspace_bytes(ctx, s, DType::kBF16)};
}

}  // namespace

void conv2d_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Conv2dShape s = shape_of(x, w);
  if (goes_through_f32(ctx, s, x.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    const Tensor wide = f32.room(y.shape);
    cpu::conv2d_forward(ctx, f32.widened(x), f32.widened(w), wide);
    return round_to_bf16(ctx, wide, y);
  }
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    if (ctx.matrix_backend() == MatrixBackend::kTile && !conv2d_winograd_takes(s, x.dtype))
      return conv2d_tile_forward(ctx, best_tiles<T>(), s, x.as<T>(), w.as<T>(), y.as<T>());
    if (ctx.matrix_backend() == MatrixBackend::kTile)
      return conv2d_winograd_forward(ctx, best_tiles<T>(), s, x.as<T>(), w.as<T>(), y.as<T>());
    if constexpr (kTileStep<T> == 1) forward(ctx, s, x.as<T>(), w.as<T>(), y.as<T>());
  });
}

void conv2d_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  const Conv2dShape s = shape_of(dx, w);
  if (goes_through_f32(ctx, s, dx.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    const Tensor wide = f32.room(dx.shape);
    cpu::conv2d_backward_data(ctx, f32.widened(dy), f32.widened(w), wide);
    return round_to_bf16(ctx, wide, dx);
  }
  visit_activation_type(dx.dtype, [&]<typename T>(T) {
    if (ctx.matrix_backend() == MatrixBackend::kTile && !conv2d_winograd_takes(s, dx.dtype))
      return conv2d_tile_backward_data(ctx, best_tiles<T>(), s, dy.as<T>(), w.as<T>(), dx.as<T>());
    if (ctx.matrix_backend() == MatrixBackend::kTile)
      return conv2d_winograd_backward_data(ctx, best_tiles<T>(), s, dy.as<T>(), w.as<T>(), dx.as<T>());
    if constexpr (kTileStep<T> == 1) backward_data(ctx, s, dy.as<T>(), w.as<T>(), dx.as<T>());
  });
}

void conv2d_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  const Conv2dShape s = shape_of(x, dw);
  if (goes_through_f32(ctx, s, x.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    return cpu::conv2d_backward_weight(ctx, f32.widened(x), f32.widened(dy), dw, mode);
  }
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    if (ctx.matrix_backend() == MatrixBackend::kTile && !conv2d_winograd_takes(s, x.dtype))
      return conv2d_tile_backward_weight(ctx, best_tiles<T>(), s, x.as<T>(), dy.as<T>(), dw.as<SumOf<T>>(),
                                         mode);
    if (ctx.matrix_backend() == MatrixBackend::kTile)
      return conv2d_winograd_backward_weight(ctx, best_tiles<T>(), s, x.as<T>(), dy.as<T>(),
                                             dw.as<SumOf<T>>(), mode);
    if constexpr (kTileStep<T> == 1) backward_weight(ctx, s, x.as<T>(), dy.as<T>(), dw.as<T>(), mode);
  });
}

}  // namespace inpaint::cpu
