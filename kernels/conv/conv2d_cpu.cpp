// conv2d on the CPU; contract in conv2d.h. A table lists the implementations; the first that takes a shape
// makes its products. Here are im2col and one matrix product per block of pictures, the readable definition,
// which takes every window. A row of `col` is the window of one output pixel, k x k x ci, in the order of a
// weight row.
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

// ---- im2col ----------------------------------------------------------------------------------------------

int64_t window(const Conv2dShape& s) { return s.window.kernel * s.window.kernel * s.ci; }
int64_t pixels(const Conv2dShape& s) { return s.ho() * s.wo(); }  // outputs of one picture

// Pictures per block: enough rows for an efficient product, few enough that a batch gives work to every core.
int64_t pictures_per_block(const Conv2dShape& s) {
  constexpr int64_t kRows = 256;
  return std::clamp<int64_t>(kRows / pixels(s), 1, std::max<int64_t>(1, s.n / 4));
}

// Calls f(offset in the row, offset in the picture, count) for the values of row ky of the window of
// output pixel (i, j) that lie inside the picture: one run of up to k ci values or, with dilation, a run
// for each pixel.
template <typename F>
void for_each_run(const Conv2dShape& s, int64_t i, int64_t j, int64_t ky, F&& f) {
  const Conv2dWindow& w = s.window;
  const int64_t y = w.stride * i + w.dilation * ky - w.pad, left = w.stride * j - w.pad;
  if (y < 0 || y >= s.h) return;
  if (w.dilation == 1) {
    const int64_t begin = std::max<int64_t>(left, 0), end = std::min(left + w.kernel, s.w);
    if (begin < end) f((begin - left) * s.ci, (y * s.w + begin) * s.ci, (end - begin) * s.ci);
    return;
  }
  for (int64_t kx = 0; kx < w.kernel; ++kx) {
    const int64_t x = left + w.dilation * kx;
    if (x >= 0 && x < s.w) f(kx * s.ci, (y * s.w + x) * s.ci, s.ci);
  }
}

// Row ky of the window of output pixel (i, j); outside the picture it is 0.
template <typename T>
void copy_window_row(const Conv2dShape& s, const T* picture, int64_t i, int64_t j, int64_t ky, T* to) {
  int64_t end = 0;
  for_each_run(s, i, j, ky, [&](int64_t at, int64_t from, int64_t count) {
    std::fill(to + end, to + at, T{0});
    std::copy_n(picture + from, count, to + at);
    end = at + count;
  });
  std::fill(to + end, to + s.window.kernel * s.ci, T{0});
}

// One picture's windows, [pixels, window].
template <typename T>
void im2col(const Conv2dShape& s, const T* picture, T* col) {
  const int64_t row = s.window.kernel * s.ci;
  for (int64_t i = 0; i < s.ho(); ++i)
    for (int64_t j = 0; j < s.wo(); ++j)
      for (int64_t ky = 0; ky < s.window.kernel; ++ky, col += row) copy_window_row(s, picture, i, j, ky, col);
}

// The adjoint of im2col: adds every window to the picture it was taken from, which is overwritten.
template <typename T>
void col2im(const Conv2dShape& s, const T* col, T* picture) {
  const int64_t row = s.window.kernel * s.ci;
  std::fill_n(picture, s.h * s.w * s.ci, T{0});
  for (int64_t i = 0; i < s.ho(); ++i)
    for (int64_t j = 0; j < s.wo(); ++j)
      for (int64_t ky = 0; ky < s.window.kernel; ++ky, col += row)
        for_each_run(s, i, j, ky, [&](int64_t at, int64_t to, int64_t count) {
          for (int64_t k = 0; k < count; ++k) picture[to + k] += col[at + k];
        });
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
  const int64_t m = pixels(s), row = s.window.kernel * s.ci, block = pictures_per_block(s);
  ctx.parallel(s.window.kernel, [&](int64_t ky, int worker) {
    T* rows = worker_workspace<T>(ctx, s, worker);  // [pictures, pixels, k ci]
    for (int64_t begin = 0; begin < s.n; begin += block) {
      const int64_t end = std::min(s.n, begin + block);
      T* to = rows;
      for (int64_t n = begin; n < end; ++n)
        for (int64_t i = 0; i < s.ho(); ++i)
          for (int64_t j = 0; j < s.wo(); ++j, to += row)
            copy_window_row(s, x + n * s.h * s.w * s.ci, i, j, ky, to);
      const T beta = begin == 0 && mode == GradMode::kOverwrite ? T{0} : T{1};
      gemm<T>(ctx.matrix_backend(), Transpose::kYes, Transpose::kNo, s.co, row, (end - begin) * m,
              dy + begin * m * s.co, s.co, rows, row, beta, dw + ky * row, window(s));
    }
  });
}

