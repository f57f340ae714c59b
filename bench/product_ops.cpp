// The matrix products of layer_ops.h. Their operands are uniform in [-1, 1].
#include "bench/layer_ops.h"
#include "kernels/linear/linear_gradient_squares.h"

namespace inpaint::bench {
namespace {

CasePointer factor(const Context& ctx, const Shape& shape, DType dtype, uint32_t part) {
  return std::make_shared<CaseTensor>(ctx, shape, dtype, part, 0, 1);
}

// Places of a convolution's tensors as their flat indices.
struct ConvPlaces {
  Conv2dShape s;

  int64_t x(int64_t n, int64_t row, int64_t column, int64_t c) const {
    return ((n * s.h + row) * s.w + column) * s.ci + c;
  }
  int64_t w(int64_t o, int64_t ky, int64_t kx, int64_t c) const {
    return ((o * s.window.kernel + ky) * s.window.kernel + kx) * s.ci + c;
  }
  int64_t y(int64_t n, int64_t i, int64_t j, int64_t o) const {
    return ((n * s.ho() + i) * s.wo() + j) * s.co + o;
  }
  // The row or column of x under place k of output i.
  int64_t under(int64_t i, int64_t k) const {
    return s.window.stride * i + s.window.dilation * k - s.window.pad;
  }
};

// Counts the taps that lie in the picture.
int64_t needed_flop(const Conv2dShape& s) {
  const auto taps = [&](int64_t side) {
    int64_t inside = 0;
    for (int64_t i = 0; i < s.window.outputs(side); ++i)
      for (int64_t k = 0; k < s.window.kernel; ++k) {
        const int64_t at = ConvPlaces{s}.under(i, k);
        if (at >= 0 && at < side) ++inside;
      }
    return inside;
  };
  return 2 * s.n * taps(s.h) * taps(s.w) * s.ci * s.co;
}

OpCase product_case(int64_t flop, const CasePointer& a, const CasePointer& b, const CasePointer& out) {
  OpCase made;
  made.flop = made.needed_flop = flop;
  made.bytes = a->bytes() + b->bytes() + out->bytes();
  made.outputs = {out};
  return made;
}

// In bf16 sums of a few values may be rounded before the products (conv2d.h).
Expected of_convolution(DType dtype, Expected sum) {
  if (dtype == DType::kBF16) sum.magnitude *= 0x1p10;
  return sum;
}

}  // namespace

OpCase conv2d_forward_case(Context& ctx, const Conv2dShape& s, DType dtype, const Conv2dOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, s, dtype));
  const CasePointer x = factor(ctx, s.x(), dtype, 1), w = factor(ctx, s.weight(), dtype, 2),
                    y = std::make_shared<CaseTensor>(ctx, s.y(), dtype);
  OpCase made = product_case(s.flop(), x, w, y);
  made.needed_flop = needed_flop(s);
  made.run = [=, &ctx] { ops.forward(ctx, s.window, x->device(), w->device(), y->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "y", *y, [&](int64_t index) {
      const ConvPlaces at{s};
      const int64_t o = index % s.co, j = index / s.co % s.wo(), i = index / s.co / s.wo() % s.ho(),
                    n = index / s.co / s.wo() / s.ho();
      Expected sum;
      for (int64_t ky = 0; ky < s.window.kernel; ++ky)
        for (int64_t kx = 0; kx < s.window.kernel; ++kx) {
          const int64_t row = at.under(i, ky), column = at.under(j, kx);
          if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
          for (int64_t c = 0; c < s.ci; ++c)
            sum.add((*x)[at.x(n, row, column, c)] * (*w)[at.w(o, ky, kx, c)]);
        }
      return of_convolution(dtype, sum);
    });
  };
  return made;
}

OpCase conv2d_backward_data_case(Context& ctx, const Conv2dShape& s, DType dtype, const Conv2dOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, s, dtype));
  const CasePointer dy = factor(ctx, s.y(), dtype, 1), w = factor(ctx, s.weight(), dtype, 2),
                    dx = std::make_shared<CaseTensor>(ctx, s.x(), dtype);
  OpCase made = product_case(s.flop(), dy, w, dx);
  made.needed_flop = needed_flop(s);
  made.run = [=, &ctx] { ops.backward_data(ctx, s.window, dy->device(), w->device(), dx->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "dx", *dx, [&](int64_t index) {
      const ConvPlaces at{s};
      const int64_t c = index % s.ci, column = index / s.ci % s.w, row = index / s.ci / s.w % s.h,
                    n = index / s.ci / s.w / s.h;
      Expected sum;
      for (int64_t ky = 0; ky < s.window.kernel; ++ky)
        for (int64_t kx = 0; kx < s.window.kernel; ++kx) {
          const int64_t stride = s.window.stride;
          const int64_t i = row - at.under(0, ky), j = column - at.under(0, kx);  // times the stride
          if (i < 0 || j < 0 || i % stride != 0 || j % stride != 0) continue;
          if (i / stride >= s.ho() || j / stride >= s.wo()) continue;
          for (int64_t o = 0; o < s.co; ++o)
            sum.add((*dy)[at.y(n, i / stride, j / stride, o)] * (*w)[at.w(o, ky, kx, c)]);
        }
      return of_convolution(dtype, sum);
    });
  };
  return made;
}

