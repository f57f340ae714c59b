// conv2d by register tiles: forward and data gradient; contract in conv2d.h. Compute-bound but for one or
// three channels, where the outputs of the forward pass and the gradient that is read are most of the cost.
#include "kernels/conv/conv2d_tile_cpu.h"

#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/conv/conv2d_windows_cpu.h"
#include "kernels/cpu/window_product_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kK = kHalving.kernel, kStride = kHalving.stride, kPad = kHalving.pad;

WindowProduct forward_product(const Conv2dShape& s) {
  const Conv2dWindow& w = s.window;
  return {.images = s.n,
          .grid_h = s.ho(),
          .grid_w = s.wo(),
          .source_h = s.h,
          .source_w = s.w,
          .channels = s.ci,
          .window = w.kernel,
          .stride = w.stride,
          .dilation = w.dilation,
          .top = w.pad,
          .left = w.pad,
          .out_h = s.ho(),
          .out_w = s.wo(),
          .outputs = s.co,
          .out_step = 1,
          .out_top = 0,
          .out_left = 0,
          .w_offset = 0,
          .w_row = w.kernel * s.ci,
          .w_column = s.ci,
          .w_channel = 1,
          .w_output = w.kernel * w.kernel * s.ci};
}

// The pixels of dx at rows of one parity and columns of one parity; with stride 1 there is one, 0. Row
// stride a + parity gets rows of dy from a - top on, by way of kernel rows `stride` apart, the last one
// first. Halving, row 2 a gets rows a - 1 and a by way of kernel rows 3 and 1; row 2 a + 1 gets a and a + 1
// by way of 2 and 0.
WindowProduct data_product(const Conv2dShape& s, int64_t row_parity, int64_t column_parity) {
  const Conv2dWindow& w = s.window;
  const auto last = [&](int64_t parity) { return w.kernel - 1 - (w.kernel - 1 - parity - w.pad) % w.stride; };
  const auto before = [&](int64_t parity) { return (w.dilation * last(parity) - parity - w.pad) / w.stride; };
  return {.images = s.n,
          .grid_h = s.h / w.stride,
          .grid_w = s.w / w.stride,
          .source_h = s.ho(),
          .source_w = s.wo(),
          .channels = s.co,
          .window = w.kernel / w.stride,
          .stride = 1,
          .dilation = w.dilation,
          .top = before(row_parity),
          .left = before(column_parity),
          .out_h = s.h,
          .out_w = s.w,
          .outputs = s.ci,
          .out_step = w.stride,
          .out_top = row_parity,
          .out_left = column_parity,
          .w_offset = (last(row_parity) * w.kernel + last(column_parity)) * s.ci,
          .w_row = -w.stride * w.kernel * s.ci,
          .w_column = -w.stride * s.ci,
          .w_channel = w.kernel * w.kernel * s.ci,
          .w_output = 1};
}

int64_t window(const Conv2dShape& s) { return kK * kK * s.ci; }

// The forward pass of rows that are windows already, [rows, 4 x 4 x ci].
WindowProduct window_forward_product(const Conv2dShape& s, int64_t rows) {
  return plain_product(rows, window(s), s.co, 1, window(s));
}

// One picture's windows of gradient, [h/2 w/2, 4 x 4 x ci].
WindowProduct window_gradient_product(const Conv2dShape& s) {
  return plain_product(s.h / kStride * (s.w / kStride), s.co, window(s), window(s), 1);
}

// With few channels the four parities of a halving window would leave most of a vector empty; the 16 ci
// products of a dy pixel fill it.
constexpr int64_t kMaxWindowChannels = 4;

bool data_by_windows(const Conv2dShape& s) { return s.window == kHalving && s.ci <= kMaxWindowChannels; }

