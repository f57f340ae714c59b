// total_variation on the CPU; contract in total_variation.h. Memory-bound: a picture row is one run of
// w c values, whose neighbours lie c and w c values away.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/grad_mode_cpu.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/cpu/sign_cpu.h"
#include "kernels/loss/total_variation.h"

namespace inpaint::cpu {
namespace {

struct Sizes {
  int64_t n, h, w, c;
};

Sizes sizes_of(const Shape& x) { return {x[0], x[1], x[2], x[3]}; }

int64_t rows_per_block(const Sizes& s) { return std::max<int64_t>(1, 16384 / (s.w * s.c)); }
int64_t blocks(const Sizes& s) { return (s.n * s.h + rows_per_block(s) - 1) / rows_per_block(s); }

// Distances from a value to its four neighbours; 0 where the picture ends, which adds nothing: the value is
// then its own neighbour.
struct Neighbours {
  int64_t up, down, left, right;
};

// The values of a row from begin to end, all with the same neighbours. Each difference is counted once, by
// the value above or on the left of it.
template <Store S, typename T>
void add_variation(int64_t begin, int64_t end, const Neighbours& to, const T* x, ArithmeticOf<T> scale, T* dx,
                   LaneSum& sum) {
  using F = ArithmeticOf<T>;
  sum.add(begin, end, [=](int64_t i) {
    const F down = x[i + to.down] - x[i], right = x[i + to.right] - x[i];
    if constexpr (S != Store::kSkip) {
      const F up = x[i] - x[i - to.up], left = x[i] - x[i - to.left];
      store<S>(dx, i, scale * (sign(up) + sign(left) - sign(down) - sign(right)));
    }
    return std::abs(static_cast<double>(down)) + std::abs(static_cast<double>(right));
  });
}

template <Store S, typename T>
void add_row(const Sizes& s, int64_t row, const T* x, ArithmeticOf<T> scale, T* dx, LaneSum& sum) {
  const int64_t length = s.w * s.c, i = row % s.h, begin = row * length, end = begin + length;
  const int64_t up = i > 0 ? length : 0, down = i + 1 < s.h ? length : 0;
  if (s.w == 1) return add_variation<S>(begin, end, {up, down, 0, 0}, x, scale, dx, sum);
  add_variation<S>(begin, begin + s.c, {up, down, 0, s.c}, x, scale, dx, sum);
  add_variation<S>(begin + s.c, end - s.c, {up, down, s.c, s.c}, x, scale, dx, sum);
  add_variation<S>(end - s.c, end, {up, down, s.c, 0}, x, scale, dx, sum);
}

}  // namespace

int64_t total_variation_workspace_bytes(const Context&, const Shape& x) {
  return blocks(sizes_of(x)) * size_of(DType::kF64);
}

void total_variation(const Context& ctx, const Tensor& x, double weight, const Tensor& loss, const Tensor* dx,
                     GradMode mode) {
  const Sizes s = sizes_of(x.shape);
  double* partial = static_cast<double*>(ctx.workspace(cpu::total_variation_workspace_bytes(ctx, x.shape)));
  const int64_t block = rows_per_block(s);
  visit_activation_type(x.dtype, [&]<typename T>(T) {
    const T* xs = x.as<T>();
    T* dxs = dx == nullptr ? nullptr : dx->as<T>();
    const auto scale = static_cast<ArithmeticOf<T>>(weight / static_cast<double>(s.n));
    visit_store(dx != nullptr, mode, [&]<Store S>(StoreConstant<S>) {
      ctx.parallel_blocks(s.n * s.h, block, [&](int64_t begin, int64_t end, int) {
        LaneSum sum;
        for (int64_t row = begin; row < end; ++row) add_row<S>(s, row, xs, scale, dxs, sum);
        partial[begin / block] = sum.total();
      });
    });
  });
  *loss.as<double>() = sum_in_order(partial, blocks(s)) / static_cast<double>(s.n);
}

}  // namespace inpaint::cpu
