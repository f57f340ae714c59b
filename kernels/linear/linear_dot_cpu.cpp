// linear's forward pass by dot products of the rows of x and w; contract in linear.h. Both are contiguous in
// the summed dimension, so that no weight is transposed. Bound by the memory the weights come from up to some
// dozen rows, then by the multiply-adds.
#include <algorithm>
#include <cstddef>

#include "kernels/linear/linear_tile_cpu.h"

namespace inpaint::cpu {
namespace {

// A task's outputs, and the rows and inputs it takes at a time: a block of weights stays in the second-level
// cache, the rows of x for a tile in the first.
constexpr int64_t kOutputs = 32, kRows = 96, kDepth = 512;

template <typename T>
constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));

// Blocks are copied before they are multiplied, with a cache line between rows: at a power of two, which
// layers like, rows would share a few cache sets.
template <typename T>
constexpr int64_t kStride = kDepth + kLine<T>;

int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// The workspace: x, [block of inputs, row, input]; then for each worker a block of weights, and a vector for
// each sum.
template <typename T>
struct Memory {
  T *x, *weights, *sums;

  Memory(const Context& ctx, const LinearShape& s, int worker)
      : x(static_cast<T*>(ctx.workspace(bytes(ctx, s)))),
        weights(x + x_values(s) + worker * worker_values()),
        sums(weights + kOutputs * kStride<T>) {}

  static int64_t x_values(const LinearShape& s) { return ceil_div(s.in, kDepth) * s.n * kStride<T>; }
  static int64_t worker_values() { return kOutputs * (kStride<T> + kRows * kLine<T>); }
  static int64_t bytes(const Context& ctx, const LinearShape& s) {
    return (x_values(s) + ctx.threads() * worker_values()) * static_cast<int64_t>(sizeof(T));
  }
};

// Copies [rows, depth].
template <typename T>
void copy_block(const T* from, int64_t stride, int64_t rows, int64_t depth, T* to) {
  for (int64_t r = 0; r < rows; ++r, from += stride, to += kStride<T>) std::copy_n(from, depth, to);
}

// Asks for lines [begin, end) of a block of weights, [outputs, depth].
template <typename T>
void fetch_lines(const T* w, int64_t stride, int64_t outputs, int64_t depth, int64_t begin, int64_t end) {
  const int64_t lines = depth / kLine<T>;
  for (int64_t i = begin; i < std::min(end, outputs * lines); ++i)
    __builtin_prefetch(w + i / lines * stride + i % lines * kLine<T>, 0, 2);
}

// y[j] = sum over lanes of sums[j, lane], in order.
template <typename T>
void add_lanes(const TileKernels<T>& kernels, const T* sums, int64_t outputs, T* y) {
  const int64_t lanes = kernels.lanes;
  alignas(64) T by_lane[16 * 16];
  for (int64_t j = 0; j < outputs; j += lanes) {
    const int64_t count = std::min(lanes, outputs - j);
    kernels.pack_transposed(sums + j * lanes, lanes, lanes, count, 1, by_lane);
    for (int64_t i = 0; i < count; ++i) y[j + i] = by_lane[i];
    for (int64_t l = 1; l < lanes; ++l)
      for (int64_t i = 0; i < count; ++i) y[j + i] += by_lane[l * lanes + i];
  }
}

}  // namespace

int64_t linear_dot_workspace_bytes(const Context& ctx, const LinearShape& s, DType dtype) {
  return dtype == DType::kF32 ? Memory<float>::bytes(ctx, s) : Memory<double>::bytes(ctx, s);
}

template <typename T>
void linear_dot_forward(const Context& ctx, const TileKernels<T>& kernels, const LinearShape& s, const T* x,
                        const T* w, T* y) {
  ctx.parallel(ceil_div(s.in, kDepth), [&](int64_t block, int worker) {
    copy_block(x + block * kDepth, s.in, s.n, std::min(kDepth, s.in - block * kDepth),
               Memory<T>(ctx, s, worker).x + block * s.n * kStride<T>);
  });
  const int64_t columns = kernels.vectors, height = kernels.rows(columns);
  ctx.parallel_blocks(s.out, kOutputs, [&](int64_t begin, int64_t end, int worker) {
    const Memory<T> memory(ctx, s, worker);
    const int64_t outputs = end - begin, column_tiles = ceil_div(outputs, columns);
    for (int64_t first = 0; first < s.n; first += kRows) {
      const int64_t rows = std::min(kRows, s.n - first), row_tiles = ceil_div(rows, height);
      for (int64_t k = 0; k < s.in; k += kDepth) {
        const int64_t depth = std::min(kDepth, s.in - k), next = std::min(kDepth, s.in - k - depth);
        const T *block = w + begin * s.in + k, *x_block = memory.x + (k / kDepth * s.n + first) * kStride<T>;
        copy_block(block, s.in, outputs, depth, memory.weights);
        const int64_t lines = ceil_div(outputs * next / kLine<T>, row_tiles * column_tiles);
        for (int64_t i = 0; i < row_tiles; ++i) {
          const int64_t r = rows * i / row_tiles, tile_rows = rows * (i + 1) / row_tiles - r;
          for (int64_t j = 0; j < column_tiles; ++j) {
            const int64_t c = j * columns, tile = i * column_tiles + j;
            fetch_lines(block + depth, s.in, outputs, next, tile * lines, (tile + 1) * lines);
            kernels.dot_tile[std::min(columns, outputs - c)][tile_rows](
                {x_block + r * kStride<T>, memory.weights + c * kStride<T>, kStride<T>, kStride<T>, depth,
                 memory.sums + (r * kOutputs + c) * kernels.lanes, kOutputs, k > 0});
          }
        }
      }
      for (int64_t r = 0; r < rows; ++r)
        add_lanes(kernels, memory.sums + r * kOutputs * kernels.lanes, outputs,
                  y + (first + r) * s.out + begin);
    }
  });
}

#define INPAINT_INSTANTIATE(T)                                                                          \
  template void linear_dot_forward(const Context&, const TileKernels<T>&, const LinearShape&, const T*, \
                                   const T*, T*);
INPAINT_INSTANTIATE(float)
INPAINT_INSTANTIATE(double)
#undef INPAINT_INSTANTIATE

}  // namespace inpaint::cpu
