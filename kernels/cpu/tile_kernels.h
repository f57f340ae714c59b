// The tiles of tile_cpu.h for one instruction set. Each tile_kernels_<set>.cpp is compiled with that set's
// flags and includes this file after defining
//   INPAINT_TILE_BYTES     bytes of a vector
//   INPAINT_TILE_VECTORS   vectors of the widest panel: with 6 rows, as many sums as the registers hold
//   INPAINT_TILE_BF16_DOT  where the set multiplies pairs of bf16 (AVX512_BF16)
// Everything here has internal linkage and no library code is instantiated, not even bf16's own conversions:
// a function shared with the rest of the program could come to be linked in a version that other processors
// do not run.
#pragma once

#include <cstddef>
#include <utility>  // integer sequences

#include "kernels/cpu/tile_cpu.h"
#include "kernels/cpu/tile_simd.h"

namespace inpaint::cpu {
namespace {

// Asks for the memory that a tile's sums go to while the tile is still being computed.
template <typename T, int V>
void fetch_for_write(const T* out) {
  constexpr int kLine = 64 / sizeof(T), kValues = V * Simd<T>::kLanes;
  INPAINT_UNROLL
  for (int j = 0; j < kValues; j += kLine) __builtin_prefetch(out + j, 1);
}

template <typename T, int R, int V>
void panel_tile(const PanelTile<T>& t) {
  using S = Simd<T>;
  constexpr int kLanes = S::kLanes, kStep = S::kStep;
  typename S::Vector sum[R][V] = {};
  const T* ahead = t.ahead;
  for (const TileRun* run = t.runs; run != t.runs + t.run_count; ++run) {
    if (run + 1 == t.runs + t.run_count) {
      INPAINT_UNROLL
      for (int r = 0; r < R; ++r) {
        if (t.out != nullptr) fetch_for_write<T, V>(t.out + t.out_rows[r]);
      }
    }
    const T* row[R];
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) row[r] = t.source + (t.rows[r] + run->source);
    const T* panel = t.panel + run->panel_row * (V * kLanes);
    for (int64_t k = 0; k < run->depth;
         k += kStep, panel += kStep * V * kLanes, ahead += kStep * t.ahead_step) {
      __builtin_prefetch(ahead);
      __builtin_prefetch(ahead + t.ahead_stride);
      typename S::Operand b[V];
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) b[v] = S::operand(panel + kStep * v * kLanes);
      INPAINT_UNROLL
      for (int r = 0; r < R; ++r) {
        const auto a = S::step(row[r] + k);
        INPAINT_UNROLL
        for (int v = 0; v < V; ++v) sum[r][v] = S::multiply_add(a, b[v], sum[r][v]);
      }
    }
  }
  if (t.resume) {
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) sum[r][v] = S::load(t.sums + r * t.sums_stride + v * kLanes) + sum[r][v];
    }
  }
  if (t.out == nullptr) {
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) S::store(t.sums + r * t.sums_stride + v * kLanes, sum[r][v]);
    }
    return;
  }
  if (t.columns == V * kLanes) {
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      T* out = t.out + t.out_rows[r];
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) S::store_rounded(out + v * kLanes, sum[r][v]);
    }
    return;
  }
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) {
    T* out = t.out + t.out_rows[r];
    T values[V * kLanes];  // an index known at run time would push the sums out of the registers
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v) S::store_rounded(values + v * kLanes, sum[r][v]);
    for (int64_t j = 0; j < t.columns; ++j) out[j] = values[j];
  }
}

template <typename T, int R, int V>
void outer_tile(const OuterTile<T>& t) {
  using S = Simd<T>;
  constexpr int kLanes = S::kLanes, kStep = S::kStep;
  const bool accumulate = t.accumulate;
  typename S::Vector sum[R][V] = {};
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) fetch_for_write<SumOf<T>, V>(t.out + r * t.out_stride);
  for (int64_t k = 0; k < t.count; ++k) {
    const T* a = t.left[k] + kStep * t.left_offset;
    const T* b = t.right[k] + kStep * t.right_offset;
    __asm__("" : "+r"(a), "+r"(b));  // else GCC keeps a register for each of the six left offsets, and spills
    __builtin_prefetch(a + t.left_ahead);
    __builtin_prefetch(b + t.right_ahead);
    typename S::Operand right[V];
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v) right[v] = S::operand(b + kStep * v * kLanes);
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      const auto left = S::step(a + kStep * r);
      INPAINT_UNROLL
      for (int v = 0; v < V; ++v) sum[r][v] = S::multiply_add(left, right[v], sum[r][v]);
    }
  }
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) {
    SumOf<T>* out = t.out + r * t.out_stride;
    INPAINT_UNROLL
    for (int v = 0; v < V; ++v)
      S::store(out + v * kLanes, accumulate ? S::load(out + v * kLanes) + sum[r][v] : sum[r][v]);
  }
}

