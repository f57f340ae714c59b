// The tiles of tile_cpu.h for one instruction set. Each tile_kernels_<set>.cpp is compiled with that set's
// flags and includes this file after defining
//   INPAINT_TILE_BYTES     bytes of a vector
//   INPAINT_TILE_VECTORS   vectors of the widest panel: with 6 rows, as many sums as the registers hold
// Everything here has internal linkage and no library code is instantiated: a function shared with the rest
// of the program could come to be linked in a version that other processors do not run.
#pragma once

#include <cstddef>
#include <utility>  // integer sequences

#include "kernels/tile_cpu.h"

#ifdef __clang__
#define INPAINT_UNROLL _Pragma("clang loop unroll(full)")
#else
#define INPAINT_UNROLL _Pragma("GCC unroll 16")
#endif

namespace inpaint::cpu {
namespace {

template <typename T>
struct Simd {
  static constexpr int kLanes = INPAINT_TILE_BYTES / sizeof(T);
  typedef T Vector __attribute__((vector_size(INPAINT_TILE_BYTES)));
  typedef T Anywhere __attribute__((vector_size(INPAINT_TILE_BYTES), aligned(alignof(T)), may_alias));

  static Vector load(const T* from) { return *reinterpret_cast<const Anywhere*>(from); }
  static void store(T* to, Vector value) { *reinterpret_cast<Anywhere*>(to) = value; }
};

// Asks for the memory that a tile's sums go to while the tile is still being computed.
template <typename T, int V>
void fetch_for_write(const T* out) {
  INPAINT_UNROLL
  for (int v = 0; v < V; ++v) __builtin_prefetch(out + v * Simd<T>::kLanes, 1);
}

template <typename T, int R, int V>
void panel_tile(const PanelTile<T>& t) {
  using S = Simd<T>;
  const bool accumulate = t.accumulate;
  typename S::Vector sum[R][V] = {};
  for (const TileRun* run = t.runs; run != t.runs + t.run_count; ++run) {
    if (run + 1 == t.runs + t.run_count) {
      INPAINT_UNROLL
      for (int r = 0; r < R; ++r) fetch_for_write<T, V>(t.out + t.out_rows[r]);
    }
    const T* row[R];
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) row[r] = t.source + (t.rows[r] + run->source);
    const T* panel = t.panel + run->panel_row * (V * S::kLanes);
    for (int64_t k = 0; k < run->depth; ++k, panel += V * S::kLanes) {
      typename S::Vector b[V];
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) b[v] = S::load(panel + v * S::kLanes);
      INPAINT_UNROLL
      for (int r = 0; r < R; ++r) {
        const T a = row[r][k];
        INPAINT_UNROLL
        for (int v = 0; v < V; ++v) sum[r][v] += a * b[v];
      }
    }
  }
  if (t.columns == V * S::kLanes) {
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      T* out = t.out + t.out_rows[r];
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v)
        S::store(out + v * S::kLanes, accumulate ? S::load(out + v * S::kLanes) + sum[r][v] : sum[r][v]);
    }
    return;
  }
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) {
    T* out = t.out + t.out_rows[r];
    T values[V * S::kLanes];  // an index known at run time would push the sums out of the registers
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v) S::store(values + v * S::kLanes, sum[r][v]);
    for (int64_t j = 0; j < t.columns; ++j) out[j] = accumulate ? out[j] + values[j] : values[j];
  }
}

template <typename T, int R, int V>
void outer_tile(const OuterTile<T>& t) {
  using S = Simd<T>;
  const bool accumulate = t.accumulate;
  typename S::Vector sum[R][V] = {};
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) fetch_for_write<T, V>(t.out + r * t.out_stride);
  for (int64_t k = 0; k < t.count; ++k) {
    const T* a = t.left[k] + t.left_offset;
    const T* b = t.right[k] + t.right_offset;
    __asm__("" : "+r"(a), "+r"(b));  // else GCC keeps a register for each of the six left offsets, and spills
    __builtin_prefetch(a + t.left_ahead);
    __builtin_prefetch(b + t.right_ahead);
    typename S::Vector right[V];
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v) right[v] = S::load(b + v * S::kLanes);
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      const T left = a[r];
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) sum[r][v] += left * right[v];
    }
  }
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) {
    T* out = t.out + r * t.out_stride;
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v)
      S::store(out + v * S::kLanes, accumulate ? S::load(out + v * S::kLanes) + sum[r][v] : sum[r][v]);
  }
}

