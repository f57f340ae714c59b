// harmonic_fill on the CPU; contract in harmonic_fill.h. One task per channel of a picture, which shares no
// sum with another task.
#include <algorithm>
#include <bit>
#include <cmath>
#include <optional>

#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/fill/harmonic_grid.h"

namespace inpaint::cpu {
namespace {

// --- the multigrid cycle ---

// One half of a red-black relaxation: solves the equations of the cells with (row + column) % 2 == colour. A
// row is solved as a whole into the residual's place, so that both loops fit vector registers.
void relax(const HarmonicGrid& g, int colour) {
  const int stride = g.stride();
  for (int y = 0; y < g.h; ++y) {
    const int64_t row = int64_t{y} * stride;
    const float *f = g.f + row, *e = g.e + row, *s = g.s + row, *d = g.d + row;
    float *const u = g.u + row, *const solved = g.r + row;
#pragma GCC ivdep
    for (int x = 0; x < g.w; ++x)
      solved[x] = (f[x] + e[x] * u[x + 1] + e[x - 1] * u[x - 1] + s[x] * u[x + stride] +
                   s[x - stride] * u[x - stride]) /
                  d[x];
    const int parity = (y + colour) & 1;
#pragma GCC ivdep
    for (int x = 0; x < g.w; ++x) {
      const float value = solved[x], kept = u[x];
      u[x] = (x & 1) == parity ? value : kept;
    }
  }
}

// The first relaxation of the red cells, when u is 0.
void start(const HarmonicGrid& g) {
  for (int y = 0; y < g.h; ++y) {
    const int64_t row = int64_t{y} * g.stride();
    const float *const f = g.f + row, *const d = g.d + row;
    float* const u = g.u + row;
    const int parity = y & 1;
#pragma GCC ivdep
    for (int x = 0; x < g.w; ++x) {
      const float solved = f[x] / d[x];
      u[x] = (x & 1) == parity ? solved : 0.0f;
    }
  }
}

void residual(const HarmonicGrid& g) {
  const int stride = g.stride();
  for (int y = 0; y < g.h; ++y) {
    const int64_t row = int64_t{y} * stride;
    const float *f = g.f + row, *e = g.e + row, *s = g.s + row, *d = g.d + row, *u = g.u + row;
    float* const r = g.r + row;
#pragma GCC ivdep
    for (int x = 0; x < g.w; ++x)
      r[x] = f[x] + e[x] * u[x + 1] + e[x - 1] * u[x - 1] + s[x] * u[x + stride] +
             s[x - stride] * u[x - stride] - d[x] * u[x];
  }
}

// Sets the ring of an array to the cells beside it where the picture reflects, to 0 elsewhere.
void set_ring(const HarmonicGrid& g, const HarmonicSides& mirror, float* a) {
  const int stride = g.stride();
  for (int y = 0; y < g.h; ++y) {
    float* const row = a + int64_t{y} * stride;
    row[-1] = mirror.left ? row[0] : 0.0f;
    row[g.w] = mirror.right ? row[g.w - 1] : 0.0f;
  }
  float *const first = a, *const last = a + int64_t{g.h - 1} * stride;
  for (int x = -1; x <= g.w; ++x) {
    first[x - stride] = mirror.top ? first[x] : 0.0f;
    last[x + stride] = mirror.bottom ? last[x] : 0.0f;
  }
}

// The transpose of add_interpolated: each residual is handed to the four coarse cells around it. The rows'
// sums take the place of the row above, which nobody needs again.
void restrict_residual(const HarmonicGrid& fine, const HarmonicGrid& coarse) {
  const int stride = fine.stride();
  for (int y = 0; y < coarse.h; ++y) {
    float* const r = fine.r + int64_t{2 * y - 1} * stride;
    const int reach = stride - 1;
#pragma GCC ivdep
    for (int x = -1; x < reach; ++x)
      r[x] = 0.25f * (r[x] + r[x + 3 * stride]) + 0.75f * (r[x + stride] + r[x + 2 * stride]);
    float* const f = coarse.f + int64_t{y} * coarse.stride();
    for (int x = 0; x < coarse.w; ++x)
      f[x] = 0.25f * (r[2 * x - 1] + r[2 * x + 2]) + 0.75f * (r[2 * x] + r[2 * x + 1]);
  }
}

// Bilinear: a cell lies a quarter of a coarse cell away from the centre of the one that holds it.
void add_interpolated(const HarmonicGrid& coarse, const HarmonicGrid& fine) {
  const int stride = coarse.stride();
  float* const mixed = coarse.r;
  for (int y = 0; y < fine.h; ++y) {
    const float* const near = coarse.u + int64_t{y / 2} * stride;
    const float* const far = near + (y % 2 == 0 ? -stride : stride);
#pragma GCC ivdep
    for (int x = -1; x <= coarse.w; ++x) mixed[x] = 0.75f * near[x] + 0.25f * far[x];
    float* const u = fine.u + int64_t{y} * fine.stride();
#pragma GCC ivdep
    for (int x = 0; x < coarse.w; ++x) {
      u[2 * x] += 0.75f * mixed[x] + 0.25f * mixed[x - 1];
      u[2 * x + 1] += 0.75f * mixed[x] + 0.25f * mixed[x + 1];
    }
  }
}

// u = B f on a grid. B is symmetric: the relaxations after the correction run in the reverse order.
void cycle(const HarmonicProblem& problem, int number) {
  const HarmonicGrid& g = problem.grids[number];
  start(g);
  if (g.coarsest()) return;
  relax(g, 1);
  residual(g);
  const HarmonicGrid& coarse = problem.grids[number + 1];
  const HarmonicSides mirror = problem.mirrors(g);
  set_ring(g, mirror, g.r);
  restrict_residual(g, coarse);
  cycle(problem, number + 1);
  set_ring(coarse, mirror, coarse.u);
  add_interpolated(coarse, g);
  relax(g, 1);
  relax(g, 0);
}

// --- the equations ---

// An edge between coarse cells is half the sum of the edges it stands for: two of them lie side by side, and
// the cells' centres are twice as far apart.
void coarsen(const HarmonicGrid& fine, const HarmonicGrid& coarse) {
  const int stride = fine.stride(), coarse_stride = coarse.stride();
  const auto to_known = [&](int64_t i) {
    if (fine.d[i] == kHarmonicOutside) return 0.0f;
    return fine.d[i] - (fine.e[i] + fine.e[i - 1] + fine.s[i] + fine.s[i - stride]);
  };
  for (int y = 0; y < coarse.h; ++y)
    for (int x = 0; x < coarse.w; ++x) {
      const int64_t to = int64_t{y} * coarse_stride + x, i = int64_t{2 * y} * stride + 2 * x,
                    below = i + stride;
      const bool right = 2 * x + 1 < fine.w, down = 2 * y + 1 < fine.h;
      coarse.e[to] = right ? 0.5f * (fine.e[i + 1] + fine.e[below + 1]) : 0.0f;
      coarse.s[to] = down ? 0.5f * (fine.s[below] + fine.s[below + 1]) : 0.0f;
      float known = to_known(i);
      if (right) known += to_known(i + 1);
      if (down) known += to_known(below);
      if (right && down) known += to_known(below + 1);
      known = std::min(known, kMostKnownWeight);
      const float sum = known + coarse.e[to] + coarse.e[to - 1] + coarse.s[to] + coarse.s[to - coarse_stride];
      coarse.d[to] = sum > 0 ? sum : kHarmonicOutside;
    }
}

std::optional<HarmonicBox> box_of(const uint8_t* mask, int rows, int columns) {
  int top = rows, bottom = -1, left = columns, right = -1;
  for (int y = 0; y < rows; ++y) {
    const uint8_t *const begin = mask + int64_t{y} * columns, *const end = begin + columns;
    const auto missing = [](uint8_t m) { return m != 0; };
    const uint8_t* const first = std::find_if(begin, end, missing);
    if (first == end) continue;
    top = std::min(top, y);
    bottom = y;
    left = std::min(left, static_cast<int>(first - begin));
    const uint8_t* last = end - 1;
    while (*last == 0) --last;
    right = std::max(right, static_cast<int>(last - begin));
  }
  if (bottom < 0) return std::nullopt;
  return HarmonicBox{top, left, bottom - top + 1, right - left + 1};
}

// The lowest and the highest of the known pixels that touch the hole.
struct Range {
  double lowest = HUGE_VAL, highest = -HUGE_VAL;
};

// The equations of the finest grid, with the right side in r.
template <typename T>
Range set_equations(HarmonicProblem& problem, const uint8_t* mask, const T* picture, int rows, int columns,
                    int channels) {
  const HarmonicGrid& g = problem.grids[0];
  Range range;
  for (int y = 0; y < g.h; ++y)
    for (int x = 0; x < g.w; ++x) {
      const int row = problem.box.row + y, column = problem.box.column + x;
      const int64_t pixel = int64_t{row} * columns + column, i = int64_t{y} * g.stride() + x;
      g.d[i] = kHarmonicOutside;
      if (mask[pixel] == 0) continue;
      float degree = 0;
      double known = 0;
      const auto visit = [&](bool inside, int64_t neighbour) {
        if (!inside) return 0.0f;
        degree += 1;
        if (mask[neighbour] != 0) return 1.0f;
        const auto value = static_cast<double>(picture[neighbour * channels]);
        known += value;
        range.lowest = std::min(range.lowest, value);
        range.highest = std::max(range.highest, value);
        return 0.0f;
      };
      visit(row > 0, pixel - columns);
      visit(column > 0, pixel - 1);
      g.e[i] = visit(column + 1 < columns, pixel + 1);
      g.s[i] = visit(row + 1 < rows, pixel + columns);
      g.d[i] = degree;
      problem.r[i] = known;
    }
  return range;
}

// --- conjugate gradients ---

template <typename F>
void for_each_row(const HarmonicGrid& g, F&& f) {
  for (int y = 0; y < g.h; ++y) f(int64_t{y} * g.stride());
}

// z = B r; it stays in the finest grid's u.
void precondition(const HarmonicProblem& problem) {
  const HarmonicGrid& g = problem.grids[0];
  for_each_row(g, [&](int64_t row) {
    for (int64_t i = row; i < row + g.w; ++i) g.f[i] = static_cast<float>(problem.r[i]);
  });
  cycle(problem, 0);
}

// Magnitudes have the order of their bits, with NaN above all numbers.
// A maximum of integers fits vector registers.
double largest_correction(const HarmonicGrid& g) {
  int32_t largest = 0;
  for_each_row(g, [&](int64_t row) {
    for (int64_t i = row; i < row + g.w; ++i)
      largest = std::max(largest, std::bit_cast<int32_t>(std::abs(g.u[i])));
  });
  return static_cast<double>(std::bit_cast<float>(largest));
}

// q = A p, and returns p q.
double multiply(const HarmonicProblem& problem) {
  const HarmonicGrid& g = problem.grids[0];
  const int stride = g.stride();
  const double* const p = problem.p;
  LaneSum sum;
  for_each_row(g, [&](int64_t row) {
    sum.add(row, row + g.w, [&](int64_t i) {
      const double value = static_cast<double>(g.d[i]) * p[i] - static_cast<double>(g.e[i]) * p[i + 1] -
                           static_cast<double>(g.e[i - 1]) * p[i - 1] -
                           static_cast<double>(g.s[i]) * p[i + stride] -
                           static_cast<double>(g.s[i - stride]) * p[i - stride];
      problem.q[i] = value;
      return value * p[i];
    });
  });
  return sum.total();
}

void solve(const HarmonicProblem& problem, double largest_allowed) {
  const HarmonicGrid& g = problem.grids[0];
  double before = 0;
  for (int step = 0; step < kMostHarmonicSteps; ++step) {
    precondition(problem);
    if (largest_correction(g) <= largest_allowed) return;
    LaneSum sum;
    for_each_row(g, [&](int64_t row) {
      sum.add(row, row + g.w, [&](int64_t i) { return problem.r[i] * static_cast<double>(g.u[i]); });
    });
    const double now = sum.total(), keep = step == 0 ? 0 : now / before;
    before = now;
    for_each_row(g, [&](int64_t row) {
#pragma GCC ivdep
      for (int64_t i = row; i < row + g.w; ++i)
        problem.p[i] = static_cast<double>(g.u[i]) + keep * problem.p[i];
    });
    const double length = now / multiply(problem);
    for_each_row(g, [&](int64_t row) {
#pragma GCC ivdep
      for (int64_t i = row; i < row + g.w; ++i) {
        problem.x[i] += length * problem.p[i];
        problem.r[i] -= length * problem.q[i];
      }
    });
  }
}

HarmonicProblem make_problem(const HarmonicBox& box, int rows, int columns, std::byte* memory) {
  const HarmonicMemory size = harmonic_memory(box.h, box.w);
  auto* const doubles = reinterpret_cast<double*>(memory);
  auto* const floats = reinterpret_cast<float*>(doubles + size.doubles);
  std::fill_n(doubles, size.doubles, 0.0);
  std::fill_n(floats, size.floats, 0.0f);
  HarmonicProblem problem;
  lay_out(box, rows, columns, doubles, floats, problem);
  return problem;
}

template <typename T>
void write(const HarmonicProblem& problem, const Range& range, const uint8_t* mask, T* picture, int columns,
           int channels) {
  const HarmonicGrid& g = problem.grids[0];
  for (int y = 0; y < g.h; ++y)
    for (int x = 0; x < g.w; ++x) {
      const int64_t pixel = int64_t{problem.box.row + y} * columns + problem.box.column + x;
      if (mask[pixel] == 0) continue;
      const double value = problem.x[int64_t{y} * g.stride() + x];
      picture[pixel * channels] = static_cast<T>(std::clamp(value, range.lowest, range.highest));
    }
}

template <typename T>
void fill_channel(const uint8_t* mask, T* picture, int rows, int columns, int channels, std::byte* memory) {
  const std::optional<HarmonicBox> box = box_of(mask, rows, columns);
  if (!box) return;
  HarmonicProblem problem = make_problem(*box, rows, columns, memory);
  Range range = set_equations(problem, mask, picture, rows, columns, channels);
  if (range.lowest <= range.highest) {
    for (int i = 0; i + 1 < problem.grid_count; ++i) coarsen(problem.grids[i], problem.grids[i + 1]);
    solve(problem, most_correction(kDTypeOf<T>));
  } else {
    range = {0, 0};  // no pixel is known, and the solution is still 0
  }
  write(problem, range, mask, picture, columns, channels);
}

int64_t slots(const Context& ctx, const Shape& pictures) {
  return std::min<int64_t>(ctx.threads(), pictures[0] * pictures[3]);
}

}  // namespace

int64_t harmonic_fill_workspace_bytes(const Context& ctx, const Shape& pictures, DType) {
  return slots(ctx, pictures) * harmonic_workspace_bytes(pictures);
}

void harmonic_fill(const Context& ctx, const Tensor& mask, const Tensor& pictures) {
  const Shape& s = pictures.shape;
  const int64_t tasks = s[0] * s[3], pixels = s[1] * s[2];
  auto* const memory =
      static_cast<std::byte*>(ctx.workspace(cpu::harmonic_fill_workspace_bytes(ctx, s, pictures.dtype)));
  visit_real(pictures.dtype, [&]<typename T>(T) {
    ctx.parallel(tasks, [&](int64_t task, int worker) {
      const int64_t n = task / s[3], slot = tasks <= ctx.threads() ? task : worker;
      fill_channel(mask.as<uint8_t>() + n * pixels, pictures.as<T>() + n * pixels * s[3] + task % s[3],
                   static_cast<int>(s[1]), static_cast<int>(s[2]), static_cast<int>(s[3]),
                   memory + slot * harmonic_workspace_bytes(s));
    });
  });
}

}  // namespace inpaint::cpu