// ---- The implementations ---------------------------------------------------------------------------------

// takes: the products of a shape, by this context. Products as in conv2d.h.
struct Implementation {
  bool (*takes)(const Context& ctx, const Conv2dShape& s, DType dtype);
  int64_t (*workspace_bytes)(const Context& ctx, const Conv2dShape& s, DType dtype);
  void (*forward)(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w,
                  const Tensor& y);
  void (*backward_data)(const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w,
                        const Tensor& dx);
  void (*backward_weight)(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy,
                          const Tensor& dw, GradMode mode);
};

constexpr Implementation kWinograd{
    [](const Context& ctx, const Conv2dShape& s, DType dtype) {
      return ctx.matrix_backend() == MatrixBackend::kTile && conv2d_winograd_takes(s, dtype) &&
             conv2d_tile_takes(s, dtype);
    },
    conv2d_winograd_workspace_bytes,
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w, const Tensor& y) {
      visit_activation_type(x.dtype, [&]<typename T>(T) {
        conv2d_winograd_forward(ctx, best_tiles<T>(), s, x.as<T>(), w.as<T>(), y.as<T>());
      });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx) {
      visit_activation_type(dx.dtype, [&]<typename T>(T) {
        conv2d_winograd_backward_data(ctx, best_tiles<T>(), s, dy.as<T>(), w.as<T>(), dx.as<T>());
      });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode) {
      visit_activation_type(x.dtype, [&]<typename T>(T) {
        conv2d_winograd_backward_weight(ctx, best_tiles<T>(), s, x.as<T>(), dy.as<T>(), dw.as<SumOf<T>>(),
                                        mode);
      });
    }};

constexpr Implementation kTiles{
    [](const Context& ctx, const Conv2dShape& s, DType dtype) {
      return ctx.matrix_backend() == MatrixBackend::kTile && conv2d_tile_takes(s, dtype);
    },
    conv2d_tile_workspace_bytes,
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w, const Tensor& y) {
      visit_activation_type(x.dtype, [&]<typename T>(T) {
        conv2d_tile_forward(ctx, best_tiles<T>(), s, x.as<T>(), w.as<T>(), y.as<T>());
      });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx) {
      visit_activation_type(dx.dtype, [&]<typename T>(T) {
        conv2d_tile_backward_data(ctx, best_tiles<T>(), s, dy.as<T>(), w.as<T>(), dx.as<T>());
      });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode) {
      visit_activation_type(x.dtype, [&]<typename T>(T) {
        conv2d_tile_backward_weight(ctx, best_tiles<T>(), s, x.as<T>(), dy.as<T>(), dw.as<SumOf<T>>(), mode);
      });
    }};

constexpr Implementation kIm2col{
    [](const Context&, const Conv2dShape&, DType dtype) { return dtype != DType::kBF16; },
    [](const Context& ctx, const Conv2dShape& s, DType dtype) {
      return ctx.threads() * worker_bytes(s, dtype);
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w, const Tensor& y) {
      visit_real(x.dtype, [&]<typename T>(T) { forward(ctx, s, x.as<T>(), w.as<T>(), y.as<T>()); });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx) {
      visit_real(dx.dtype, [&]<typename T>(T) { backward_data(ctx, s, dy.as<T>(), w.as<T>(), dx.as<T>()); });
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode) {
      visit_real(x.dtype,
                 [&]<typename T>(T) { backward_weight(ctx, s, x.as<T>(), dy.as<T>(), dw.as<T>(), mode); });
    }};

