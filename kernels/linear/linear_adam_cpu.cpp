// linear_adam on the CPU; contract in linear_adam.h. Bound by the memory that w, m and v travel from and to:
// a piece of the gradient is computed, and used while it is in the second cache. Bf16 goes through f32 but
// for the tiles.
#include <algorithm>
#include <array>
#include <cstddef>

#include "kernels/cpu/gemm_cpu.h"
#include "kernels/cpu/through_f32_cpu.h"
#include "kernels/linear/linear_adam.h"
#include "kernels/linear/linear_tile_cpu.h"
#include "kernels/linear/linear_tile_weight_cpu.h"
#include "kernels/parameter/adam_cpu.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kLibraryRows = 16;  // of a piece; it has all columns
constexpr int64_t kTileColumns = 1024;
constexpr int64_t kStretch = 1024;  // of a row: w stays in the first cache between its two uses

LinearShape shape_of(const Tensor& x, const Tensor& dy) { return {x.shape[0], x.shape[1], dy.shape[1]}; }

bool runs_by_tiles(const Context& ctx, const LinearShape& s, DType dtype) {
  bool takes = false;
  visit_activation_type(dtype, [&]<typename T>(T) { takes = linear_tile_takes(best_tiles<T>(), s); });
  return takes && ctx.matrix_backend() == MatrixBackend::kTile;
}

int64_t whole_lines(int64_t bytes) { return (bytes + 63) / 64 * 64; }

// The gradient [out, in] in pieces: blocks of rows are tasks, and one has a piece of `columns` after
// the other.
struct Pieces {
  int64_t rows, columns, blocks;

  Pieces(const LinearShape& s, int64_t block_rows, int64_t piece_columns)
      : rows(block_rows), columns(piece_columns), blocks((s.out + block_rows - 1) / block_rows) {}

  // The workspace holds a partial sum of squares for each block, a piece for each thread.
  int64_t sums_bytes() const { return whole_lines(blocks * size_of(DType::kF64)); }
  template <typename F>
  int64_t bytes(const Context& ctx) const {
    return sums_bytes() + whole_lines(ctx.threads() * rows * columns * static_cast<int64_t>(sizeof(F)));
  }
};

template <typename F>
struct Weights {
  AdamCoefficients<F> k;
  F *w, *m, *v;
  bf16* copies;
  double* half_squares;

  std::array<const F*, 3> arrays() const { return {w, m, v}; }

  void update(int64_t at, int64_t n, const F* gradient, LaneSum& squares) const {
    for (int64_t i = 0, next; i < n; i = next) {
      next = std::min(n, i + kStretch);
      adam_update_weights(k, next - i, gradient + i, w + at + i, m + at + i, v + at + i,
                          copies == nullptr ? nullptr : copies + at + i,
                          half_squares == nullptr ? nullptr : &squares);
    }
  }
};

// compute(row, rows, column, columns, out) gives a piece of the gradient, its rows pieces.columns apart.
template <typename F, typename Compute>
void update_by_pieces(const Context& ctx, const LinearShape& s, const Pieces& pieces,
                      const Weights<F>& weights, std::byte* room, Compute&& compute) {
  double* const partial = reinterpret_cast<double*>(room);
  F* const memory = reinterpret_cast<F*>(room + pieces.sums_bytes());
  ctx.parallel_blocks(s.out, pieces.rows, [&](int64_t begin, int64_t end, int worker) {
    F* const gradient = memory + worker * pieces.rows * pieces.columns;
    LaneSum squares;
    for (int64_t column = 0; column < s.in; column += pieces.columns) {
      const int64_t columns = std::min(pieces.columns, s.in - column);
      compute(begin, end - begin, column, columns, gradient);
      for (int64_t row = begin; row < end; ++row)
        weights.update(row * s.in + column, columns, gradient + (row - begin) * pieces.columns, squares);
    }
    partial[begin / pieces.rows] = squares.total();
  });
  if (weights.half_squares != nullptr) *weights.half_squares = sum_in_order(partial, pieces.blocks) / 2;
}