// Adds up the runs of `kRuns` rows of windows into one row of the picture. A window's run covers 4 pixels
// from 2 j - 1 on, and shares two of them with the next one: those wait in `carry`.
template <typename T, int64_t kChannels, int kRuns>
void add_runs(const SumOf<T>* const (&runs)[2], int64_t windows, T* row) {
  constexpr int64_t kWindow = kK * kK * kChannels, kPair = 2 * kChannels;
  SumOf<T> carry[kPair] = {};
  for (int64_t j = 0; j < windows; ++j) {
    SumOf<T> run[2 * kPair];
    T pair[kPair];
    for (int64_t c = 0; c < 2 * kPair; ++c) {
      run[c] = runs[0][j * kWindow + c];
      if constexpr (kRuns == 2) run[c] += runs[1][j * kWindow + c];
    }
    for (int64_t c = 0; c < kPair; ++c) pair[c] = static_cast<T>(carry[c] + run[c]);
    for (int64_t c = 0; c < kPair; ++c) carry[c] = run[kPair + c];
    // The pair begins one pixel before the picture for j = 0.
    const int64_t skip = j == 0 ? kChannels : 0;
    T* to = row + (2 * j - 1) * kChannels;
    if (skip == 0) {
      std::copy_n(pair, kPair, to);
    } else {
      std::copy(pair + skip, pair + kPair, to + skip);
    }
  }
  for (int64_t c = 0; c < kChannels; ++c) row[(2 * windows - 1) * kChannels + c] = static_cast<T>(carry[c]);
}

// Adds up the windows of one picture. Row 2 a of it holds runs of window row 3 of line a - 1 and 1 of line a;
// row 2 a + 1 those of 2 of line a and 0 of line a + 1.
template <typename T, int64_t kChannels>
void add_windows(const Conv2dShape& s, const SumOf<T>* col, T* dx) {
  const int64_t gh = s.h / kStride, gw = s.w / kStride;
  for (int64_t y = 0; y < s.h; ++y) {
    const SumOf<T>* runs[2];
    int count = 0;
    for (int64_t p = 0; p < 2; ++p) {
      const int64_t i = (y + 1) / 2 - 1 + p, ky = y - kStride * i + kPad;
      if (i >= 0 && i < gh) runs[count++] = col + (i * gw * kK + ky) * kK * kChannels;
    }
    T* row = dx + y * s.w * kChannels;
    if (count == 2) {
      add_runs<T, kChannels, 2>(runs, gw, row);
    } else {
      add_runs<T, kChannels, 1>(runs, gw, row);
    }
  }
}

template <typename T>
void add_windows(const Conv2dShape& s, const SumOf<T>* col, T* dx) {
  static_assert(kMaxWindowChannels == 4);
  switch (s.ci) {
    case 1:
      return add_windows<T, 1>(s, col, dx);
    case 2:
      return add_windows<T, 2>(s, col, dx);
    case 3:
      return add_windows<T, 3>(s, col, dx);
    default:
      return add_windows<T, 4>(s, col, dx);
  }
}

int64_t round_up(int64_t value, int64_t multiple) { return (value + multiple - 1) / multiple * multiple; }

// A worker's windows: of one picture's gradient, as sums; or of a chunk of rows.
constexpr int64_t kWindowRows = 512;

int64_t windows_bytes(const Conv2dShape& s, DType dtype) {
  if (s.window != kHalving) return 0;
  const int64_t pixels = s.h / kStride * (s.w / kStride);
  const int64_t gradients = data_by_windows(s) ? pixels * size_of(parameter_dtype(dtype)) : 0;
  return round_up(std::max(gradients, kWindowRows * size_of(dtype)) * window(s), 64);
}

