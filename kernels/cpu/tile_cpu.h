// The register tiles below the CPU's own products (window_product_cpu.h, conv2d_tile_cpu.h): a few rows times
// a few vectors of sums that never leave the registers while the tile runs. One set of kernels per
// instruction set, compiled side by side; the best one this processor runs is chosen at run time.
//
// Values are f32 or f64, and their sums too; or bf16 with sums in f32. A bf16 product takes two steps of the
// summed dimension at once, so in bf16 that dimension comes in pairs: kTileStep values, next to each other in
// memory, of every row and of every column.
//
// A panel is a stretch of `lanes * v` columns, 1 <= v <= vectors, of a matrix's rows, packed: the rows (in
// bf16 the pairs of rows, [column, 2]) follow each other without gaps, and a panel's address is a multiple of
// a vector's bytes. Columns beyond the matrix are 0.
#pragma once

#include <cstdint>
#include <type_traits>
#include <vector>

#include "core/device/bf16.h"

namespace inpaint::cpu {

inline constexpr int kTileMaxRows = 8, kTileMaxVectors = 4;

// What products of T are summed in.
template <typename T>
using SumOf = ArithmeticOf<T>;

// Values of the summed dimension that one multiplication takes: every depth is a multiple of it.
template <typename T>
inline constexpr int64_t kTileStep = std::is_same_v<T, bf16> ? 2 : 1;

// A run of `depth` products: source values from `source` on (counted from a row's origin), panel rows from
// `panel_row` on.
struct TileRun {
  int64_t source, panel_row, depth;
};

// sum[r, j] = sum over runs and k of source[rows[r] + run.source + k] * panel[run.panel_row + k, j], and with
// `resume` the sums[r * sums_stride + j] of runs before these. The sums go to `out`, rounded to T, at
// out[out_rows[r] + j] for j < columns; or, where `out` is null, back to `sums`, all columns of v vectors.
// While the tile runs, two stretches of memory are fetched for later: from `ahead` on and ahead_stride beyond
// it, ahead_step values for each of the depth. Strides of 0 fetch nothing new.
template <typename T>
struct PanelTile {
  const T* source;
  const int64_t* rows;
  const TileRun* runs;
  int64_t run_count;
  const T* panel;
  SumOf<T>* sums;
  int64_t sums_stride;
  bool resume;
  T* out;
  const int64_t* out_rows;
  int64_t columns;
  const T* ahead;
  int64_t ahead_stride, ahead_step;
};

// out[r * out_stride + j] (+)= sum over k < count of left[k][left_offset + r] * right[k][right_offset + j],
// for all columns of v vectors. In bf16 left[k] and right[k] hold pairs, as `interleave` writes them, and k
// counts pairs. What lies left_ahead and right_ahead beyond each operand is fetched for a later tile; 0
// fetches nothing new.
template <typename T>
struct OuterTile {
  const T* const* left;
  const T* const* right;
  int64_t left_offset, right_offset, left_ahead, right_ahead, count;
  SumOf<T>* out;
  int64_t out_stride;
  bool accumulate;
};

// sums[(r * sums_stride + c) * lanes + l] (+)= sum over k of left[r * left_stride + k] * right[c *
// right_stride + k] for the k < depth with k % lanes = l: rows times rows, both contiguous in the summed
// dimension, which a vector runs along. `depth` is a multiple of lanes. Not in bf16.
template <typename T>
struct DotTile {
  const T *left, *right;
  int64_t left_stride, right_stride, depth;
  T* sums;
  int64_t sums_stride;
  bool accumulate;
};

template <typename T>
struct TileKernels {
  int64_t lanes, vectors;  // a vector's sums; the widest panel's vectors
  void (*panel_tile[kTileMaxVectors + 1][kTileMaxRows + 1])(const PanelTile<T>&);  // [v][rows]
  void (*outer_tile[kTileMaxVectors + 1][kTileMaxRows + 1])(const OuterTile<T>&);
  void (*dot_tile[kTileMaxVectors + 1][kTileMaxRows + 1])(const DotTile<T>&);  // [columns][rows]; bf16: null

  // Packs `depth` rows of v vectors from a matrix whose columns are contiguous: row k, column j at
  // from[j * stride + k]. Columns from `columns` on become 0.
  void (*pack_transposed)(const T* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, T* panel);
  // The same from contiguous rows: row k, column j at from[k * stride + j].
  void (*pack_rows)(const T* from, int64_t stride, int64_t depth, int64_t columns, int64_t v, T* panel);
  // bf16 alone, else null: the pairs of an OuterTile, to[k * stride + 2 j] = rows[2 k][offset + j] and
  // to[k * stride + 2 j + 1] = rows[2 k + 1][offset + j], which is 0 behind the last of `count` rows.
  void (*interleave)(const T* const* rows, int64_t count, int64_t offset, int64_t columns, T* to,
                     int64_t stride);

  // Rows of the best tile for panels of v vectors: enough sums to hide the latency of a multiply-add.
  static constexpr int64_t rows(int64_t v) { return v == 1 || v == 3 ? 8 : 6; }
};

// The kernels of one instruction set.
struct TileSet {
  const char* name;
  TileKernels<float> f32;
  TileKernels<double> f64;
  TileKernels<bf16> b16;

  template <typename T>
  const TileKernels<T>& of() const {
    if constexpr (std::is_same_v<T, float>) {
      return f32;
    } else if constexpr (std::is_same_v<T, double>) {
      return f64;
    } else {
      return b16;
    }
  }
};

// The sets this program holds and this processor runs, best first; never empty.
const std::vector<const TileSet*>& tile_sets();

template <typename T>
const TileKernels<T>& best_tiles() {
  return tile_sets().front()->of<T>();
}

}  // namespace inpaint::cpu
