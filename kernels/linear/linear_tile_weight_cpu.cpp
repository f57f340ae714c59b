// The weight gradient of a linear layer by register tiles; contract in linear_tile_weight_cpu.h.
#include "kernels/linear/linear_tile_weight_cpu.h"

#include <algorithm>

namespace inpaint::cpu {
namespace {

// Examples (in bf16 pairs) summed in one go: 64 of them and a panel of inputs stay in the first cache.
constexpr int64_t kExamples = 256;

template <typename T>
int64_t packed_rows(const LinearShape& s) {
  return (s.n + kTileStep<T> - 1) / kTileStep<T>;
}

// Between packed rows, with a cache line more: at a power of two they would share a few cache sets.
template <typename T>
int64_t packed_stride(int64_t features) {
  return kTileStep<T> * features + 64 / static_cast<int64_t>(sizeof(T));
}

template <typename T>
int64_t packed_elements(const LinearShape& s, int64_t features) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));
  return (packed_rows<T>(s) * packed_stride<T>(features) + kLine - 1) / kLine * kLine;
}

// Row k of `to`: example k, or in bf16 the pair of examples 2 k and 2 k + 1.
template <typename T>
void pack_row(const TileKernels<T>& kernels, int64_t n, int64_t k, int64_t features, const T* from, T* to) {
  to += k * packed_stride<T>(features);
  if constexpr (kTileStep<T> == 1) {
    std::copy_n(from + k * features, features, to);
  } else {
    const T* const rows[] = {from + 2 * k * features, from + (2 * k + 1) * features};
    kernels.interleave(rows, std::min<int64_t>(2, n - 2 * k), 0, features, to, 0);
  }
}

template <typename F>
void fetch(const F* from, int64_t rows, int64_t stride, int64_t columns) {
  constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(F));
  for (int64_t r = 0; r < rows; ++r)
    for (int64_t c = 0; c < columns; c += kLine) __builtin_prefetch(from + r * stride + c, 0, 2);
}

}  // namespace

template <typename T>
int64_t LinearTileGradient<T>::bytes(const LinearShape& s) {
  return (packed_elements<T>(s, s.in) + packed_elements<T>(s, s.out)) * static_cast<int64_t>(sizeof(T));
}

template <typename T>
LinearTileGradient<T>::LinearTileGradient(const Context& ctx, const TileKernels<T>& kernels,
                                          const LinearShape& s, const T* x, const T* dy, void* room)
    : kernels_(kernels), shape_(s) {
  T *const to_x = static_cast<T*>(room), *const to_dy = to_x + packed_elements<T>(s, s.in);
  ctx.parallel(packed_rows<T>(s), [&](int64_t k, int) {
    pack_row(kernels, s.n, k, s.in, x, to_x);
    pack_row(kernels, s.n, k, s.out, dy, to_dy);
  });
  x_ = to_x;
  dy_ = to_dy;
}

template <typename T>
void LinearTileGradient<T>::compute(int64_t row, int64_t rows, int64_t column, int64_t columns, SumOf<T>* out,
                                    int64_t stride, bool accumulate,
                                    std::span<const SumOf<T>* const> ahead) const {
  const int64_t terms = packed_rows<T>(shape_), width = kernels_.lanes * kernels_.vectors,
                height = kernels_.rows(kernels_.vectors);
  const T *left[kExamples], *right[kExamples];
  for (int64_t first = 0; first < terms; first += kExamples) {
    const int64_t count = std::min(kExamples, terms - first);
    for (int64_t k = 0; k < count; ++k) {
      left[k] = dy_ + (first + k) * packed_stride<T>(shape_.out);
      right[k] = x_ + (first + k) * packed_stride<T>(shape_.in);
    }
    for (int64_t c = 0; c < columns; c += width) {
      const int64_t vectors = std::min(width, columns - c) / kernels_.lanes;
      for (int64_t r = 0; r < rows; r += height) {
        const int64_t tile_rows = std::min(height, rows - r);
        if (first == 0)
          for (const SumOf<T>* matrix : ahead)
            fetch(matrix + (row + r) * shape_.in + column + c, tile_rows, shape_.in,
                  vectors * kernels_.lanes);
        kernels_.outer_tile[vectors][tile_rows]({left, right, row + r, column + c, 0, 0, count,
                                                 out + r * stride + c, stride, first > 0 || accumulate});
      }
    }
  }
}

template class LinearTileGradient<float>;
template class LinearTileGradient<double>;
template class LinearTileGradient<bf16>;

}  // namespace inpaint::cpu