template <typename T>
Pieces tile_pieces(const LinearShape& s) {
  return {s, LinearTileGradient<T>::block_rows(best_tiles<T>()), std::min(s.in, kTileColumns)};
}

Pieces library_pieces(const LinearShape& s) { return {s, kLibraryRows, s.in}; }

}  // namespace

int64_t linear_adam_workspace_bytes(const Context& ctx, const LinearShape& s, DType dtype) {
  int64_t bytes = 0;
  if (runs_by_tiles(ctx, s, dtype)) {
    visit_activation_type(dtype, [&]<typename T>(T) {
      bytes = tile_pieces<T>(s).template bytes<SumOf<T>>(ctx) + LinearTileGradient<T>::bytes(s);
    });
  } else if (dtype == DType::kBF16) {
    bytes =
        ThroughF32::bytes(cpu::linear_adam_workspace_bytes(ctx, s, DType::kF32), {s.n * s.in, s.n * s.out});
  } else {
    visit_real(dtype, [&]<typename T>(T) { bytes = library_pieces(s).bytes<T>(ctx); });
  }
  return bytes;
}

namespace {

template <typename T>
void run_by_tiles(const Context& ctx, const LinearShape& s, const T* x, const T* dy,
                  const Weights<SumOf<T>>& weights) {
  const Pieces pieces = tile_pieces<T>(s);
  auto* const room =
      static_cast<std::byte*>(ctx.workspace(cpu::linear_adam_workspace_bytes(ctx, s, kDTypeOf<T>)));
  const LinearTileGradient<T> gradient(ctx, best_tiles<T>(), s, x, dy, room + pieces.bytes<SumOf<T>>(ctx));
  update_by_pieces(ctx, s, pieces, weights, room,
                   [&](int64_t row, int64_t rows, int64_t column, int64_t columns, SumOf<T>* out) {
                     gradient.compute(row, rows, column, columns, out, pieces.columns, false,
                                      weights.arrays());
                   });
}

template <typename T>
void run_by_library(const Context& ctx, const LinearShape& s, const T* x, const T* dy,
                    const Weights<T>& weights) {
  auto* const room =
      static_cast<std::byte*>(ctx.workspace(cpu::linear_adam_workspace_bytes(ctx, s, kDTypeOf<T>)));
  update_by_pieces(ctx, s, library_pieces(s), weights, room,
                   [&](int64_t row, int64_t rows, int64_t, int64_t, T* out) {
                     gemm<T>(ctx.matrix_backend(), Transpose::kYes, Transpose::kNo, rows, s.in, s.n, dy + row,
                             s.out, x, s.in, T{0}, out, s.in);
                   });
}

}  // namespace

void linear_adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, const Tensor& x,
                 const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                 const Tensor* weights_bf16, const Tensor* half_squares) {
  const LinearShape s = shape_of(x, dy);
  if (x.dtype == DType::kBF16 && !runs_by_tiles(ctx, s, x.dtype)) {
    ThroughF32 f32(ctx, cpu::linear_adam_workspace_bytes(ctx, s, DType::kF32),
                   cpu::linear_adam_workspace_bytes(ctx, s, DType::kBF16));
    return cpu::linear_adam(ctx, options, rate, f32.widened(x), f32.widened(dy), w, m, v, weights_bf16,
                            half_squares);
  }
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    using F = ArithmeticOf<T>;
    const Weights<F> weights{{options, *rate.as<double>()},
                             w.as<F>(),
                             m.as<F>(),
                             v.as<F>(),
                             weights_bf16 == nullptr ? nullptr : weights_bf16->as<bf16>(),
                             half_squares == nullptr ? nullptr : half_squares->as<double>()};
    if (runs_by_tiles(ctx, s, x.dtype)) return run_by_tiles(ctx, s, x.as<T>(), dy.as<T>(), weights);
    if constexpr (!std::is_same_v<T, bf16>) run_by_library(ctx, s, x.as<T>(), dy.as<T>(), weights);
  });
}

}  // namespace inpaint::cpu