template <typename T, int R, int C>
void dot_tile(const DotTile<T>& t) {
  using S = Simd<T>;
  constexpr int kLanes = S::kLanes;
  typename S::Vector sum[R][C] = {};
  for (int64_t k = 0; k < t.depth; k += kLanes) {
    typename S::Vector right[C];
    INPAINT_UNROLL
    for (int c = 0; c < C; ++c) right[c] = S::load(t.right + c * t.right_stride + k);
    INPAINT_UNROLL
    for (int r = 0; r < R; ++r) {
      typename S::Vector left = S::load(t.left + r * t.left_stride + k);
#ifdef __x86_64__
      __asm__("" : "+v"(left));  // else GCC loads it again for each product, and loads become the limit
#endif
      INPAINT_UNROLL
      for (int c = 0; c < C; ++c) sum[r][c] = sum[r][c] + left * right[c];
    }
  }
  INPAINT_UNROLL
  for (int r = 0; r < R; ++r) {
    INPAINT_UNROLL
    for (int c = 0; c < C; ++c) {
      T* to = t.sums + (r * t.sums_stride + c) * kLanes;
      S::store(to, t.accumulate ? S::load(to) + sum[r][c] : sum[r][c]);
    }
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

// A square of lanes x lanes words (values, in bf16 pairs of them), from lines `from_stride` apart to lines
// `to_stride` apart. Each step interleaves line i with line i + lanes / 2, which rotates the bits of (line,
// lane) by one place.
template <typename T>
void transpose_square(const T* from, int64_t from_stride, T* to, int64_t to_stride) {
  using S = Simd<T>;
  constexpr int kLanes = S::kLanes;
  using Lanes = std::make_index_sequence<kLanes>;
  typename S::Operand line[kLanes], next[kLanes];
  INPAINT_UNROLL
  for (int i = 0; i < kLanes; ++i) {
    line[i] = S::operand(from + i * from_stride);
    __builtin_prefetch(from + i * from_stride + 2 * S::kStep * kLanes);  // the square after the next
  }
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
  for (int i = 0; i < kLanes; ++i) S::store_operand(to + i * to_stride, line[i]);
}

template <typename T>
void pack_transposed(const T* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, T* panel) {
  constexpr int64_t kLanes = Simd<T>::kLanes, kStep = Simd<T>::kStep;
  const int64_t width = v * kLanes;
  for (int64_t begin = 0; begin < width; begin += kLanes) {
    const int64_t valid = columns - begin < kLanes ? columns - begin : kLanes;
    int64_t k = 0;
    if (valid == kLanes)
      for (; k + kStep * kLanes <= depth; k += kStep * kLanes)
        transpose_square(from + begin * stride + k, stride, panel + k * width + kStep * begin, kStep * width);
    for (; k < depth; k += kStep)
      for (int64_t j = 0; j < kLanes; ++j)
        for (int64_t i = 0; i < kStep; ++i)
          panel[k * width + kStep * (begin + j) + i] =
              j < valid ? from[(begin + j) * stride + k + i] : Simd<T>::zero();
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

// to[j] = {a[j], b[j]}; where b is null its values are 0.
inline void interleave_rows(const bf16* a, const bf16* b, int64_t columns, bf16* to) {
  using S = Simd<bf16>;
  using Halves = S::Halves;
  constexpr int64_t kHalves = 2 * S::kLanes;
  int64_t j = 0;
  if (b != nullptr) {
    for (; j + kHalves <= columns; j += kHalves) {
      const Halves x = S::halves(a + j), y = S::halves(b + j);
      S::store_halves(to + 2 * j, interleave_low(x, y, std::make_index_sequence<kHalves>{}));
      S::store_halves(to + 2 * j + kHalves, interleave_high(x, y, std::make_index_sequence<kHalves>{}));
    }
  }
  for (; j < columns; ++j) {
    to[2 * j] = a[j];
    to[2 * j + 1] = b != nullptr ? b[j] : S::zero();
  }
}

void interleave(const bf16* const* rows, int64_t count, int64_t offset, int64_t columns, bf16* to,
                int64_t stride) {
  for (int64_t k = 0; k < count; k += 2, to += stride)
    interleave_rows(rows[k] + offset, k + 1 < count ? rows[k + 1] + offset : nullptr, columns, to);
}

template <>
void pack_rows(const bf16* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, bf16* panel) {
  const int64_t width = v * Simd<bf16>::kLanes;
  for (int64_t k = 0; k < depth; k += 2, from += 2 * stride, panel += 2 * width) {
    interleave_rows(from, from + stride, columns, panel);
    for (int64_t j = 2 * columns; j < 2 * width; ++j) panel[j] = Simd<bf16>::zero();
  }
}

template <typename T, int V, int... R>
constexpr void fill_tiles(TileKernels<T>& table, std::integer_sequence<int, R...>) {
  ((table.panel_tile[V][R + 1] = panel_tile<T, R + 1, V>), ...);
  ((table.outer_tile[V][R + 1] = outer_tile<T, R + 1, V>), ...);
  if constexpr (Simd<T>::kStep == 1) ((table.dot_tile[V][R + 1] = dot_tile<T, R + 1, V>), ...);
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
  if constexpr (std::is_same_v<T, bf16>) table.interleave = interleave;
  return table;
}

constexpr TileSet make_tile_set(const char* name) {
  return {name, make_tile_kernels<float>(), make_tile_kernels<double>(), make_tile_kernels<bf16>()};
}

}  // namespace
}  // namespace inpaint::cpu
