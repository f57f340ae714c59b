// harmonic_fill on CUDA; contract in harmonic_fill.h. One block solves one channel of one picture, from the
// box to the last step, with its arrays in the workspace. The host decides nothing, and blocks do not meet.
// The warps of a block take rows of cells, and the lanes of a warp the cells of a row.
#include <limits>

#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/fill/harmonic_grid.h"

namespace inpaint::cuda {
namespace {

constexpr int kThreads = 512, kWarps = kThreads / 32;
// Blocks that run at the same time on the largest GPU; more would only take more workspace.
constexpr int64_t kMostBlocks = std::min<int64_t>(264, kMaxBlocks1d);

struct Pictures {
  int64_t tasks;  // channels of all pictures
  int rows, columns, channels;
  int64_t workspace;  // bytes of a block
};

// --- what all threads of a block do together ---

template <typename F>
__device__ void for_each_cell(int h, int w, F&& f) {
  for (int y = static_cast<int>(threadIdx.x) / 32; y < h; y += kWarps)
    for (int x = static_cast<int>(threadIdx.x) % 32; x < w; x += 32) f(y, x);
}

// Every thread gets thread 0's value.
template <typename T>
__device__ T from_first_thread(T value) {
  __shared__ T shared;
  if (threadIdx.x == 0) shared = value;
  __syncthreads();
  const T result = shared;
  __syncthreads();
  return result;
}

__device__ double sum_of_all(double value) { return from_first_thread(block_sum<kThreads>(value)); }

// The largest value of all threads, for every thread.
template <typename T>
__device__ T largest_of_all(T value) {
  __shared__ T found[kWarps];
  for (int lanes = 16; lanes > 0; lanes /= 2) value = max(value, __shfl_xor_sync(0xffffffffu, value, lanes));
  if (threadIdx.x % 32 == 0) found[threadIdx.x / 32] = value;
  __syncthreads();
  for (int i = 0; i < kWarps; ++i) value = max(value, found[i]);
  __syncthreads();
  return value;
}

// --- the multigrid cycle; each function leaves its result to all threads ---

__device__ float flow(const HarmonicGrid& g, int64_t i) {
  const int stride = g.stride();
  return g.f[i] + g.e[i] * g.u[i + 1] + g.e[i - 1] * g.u[i - 1] + g.s[i] * g.u[i + stride] +
         g.s[i - stride] * g.u[i - stride];
}

// One half of a red-black relaxation: solves the equations of the cells with (row + column) % 2 == colour.
__device__ void relax(const HarmonicGrid& g, int colour) {
  for (int y = static_cast<int>(threadIdx.x) / 32; y < g.h; y += kWarps)
    for (int x = 2 * (static_cast<int>(threadIdx.x) % 32) + (y + colour) % 2; x < g.w; x += 64) {
      const int64_t i = int64_t{y} * g.stride() + x;
      g.u[i] = flow(g, i) / g.d[i];
    }
  __syncthreads();
}

// The first relaxation of the red cells, when u is 0.
__device__ void start(const HarmonicGrid& g) {
  for_each_cell(g.h, g.w, [&](int y, int x) {
    const int64_t i = int64_t{y} * g.stride() + x;
    g.u[i] = (x + y) % 2 == 0 ? g.f[i] / g.d[i] : 0.0f;
  });
  __syncthreads();
}

__device__ void residual(const HarmonicGrid& g) {
  for_each_cell(g.h, g.w, [&](int y, int x) {
    const int64_t i = int64_t{y} * g.stride() + x;
    g.r[i] = flow(g, i) - g.d[i] * g.u[i];
  });
  __syncthreads();
}

// Sets the ring of an array to the cells beside it where the picture reflects, to 0 elsewhere.
__device__ void set_ring(const HarmonicGrid& g, const HarmonicSides& mirror, float* a) {
  const int stride = g.stride(), thread = static_cast<int>(threadIdx.x);
  for (int y = thread; y < g.h; y += kThreads) {
    float* const row = a + int64_t{y} * stride;
    row[-1] = mirror.left ? row[0] : 0.0f;
    row[g.w] = mirror.right ? row[g.w - 1] : 0.0f;
  }
  __syncthreads();
  float* const last = a + int64_t{g.h - 1} * stride;
  for (int x = thread - 1; x <= g.w; x += kThreads) {
    a[x - stride] = mirror.top ? a[x] : 0.0f;
    last[x + stride] = mirror.bottom ? last[x] : 0.0f;
  }
  __syncthreads();
}

// The transpose of add_interpolated: each residual is handed to the four coarse cells around it.
__device__ void restrict_residual(const HarmonicGrid& fine, const HarmonicGrid& coarse) {
  const int stride = fine.stride();
  for_each_cell(coarse.h, coarse.w, [&](int y, int x) {
    const float* const r = fine.r + int64_t{2 * y} * stride + 2 * x;
    const auto row = [&](const float* at) { return 0.25f * (at[-1] + at[2]) + 0.75f * (at[0] + at[1]); };
    coarse.f[int64_t{y} * coarse.stride() + x] =
        0.25f * (row(r - stride) + row(r + 2 * stride)) + 0.75f * (row(r) + row(r + stride));
  });
  __syncthreads();
}

// Bilinear: a cell lies a quarter of a coarse cell away from the centre of the one that holds it.
__device__ void add_interpolated(const HarmonicGrid& coarse, const HarmonicGrid& fine) {
  for_each_cell(fine.h, fine.w, [&](int y, int x) {
    const float* const near = coarse.u + int64_t{y / 2} * coarse.stride() + x / 2;
    const float* const far = near + (y % 2 == 0 ? -coarse.stride() : coarse.stride());
    const int aside = x % 2 == 0 ? -1 : 1;
    fine.u[int64_t{y} * fine.stride() + x] +=
        0.75f * (0.75f * near[0] + 0.25f * near[aside]) + 0.25f * (0.75f * far[0] + 0.25f * far[aside]);
  });
  __syncthreads();
}

// z = B r, in the finest grid's u. B is symmetric: after a correction the relaxations run in reverse order.
__device__ void precondition(const HarmonicProblem& problem) {
  const HarmonicGrid& finest = problem.grids[0];
  for_each_cell(finest.h, finest.w, [&](int y, int x) {
    const int64_t i = int64_t{y} * finest.stride() + x;
    finest.f[i] = static_cast<float>(problem.r[i]);
  });
  __syncthreads();
  const int last = problem.grid_count - 1;
  for (int number = 0; number < last; ++number) {
    const HarmonicGrid& g = problem.grids[number];
    start(g);
    relax(g, 1);
    residual(g);
    set_ring(g, problem.mirrors(g), g.r);
    restrict_residual(g, problem.grids[number + 1]);
  }
  start(problem.grids[last]);
  for (int number = last - 1; number >= 0; --number) {
    const HarmonicGrid &g = problem.grids[number], &coarse = problem.grids[number + 1];
    set_ring(coarse, problem.mirrors(g), coarse.u);
    add_interpolated(coarse, g);
    relax(g, 1);
    relax(g, 0);
  }
}

// --- the equations ---

__device__ float known_weight(const HarmonicGrid& g, int64_t i) {
  if (g.d[i] == kHarmonicOutside) return 0;
  return g.d[i] - (g.e[i] + g.e[i - 1] + g.s[i] + g.s[i - g.stride()]);
}

// An edge between coarse cells is half the sum of the edges it stands for: two of them lie side by side, and
// the cells' centres are twice as far apart.
__device__ void coarsen(const HarmonicGrid& fine, const HarmonicGrid& coarse) {
  const int stride = fine.stride();
  for_each_cell(coarse.h, coarse.w, [&](int y, int x) {
    const int64_t i = int64_t{2 * y} * stride + 2 * x, below = i + stride;
    const int64_t to = int64_t{y} * coarse.stride() + x;
    const bool right = 2 * x + 1 < fine.w, down = 2 * y + 1 < fine.h;
    if (right) coarse.e[to] = 0.5f * (fine.e[i + 1] + fine.e[below + 1]);
    if (down) coarse.s[to] = 0.5f * (fine.s[below] + fine.s[below + 1]);
    float known = known_weight(fine, i);
    if (right) known += known_weight(fine, i + 1);
    if (down) known += known_weight(fine, below);
    if (right && down) known += known_weight(fine, below + 1);
    coarse.d[to] = min(known, kMostKnownWeight);
  });
  __syncthreads();
  for_each_cell(coarse.h, coarse.w, [&](int y, int x) {
    const int64_t i = int64_t{y} * coarse.stride() + x;
    const float sum =
        coarse.d[i] + coarse.e[i] + coarse.e[i - 1] + coarse.s[i] + coarse.s[i - coarse.stride()];
    coarse.d[i] = sum > 0 ? sum : kHarmonicOutside;
  });
  __syncthreads();
}

// The box of the missing pixels; h is 0 when there is none.
__device__ HarmonicBox box_of(const Pictures& s, const uint8_t* mask) {
  int top = -s.rows, bottom = -1, left = -s.columns, right = -1;  // top and left with the sign turned
  for_each_cell(s.rows, s.columns, [&](int y, int x) {
    if (mask[int64_t{y} * s.columns + x] == 0) return;
    top = max(top, -y);
    bottom = max(bottom, y);
    left = max(left, -x);
    right = max(right, x);
  });
  top = -largest_of_all(top);
  bottom = largest_of_all(bottom);
  left = -largest_of_all(left);
  right = largest_of_all(right);
  if (bottom < 0) return {0, 0, 0, 0};
  return {top, left, bottom - top + 1, right - left + 1};
}

// The lowest and the highest of the known pixels that touch the hole.
struct Range {
  double lowest, highest;
};

// The equations of the finest grid, with the right side in r.
template <typename T>
__device__ Range set_equations(const Pictures& s, const HarmonicProblem& problem, const uint8_t* mask,
                               const T* picture) {
  const HarmonicGrid& g = problem.grids[0];
  double lowest = HUGE_VAL, highest = -HUGE_VAL;
  for_each_cell(g.h, g.w, [&](int y, int x) {
    const int row = problem.box.row + y, column = problem.box.column + x;
    const int64_t pixel = int64_t{row} * s.columns + column, i = int64_t{y} * g.stride() + x;
    g.d[i] = kHarmonicOutside;
    if (mask[pixel] == 0) return;
    float degree = 0;
    double known = 0;
    const auto visit = [&](bool inside, int64_t neighbour) {
      if (!inside) return 0.0f;
      degree += 1;
      if (mask[neighbour] != 0) return 1.0f;
      const auto value = static_cast<double>(picture[neighbour * s.channels]);
      known += value;
      lowest = min(lowest, value);
      highest = max(highest, value);
      return 0.0f;
    };
    visit(row > 0, pixel - s.columns);
    visit(column > 0, pixel - 1);
    g.e[i] = visit(column + 1 < s.columns, pixel + 1);
    g.s[i] = visit(row + 1 < s.rows, pixel + s.columns);
    g.d[i] = degree;
    problem.r[i] = known;
  });
  __syncthreads();
  return {-largest_of_all(-lowest), largest_of_all(highest)};
}

// --- conjugate gradients ---

__device__ float largest_correction(const HarmonicGrid& g) {
  float largest = 0;
  for_each_cell(g.h, g.w,
                [&](int y, int x) { largest = max(largest, fabsf(g.u[int64_t{y} * g.stride() + x])); });
  return largest_of_all(largest);
}

// q = A p, and returns p q.
__device__ double multiply(const HarmonicProblem& problem) {
  const HarmonicGrid& g = problem.grids[0];
  const int stride = g.stride();
  const double* const p = problem.p;
  double sum = 0;
  for_each_cell(g.h, g.w, [&](int y, int x) {
    const int64_t i = int64_t{y} * stride + x;
    const double value = double{g.d[i]} * p[i] - double{g.e[i]} * p[i + 1] - double{g.e[i - 1]} * p[i - 1] -
                         double{g.s[i]} * p[i + stride] - double{g.s[i - stride]} * p[i - stride];
    problem.q[i] = value;
    sum += value * p[i];
  });
  return sum_of_all(sum);
}

__device__ void solve(const HarmonicProblem& problem, float most) {
  const HarmonicGrid& g = problem.grids[0];
  double before = 0;
  for (int step = 0; step < kMostHarmonicSteps; ++step) {
    precondition(problem);
    if (largest_correction(g) <= most) return;
    double sum = 0;
    for_each_cell(g.h, g.w, [&](int y, int x) {
      const int64_t i = int64_t{y} * g.stride() + x;
      sum += problem.r[i] * double{g.u[i]};
    });
    const double now = sum_of_all(sum), keep = step == 0 ? 0 : now / before;
    before = now;
    for_each_cell(g.h, g.w, [&](int y, int x) {
      const int64_t i = int64_t{y} * g.stride() + x;
      problem.p[i] = double{g.u[i]} + keep * problem.p[i];
    });
    __syncthreads();
    const double length = now / multiply(problem);
    for_each_cell(g.h, g.w, [&](int y, int x) {
      const int64_t i = int64_t{y} * g.stride() + x;
      problem.x[i] += length * problem.p[i];
      problem.r[i] -= length * problem.q[i];
    });
    __syncthreads();
  }
}

// Places the arrays in the block's workspace, and sets them to 0.
__device__ void make_problem(const Pictures& s, const HarmonicBox& box, std::byte* memory,
                             HarmonicProblem& problem) {
  const HarmonicMemory size = harmonic_memory(box.h, box.w);
  auto* const doubles = reinterpret_cast<double*>(memory);
  auto* const floats = reinterpret_cast<float*>(doubles + size.doubles);
  for (int64_t i = threadIdx.x; i < size.doubles; i += kThreads) doubles[i] = 0;
  for (int64_t i = threadIdx.x; i < size.floats; i += kThreads) floats[i] = 0;
  if (threadIdx.x == 0) lay_out(box, s.rows, s.columns, doubles, floats, problem);
  __syncthreads();
}

template <typename T>
__device__ void fill_channel(const Pictures& s, const uint8_t* mask, T* picture, float most,
                             std::byte* memory, HarmonicProblem& problem) {
  const HarmonicBox box = box_of(s, mask);
  if (box.h == 0) return;
  make_problem(s, box, memory, problem);
  Range range = set_equations(s, problem, mask, picture);
  if (range.lowest <= range.highest) {
    for (int i = 0; i + 1 < problem.grid_count; ++i) coarsen(problem.grids[i], problem.grids[i + 1]);
    solve(problem, most);
  } else {
    range = {0, 0};  // no pixel is known, and the solution is still 0
  }
  for_each_cell(box.h, box.w, [&](int y, int x) {
    const int64_t pixel = int64_t{box.row + y} * s.columns + box.column + x;
    if (mask[pixel] == 0) return;
    const double value = problem.x[int64_t{y} * problem.grids[0].stride() + x];
    picture[pixel * s.channels] = static_cast<T>(min(max(value, range.lowest), range.highest));
  });
  __syncthreads();
}

template <typename T>
__global__ void __launch_bounds__(kThreads, 1)
    harmonic_fill_kernel(Pictures s, const uint8_t* mask, T* pictures, float most, std::byte* workspace) {
  __shared__ HarmonicProblem problem;
  const int64_t pixels = int64_t{s.rows} * s.columns;
  for (int64_t task = blockIdx.x; task < s.tasks; task += gridDim.x) {
    const int64_t n = task / s.channels;
    fill_channel(s, mask + n * pixels, pictures + n * pixels * s.channels + task % s.channels, most,
                 workspace + blockIdx.x * s.workspace, problem);
  }
}

int64_t blocks(const Shape& pictures) { return std::min(kMostBlocks, pictures[0] * pictures[3]); }

}  // namespace

int64_t harmonic_fill_workspace_bytes(const Context&, const Shape& pictures, DType) {
  return blocks(pictures) * harmonic_workspace_bytes(pictures);
}

void harmonic_fill(const Context& ctx, const Tensor& mask, const Tensor& pictures) {
  const Shape& p = pictures.shape;
  const Pictures s{p[0] * p[3], static_cast<int>(p[1]), static_cast<int>(p[2]), static_cast<int>(p[3]),
                   harmonic_workspace_bytes(p)};
  auto* const memory =
      static_cast<std::byte*>(ctx.workspace(cuda::harmonic_fill_workspace_bytes(ctx, p, pictures.dtype)));
  visit_real(pictures.dtype, [&]<typename T>(T) {
    launch("harmonic_fill", ctx.stream(), dim3(static_cast<unsigned>(blocks(p))), dim3(kThreads), 0,
           harmonic_fill_kernel<T>, s, mask.as<uint8_t>(), pictures.as<T>(),
           static_cast<float>(most_correction(pictures.dtype)), memory);
  });
}

}  // namespace inpaint::cuda