template <typename V, size_t... I>
V interleave_low(V a, V b, std::index_sequence<I...>) {
  return __builtin_shufflevector(a, b, (I % 2 == 0 ? I / 2 : sizeof...(I) + I / 2)...);
}
template <typename V, size_t... I>
V interleave_high(V a, V b, std::index_sequence<I...>) {
  constexpr size_t kHalf = sizeof...(I) / 2;
  return __builtin_shufflevector(a, b, (kHalf + (I % 2 == 0 ? I / 2 : sizeof...(I) + I / 2))...);
}

// A square of lanes x lanes values, from lines `from_stride` apart to lines `to_stride` apart. Each step
// interleaves line i with line i + lanes / 2, which rotates the bits of (line, lane) by one place.
template <typename T>
void transpose_square(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  using S = Simd<T>;
  constexpr int kLanes = S::kLanes;
  using Lanes = std::make_index_sequence<kLanes>;
  typename S::Vector line[kLanes], next[kLanes];
  INPAINT_UNROLL
  for (int i = 0; i < kLanes; ++i) line[i] = S::load(from + i * from_stride);
  INPAINT_UNROLL
  for (int step = 1; step < kLanes; step *= 2) {
    INPAINT_UNROLL
    for (int i = 0; i < kLanes / 2; ++i) {
      next[2 * i] = interleave_low(line[i], line[i + kLanes / 2], Lanes{});
      next[2 * i + 1] = interleave_high(line[i], line[i + kLanes / 2], Lanes{});
    }
    INPAINT_UNROLL
    for (int i = 0; i < kLanes; ++i) line[i] = next[i];
  }
  INPAINT_UNROLL
  for (int i = 0; i < kLanes; ++i) S::store(to + i * to_stride, line[i]);
}

template <typename T>
void pack_transposed(const T* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, T* panel) {
  constexpr int64_t kLanes = Simd<T>::kLanes;
  const int64_t width = v * kLanes;
  for (int64_t begin = 0; begin < width; begin += kLanes) {
    const int64_t valid = columns - begin < kLanes ? columns - begin : kLanes;
    int64_t k = 0;
    if (valid == kLanes)
      for (; k + kLanes <= depth; k += kLanes)
        transpose_square(from + begin * stride + k, stride, panel + k * width + begin, width);
    for (; k < depth; ++k)
      for (int64_t j = 0; j < kLanes; ++j)
        panel[k * width + begin + j] = j < valid ? from[(begin + j) * stride + k] : T{0};
  }
}

template <typename T>
void pack_rows(const T* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, T* panel) {
  using S = Simd<T>;
  const int64_t width = v * S::kLanes;
  for (int64_t k = 0; k < depth; ++k, from += stride, panel += width) {
    int64_t j = 0;
    for (; j + S::kLanes <= columns; j += S::kLanes) S::store(panel + j, S::load(from + j));
    for (; j < width; ++j) panel[j] = j < columns ? from[j] : T{0};
  }
}

template <typename T, int V, int... R>
constexpr void fill_tiles(TileKernels<T>& table, std::integer_sequence<int, R...>) {
  ((table.panel_tile[V][R + 1] = panel_tile<T, R + 1, V>), ...);
  ((table.outer_tile[V][R + 1] = outer_tile<T, R + 1, V>), ...);
}

template <typename T>
constexpr TileKernels<T> make_tile_kernels() {
  TileKernels<T> table{};
  table.lanes = Simd<T>::kLanes;
  table.vectors = INPAINT_TILE_VECTORS;
  fill_tiles<T, 1>(table, std::make_integer_sequence<int, TileKernels<T>::rows(1)>{});
  fill_tiles<T, 2>(table, std::make_integer_sequence<int, TileKernels<T>::rows(2)>{});
#if INPAINT_TILE_VECTORS == 4
  fill_tiles<T, 3>(table, std::make_integer_sequence<int, TileKernels<T>::rows(3)>{});
  fill_tiles<T, 4>(table, std::make_integer_sequence<int, TileKernels<T>::rows(4)>{});
#endif
  table.pack_transposed = pack_transposed<T>;
  table.pack_rows = pack_rows<T>;
  return table;
}

}  // namespace
}  // namespace inpaint::cpu
