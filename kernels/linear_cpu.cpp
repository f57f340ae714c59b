// linear on the CPU; contract in linear.h. Memory-bound below about a hundred rows: every product is cut
// along the weights' rows or columns, so that each weight is read or written by one task.
#include <algorithm>

#include "kernels/gemm_cpu.h"
#include "kernels/linear.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock =
    256;  // output features (forward, weight gradient) or input features (data gradient)

struct Sizes {
  int64_t n, in, out;
};

Sizes sizes_of(const Tensor& x, const Tensor& w) { return {x.shape[0], x.shape[1], w.shape[0]}; }

}  // namespace

int64_t linear_workspace_bytes(const Context&, const LinearShape&, DType) { return 0; }

void linear_forward(const Context& ctx, const Tensor& x, const Tensor& w, const Tensor& y) {
  const Sizes s = sizes_of(x, w);
  visit_real(x.dtype, [&]<typename T>(T) {
    const T *xs = x.as<T>(), *ws = w.as<T>();
    T* ys = y.as<T>();
    ctx.parallel_blocks(s.out, kBlock, [&](int64_t begin, int64_t end, int) {
      gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kYes, s.n, end - begin, s.in, xs, s.in,
              ws + begin * s.in, s.in, T{0}, ys + begin, s.out);
    });
  });
}

void linear_backward_data(const Context& ctx, const Tensor& dy, const Tensor& w, const Tensor& dx) {
  const Sizes s = sizes_of(dx, w);
  visit_real(dx.dtype, [&]<typename T>(T) {
    const T *dys = dy.as<T>(), *ws = w.as<T>();
    T* dxs = dx.as<T>();
    ctx.parallel_blocks(s.in, kBlock, [&](int64_t begin, int64_t end, int) {
      gemm<T>(ctx.matrix_backend(), Transpose::kNo, Transpose::kNo, s.n, end - begin, s.out, dys, s.out,
              ws + begin, s.in, T{0}, dxs + begin, s.in);
    });
  });
}

void linear_backward_weight(const Context& ctx, const Tensor& x, const Tensor& dy, const Tensor& dw,
                            GradMode mode) {
  const Sizes s = sizes_of(x, dw);
  visit_real(x.dtype, [&]<typename T>(T) {
    const T *xs = x.as<T>(), *dys = dy.as<T>();
    T* dws = dw.as<T>();
    const T beta = mode == GradMode::kOverwrite ? T{0} : T{1};
    ctx.parallel_blocks(s.out, kBlock, [&](int64_t begin, int64_t end, int) {
      gemm<T>(ctx.matrix_backend(), Transpose::kYes, Transpose::kNo, end - begin, s.in, s.n, dys + begin,
              s.out, xs, s.in, beta, dws + begin * s.in, s.in);
    });
  });
}

}  // namespace inpaint::cpu