// The first that takes the products.
const Implementation& implementation_of(const Context& ctx, const Conv2dShape& s, DType dtype);

int64_t bytes_of(const Context& ctx, const Conv2dShape& s, DType dtype) {
  return implementation_of(ctx, s, dtype).workspace_bytes(ctx, s, dtype);
}

ThroughF32 through_f32(const Context& ctx, const Conv2dShape& s) {
  return {ctx, bytes_of(ctx, s, DType::kF32), bytes_of(ctx, s, DType::kBF16)};
}

// Bf16 that nothing else takes.
constexpr Implementation kThroughF32{
    [](const Context&, const Conv2dShape&, DType dtype) { return dtype == DType::kBF16; },
    [](const Context& ctx, const Conv2dShape& s, DType) {
      return ThroughF32::bytes(bytes_of(ctx, s, DType::kF32),
                               {s.x().elements(), s.weight().elements(), s.y().elements()});
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w, const Tensor& y) {
      ThroughF32 f32 = through_f32(ctx, s);
      const Tensor wide = f32.room(y.shape);
      implementation_of(ctx, s, DType::kF32).forward(ctx, s, f32.widened(x), f32.widened(w), wide);
      round_to_bf16(ctx, wide, y);
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w, const Tensor& dx) {
      ThroughF32 f32 = through_f32(ctx, s);
      const Tensor wide = f32.room(dx.shape);
      implementation_of(ctx, s, DType::kF32).backward_data(ctx, s, f32.widened(dy), f32.widened(w), wide);
      round_to_bf16(ctx, wide, dx);
    },
    [](const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy, const Tensor& dw,
       GradMode mode) {
      ThroughF32 f32 = through_f32(ctx, s);
      implementation_of(ctx, s, DType::kF32)
          .backward_weight(ctx, s, f32.widened(x), f32.widened(dy), dw, mode);
    }};

// In the order of preference.
constexpr const Implementation* kImplementations[] = {&kWinograd, &kTiles, &kIm2col, &kThroughF32};

const Implementation& implementation_of(const Context& ctx, const Conv2dShape& s, DType dtype) {
  for (const Implementation* implementation : kImplementations)
    if (implementation->takes(ctx, s, dtype)) return *implementation;
  throw ShapeError(fmt::format("conv2d does not take {}", to_string(dtype)));
}

Conv2dShape shape_of(const Conv2dWindow& window, const Tensor& x, const Tensor& w) {
  return {x.shape[0], x.shape[1], x.shape[2], x.shape[3], w.shape[0], window};
}

}  // namespace

int64_t conv2d_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  return bytes_of(ctx, s, dtype);
}

void conv2d_forward(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& w,
                    const Tensor& y) {
  const Conv2dShape s = shape_of(window, x, w);
  implementation_of(ctx, s, x.dtype).forward(ctx, s, x, w, y);
}

void conv2d_backward_data(const Context& ctx, const Conv2dWindow& window, const Tensor& dy, const Tensor& w,
                          const Tensor& dx) {
  const Conv2dShape s = shape_of(window, dx, w);
  implementation_of(ctx, s, dx.dtype).backward_data(ctx, s, dy, w, dx);
}

void conv2d_backward_weight(const Context& ctx, const Conv2dWindow& window, const Tensor& x, const Tensor& dy,
                            const Tensor& dw, GradMode mode) {
  const Conv2dShape s = shape_of(window, x, dw);
  implementation_of(ctx, s, x.dtype).backward_weight(ctx, s, x, dy, dw, mode);
}

}  // namespace inpaint::cpu