template <typename T>
void forward_by_windows(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
                        const T* w, T* y, std::byte* scratch) {
  const int64_t width = kernels.lanes * kernels.vectors,
                product_bytes = window_product_scratch_bytes(kDTypeOf<T>);
  const int64_t worker_bytes = product_bytes + windows_bytes(s, kDTypeOf<T>);
  ctx.parallel_blocks(s.y().elements() / s.co, kWindowRows, [&](int64_t begin, int64_t end, int worker) {
    std::byte* mine = scratch + worker * worker_bytes;
    T* col = reinterpret_cast<T*>(mine + product_bytes);
    copy_windows(s, begin, end, x, col, window(s));
    const WindowProduct product = window_forward_product(s, end - begin);
    for (int64_t first = 0; first < s.co; first += width)
      window_product_rows(kernels, product, 0, end - begin, first, std::min(width, s.co - first), col, w,
                          y + begin * s.co, mine);
  });
}

template <typename T>
void backward_data_by_windows(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                              const T* dy, const T* w, T* dx, std::byte* scratch) {
  const WindowProduct product = window_gradient_product(s);
  const int64_t width = kernels.lanes * kernels.vectors,
                product_bytes = window_product_scratch_bytes(kDTypeOf<T>);
  const int64_t worker_bytes = product_bytes + windows_bytes(s, kDTypeOf<T>);
  ctx.parallel(s.n, [&](int64_t n, int worker) {
    std::byte* mine = scratch + worker * worker_bytes;
    auto* col = reinterpret_cast<SumOf<T>*>(mine + product_bytes);
    for (int64_t begin = 0; begin < product.rows(); begin += kWindowProductRows)
      for (int64_t first = 0; first < product.outputs; first += width)
        window_product_sums(kernels, product, begin, std::min(product.rows(), begin + kWindowProductRows),
                            first, std::min(width, product.outputs - first), dy + n * product.rows() * s.co,
                            w, col + begin * product.outputs + first, product.outputs, mine);
    add_windows(s, col, dx + n * s.h * s.w * s.ci);
  });
}

}  // namespace

int64_t conv2d_tile_workspace_bytes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  const int64_t products = window_product_scratch_bytes(dtype) + windows_bytes(s, dtype);
  return std::max(ctx.threads() * products, conv2d_tile_weight_workspace_bytes(ctx, s, dtype));
}

template <typename T>
void conv2d_tile_forward(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s, const T* x,
                         const T* w, T* y) {
  void* scratch = ctx.workspace(conv2d_tile_workspace_bytes(ctx, s, kDTypeOf<T>));
  if (s.ci % kTileStep<T> != 0)  // pairs of values would straddle the windows' rows
    return forward_by_windows(ctx, kernels, s, x, w, y, static_cast<std::byte*>(scratch));
  const WindowProduct product = forward_product(s);
  window_products<T>(ctx, kernels, {&product, 1}, x, w, y, scratch);
}

template <typename T>
void conv2d_tile_backward_data(const Context& ctx, const TileKernels<T>& kernels, const Conv2dShape& s,
                               const T* dy, const T* w, T* dx) {
  void* scratch = ctx.workspace(conv2d_tile_workspace_bytes(ctx, s, kDTypeOf<T>));
  if (data_by_windows(s))
    return backward_data_by_windows(ctx, kernels, s, dy, w, dx, static_cast<std::byte*>(scratch));
  const int64_t stride = s.window.stride;
  std::array<WindowProduct, kHalving.stride * kHalving.stride> products;
  for (int64_t parity = 0; parity < stride * stride; ++parity)
    products[static_cast<size_t>(parity)] = data_product(s, parity / stride, parity % stride);
  window_products<T>(ctx, kernels, {products.data(), static_cast<size_t>(stride * stride)}, dy, w, dx,
                     scratch);
}

#define INPAINT_INSTANTIATE(T)                                                                           \
  template void conv2d_tile_forward(const Context&, const TileKernels<T>&, const Conv2dShape&, const T*, \
                                    const T*, T*);                                                       \
  template void conv2d_tile_backward_data(const Context&, const TileKernels<T>&, const Conv2dShape&,     \
                                          const T*, const T*, T*);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
INPAINT_INSTANTIATE(bf16)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
