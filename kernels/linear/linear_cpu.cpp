// linear on the CPU; contract in linear.h. By a library: memory-bound below about a hundred rows, so every
// product is cut along the weights' rows or columns, and each weight is read or written by one task. By
// register tiles: linear_tile_cpu.h. Bf16 goes through f32 but for the tiles.
#include <algorithm>

#include "kernels/cpu/gemm_cpu.h"
#include "kernels/cpu/through_f32_cpu.h"
#include "kernels/linear/linear.h"
#include "kernels/linear/linear_tile_cpu.h"
#include "kernels/parameter/round_to_bf16.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock =
    256;  // output features (forward, weight gradient) or input features (data gradient)

LinearShape shape_of(const Tensor& x, const Tensor& w) { return {x.shape[0], x.shape[1], w.shape[0]}; }

bool runs_by_tiles(const Context& ctx, const LinearShape& s, DType dtype) {
  return dtype == DType::kBF16 && ctx.matrix_backend() == MatrixBackend::kTile &&
         linear_tile_takes(best_tiles<bf16>(), s);
}

// The forward pass alone; the library is as fast for the two gradients.
bool runs_by_dots(const Context& ctx, const LinearShape& s, DType dtype) {
  return ctx.matrix_backend() == MatrixBackend::kTile && linear_dot_takes(s, dtype);
}

bool goes_through_f32(const Context& ctx, const LinearShape& s, DType dtype) {
  return dtype == DType::kBF16 && !runs_by_tiles(ctx, s, dtype);
}

template <typename T>
void forward(const Context& ctx, const LinearShape& s, const T* x, const T* w, T* y) {
  ctx.parallel_blocks(s.out, kBlock, [&](int64_t begin, int64_t end, int) {
    gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kYes, s.n, end - begin, s.in, x, s.in,
            w + begin * s.in, s.in, T{0}, y + begin, s.out);
  });
}

template <typename T>
void backward_data(const Context& ctx, const LinearShape& s, const T* dy, const T* w, T* dx) {
  ctx.parallel_blocks(s.in, kBlock, [&](int64_t begin, int64_t end, int) {
    gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kNo, s.n, end - begin, s.out, dy, s.out,
            w + begin, s.in, T{0}, dx + begin, s.in);
  });
}

template <typename T>
void backward_weight(const Context& ctx, const LinearShape& s, const T* x, const T* dy, T* dw,
                     GradMode mode) {
  const T beta = mode == GradMode::kOverwrite ? T{0} : T{1};
  ctx.parallel_blocks(s.out, kBlock, [&](int64_t begin, int64_t end, int) {
    gemm<T>(ctx.matrix_backend(), Transpose::kYes, Transpose::kNo, end - begin, s.in, s.n, dy + begin, s.out,
            x, s.in, beta, dw + begin * s.in, s.in);
  });
}

}  // namespace

int64_t linear_workspace_bytes(const Context& ctx, const LinearShape& s, DType dtype) {
  if (goes_through_f32(ctx, s, dtype))
    return ThroughF32::bytes(cpu::linear_workspace_bytes(ctx, s, DType::kF32),
                             {s.n * s.in, s.out * s.in, s.n * s.out});
  if (runs_by_tiles(ctx, s, dtype)) return linear_tile_workspace_bytes(ctx, s);
  return runs_by_dots(ctx, s, dtype) ? linear_dot_workspace_bytes(ctx, s, dtype) : 0;
}

namespace {

ThroughF32 through_f32(const Context& ctx, const LinearShape& s) {
  return {ctx, cpu::linear_workspace_bytes(ctx, s, DType::kF32),
          cpu::linear_workspace_bytes(ctx, s, DType::kBF16)};
}

}  // namespace

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  const LinearShape s = shape_of(x, w);
  if (goes_through_f32(ctx, s, x.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    const Tensor wide = f32.room(y.shape);
    cpu::linear_forward(ctx, f32.widened(x), f32.widened(w), wide);
    return round_to_bf16(ctx, wide, y);
  }
  if (runs_by_tiles(ctx, s, x.dtype))
    return linear_tile_forward(ctx, s, x.as<bf16>(), w.as<bf16>(), y.as<bf16>());
  visit_real(x.dtype, [&]<typename T>(T) {
    if (runs_by_dots(ctx, s, x.dtype))
      return linear_dot_forward(ctx, best_tiles<T>(), s, x.as<T>(), w.as<T>(), y.as<T>());
    forward(ctx, s, x.as<T>(), w.as<T>(), y.as<T>());
  });
}

void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  const LinearShape s = shape_of(dx, w);
  if (goes_through_f32(ctx, s, dx.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    const Tensor wide = f32.room(dx.shape);
    cpu::linear_backward_data(ctx, f32.widened(dy), f32.widened(w), wide);
    return round_to_bf16(ctx, wide, dx);
  }
  if (runs_by_tiles(ctx, s, dx.dtype))
    return linear_tile_backward_data(ctx, s, dy.as<bf16>(), w.as<bf16>(), dx.as<bf16>());
  visit_real(dx.dtype, [&]<typename T>(T) { backward_data(ctx, s, dy.as<T>(), w.as<T>(), dx.as<T>()); });
}

void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  const LinearShape s = shape_of(x, dw);
  if (goes_through_f32(ctx, s, x.dtype)) {
    ThroughF32 f32 = through_f32(ctx, s);
    return cpu::linear_backward_weight(ctx, f32.widened(x), f32.widened(dy), dw, mode);
  }
  if (runs_by_tiles(ctx, s, x.dtype))
    return linear_tile_backward_weight(ctx, s, x.as<bf16>(), dy.as<bf16>(), dw.as<float>(), mode);
  visit_real(x.dtype,
             [&]<typename T>(T) { backward_weight(ctx, s, x.as<T>(), dy.as<T>(), dw.as<T>(), mode); });
}

}  // namespace inpaint::cpu