OpCase conv2d_backward_weight_case(Context& ctx, const Conv2dShape& s, DType dtype, const Conv2dOps& ops) {
  ctx.reserve_workspace(ops.workspace_bytes(ctx, s, dtype));
  const CasePointer x = factor(ctx, s.x(), dtype, 1), dy = factor(ctx, s.y(), dtype, 2),
                    dw = std::make_shared<CaseTensor>(ctx, s.weight(), parameter_dtype(dtype));
  OpCase made = product_case(s.flop(), x, dy, dw);
  made.needed_flop = needed_flop(s);
  made.run = [=, &ctx] {
    ops.backward_weight(ctx, s.window, x->device(), dy->device(), dw->device(), GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "dw", *dw, [&](int64_t index) {
      const ConvPlaces at{s};
      const int64_t k = s.window.kernel;
      const int64_t c = index % s.ci, kx = index / s.ci % k, ky = index / s.ci / k % k,
                    o = index / s.ci / k / k;
      Expected sum;
      for (int64_t n = 0; n < s.n; ++n)
        for (int64_t i = 0; i < s.ho(); ++i)
          for (int64_t j = 0; j < s.wo(); ++j) {
            const int64_t row = at.under(i, ky), column = at.under(j, kx);
            if (row < 0 || row >= s.h || column < 0 || column >= s.w) continue;
            sum.add((*x)[at.x(n, row, column, c)] * (*dy)[at.y(n, i, j, o)]);
          }
      return of_convolution(dtype, sum);
    });
  };
  return made;
}

OpCase linear_forward_case(Context& ctx, const LinearShape& s, DType dtype) {
  ctx.reserve_workspace(linear_workspace_bytes(ctx, s, dtype));
  const CasePointer x = factor(ctx, {s.n, s.in}, dtype, 1), w = factor(ctx, {s.out, s.in}, dtype, 2),
                    y = std::make_shared<CaseTensor>(ctx, Shape{s.n, s.out}, dtype);
  OpCase made = product_case(s.flop(), x, w, y);
  made.run = [=, &ctx] { linear_forward(ctx, x->device(), w->device(), y->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "y", *y, [&](int64_t index) {
      Expected sum;
      for (int64_t k = 0; k < s.in; ++k)
        sum.add((*x)[index / s.out * s.in + k] * (*w)[index % s.out * s.in + k]);
      return sum;
    });
  };
  return made;
}

OpCase linear_backward_data_case(Context& ctx, const LinearShape& s, DType dtype) {
  ctx.reserve_workspace(linear_workspace_bytes(ctx, s, dtype));
  const CasePointer dy = factor(ctx, {s.n, s.out}, dtype, 1), w = factor(ctx, {s.out, s.in}, dtype, 2),
                    dx = std::make_shared<CaseTensor>(ctx, Shape{s.n, s.in}, dtype);
  OpCase made = product_case(s.flop(), dy, w, dx);
  made.run = [=, &ctx] { linear_backward_data(ctx, dy->device(), w->device(), dx->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "dx", *dx, [&](int64_t index) {
      Expected sum;
      for (int64_t o = 0; o < s.out; ++o)
        sum.add((*dy)[index / s.in * s.out + o] * (*w)[o * s.in + index % s.in]);
      return sum;
    });
  };
  return made;
}

OpCase linear_backward_weight_case(Context& ctx, const LinearShape& s, DType dtype) {
  ctx.reserve_workspace(linear_workspace_bytes(ctx, s, dtype));
  const CasePointer x = factor(ctx, {s.n, s.in}, dtype, 1), dy = factor(ctx, {s.n, s.out}, dtype, 2),
                    dw = std::make_shared<CaseTensor>(ctx, Shape{s.out, s.in}, parameter_dtype(dtype));
  OpCase made = product_case(s.flop(), x, dy, dw);
  made.run = [=, &ctx] {
    linear_backward_weight(ctx, x->device(), dy->device(), dw->device(), GradMode::kOverwrite);
  };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "dw", *dw, [&](int64_t index) {
      Expected sum;
      for (int64_t n = 0; n < s.n; ++n)
        sum.add((*dy)[n * s.out + index / s.in] * (*x)[n * s.in + index % s.in]);
      return sum;
    });
  };
  return made;
}

OpCase linear_gradient_squares_case(Context& ctx, const LinearShape& s, DType dtype) {
  ctx.reserve_workspace(linear_gradient_squares_workspace_bytes(ctx, s.n));
  const CasePointer x = factor(ctx, {s.n, s.in}, dtype, 1), dy = factor(ctx, {s.n, s.out}, dtype, 2),
                    squares = std::make_shared<CaseTensor>(ctx, Shape{1}, DType::kF64);
  OpCase made = product_case(0, x, dy, squares);  // in double, on no matrix unit
  made.run = [=, &ctx] { linear_gradient_squares(ctx, x->device(), dy->device(), squares->device()); };
  made.wrong = [=, &ctx] {
    return compare_some(ctx, "squares", *squares, [&](int64_t) {
      const auto dot = [](const CaseTensor& t, int64_t a, int64_t b, int64_t n) {
        double sum = 0;
        for (int64_t i = 0; i < n; ++i) sum += t[a * n + i] * t[b * n + i];
        return sum;
      };
      Expected sum;
      for (int64_t a = 0; a < s.n; ++a)
        for (int64_t b = 0; b < s.n; ++b) sum.add(dot(*x, a, b, s.in) * dot(*dy, a, b, s.out));
      return sum;
    });
  };
  return made;
}

}  // namespace inpaint::bench
