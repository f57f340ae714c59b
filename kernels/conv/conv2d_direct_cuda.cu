// Direct convolution on CUDA; contracts in conv2d.h and conv2d_direct_cuda.h. Each kernel works on a chunk of
// kCi picture channels at a time: all of them at once for 1, 3 and 4 channels, which is what it is made for.
//
// With few channels a product reads or writes y or dy once and little else. One multiply-add costs as much as
// the two loads it takes from shared memory, so every kernel holds a tile of results in registers and
// uses each loaded value for several of them; the counts stand beside the loops.
#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {
namespace {

constexpr int kK = kHalving.kernel, kTaps = kK * kK;
constexpr int kThreads = 256;
// Blocks of a multiprocessor that the registers have to be enough for. 2: at most 128 for a thread,
// which float sums of up to three channels fit into; four channels take up to 167, double up to 230.
// Nothing is spilled.
template <typename A, int kCi>
constexpr int kLeastBlocks = sizeof(A) == sizeof(float) && kCi < 4 ? 2 : 1;

// Four neighbours, moved as one access (a double's as two).
template <typename T>
struct alignas(sizeof(T) == 8 ? 16 : 4 * sizeof(T)) Four {
  T v[4];
};

// The loaded four, of which those from `count` on are 0 and not touched. vector: the address allows
// one access.
template <typename T>
__device__ Four<Compute<T>> load_four(const T* from, int64_t count, bool vector) {
  Four<Compute<T>> to;
  if (vector && count >= 4) {
    const Four<T> whole = *reinterpret_cast<const Four<T>*>(from);
    for (int i = 0; i < 4; ++i) to.v[i] = value_of(whole.v[i]);
  } else {
    for (int i = 0; i < 4; ++i) to.v[i] = i < count ? value_of(from[i]) : Compute<T>(0);
  }
  return to;
}

// What the kernels know of a shape: its sizes, how they cut the output pixels into tiles, and whether rows of
// co values can be read and written four at a time.
struct Plan {
  int n, h, w, ci, co, ho, wo;
  int tile_rows, tile_cols;  // tiles of one picture, downwards and across
  bool vector;

  __host__ __device__ int64_t tiles() const { return int64_t{n} * tile_rows * tile_cols; }
};

struct Tile {
  int64_t n;
  int i0, j0;  // its first output pixel
};

template <int kRows, int kCols>
__device__ Tile tile_of(const Plan& p, int64_t index) {
  const int j = static_cast<int>(index % p.tile_cols);
  const int64_t rest = index / p.tile_cols;
  return {rest / p.tile_rows, static_cast<int>(rest % p.tile_rows) * kRows, j * kCols};
}

// The pixels of x under a tile's windows, channels [c0, c0 + kCi), zero outside the picture and past ci:
// patch[(row * columns + column) * kCi + c].
template <int kRows, int kCols, int kCi, typename T>
__device__ void load_patch(const Plan& p, const Tile& tile, int c0, const T* __restrict__ x,
                           Compute<T>* patch) {
  constexpr int kPatchRows = 2 * kRows + 2, kPatchCols = 2 * kCols + 2;
  for (int e = static_cast<int>(threadIdx.x); e < kPatchRows * kPatchCols * kCi; e += kThreads) {
    const int c = e % kCi, column = e / kCi % kPatchCols, row = e / (kCi * kPatchCols);
    const int y_px = 2 * tile.i0 + row - 1, x_px = 2 * tile.j0 + column - 1;
    const bool inside = y_px >= 0 && y_px < p.h && x_px >= 0 && x_px < p.w && c0 + c < p.ci;
    patch[e] = inside ? value_of(x[((tile.n * p.h + y_px) * p.w + x_px) * p.ci + c0 + c]) : Compute<T>(0);
  }
}

// ---- Forward ---------------------------------------------------------------------------------------------
// A block: 8 x 16 output pixels, 64 output channels. A thread: 8 pixels of a row, 4 channels.

constexpr int kForwardRows = 8, kForwardCols = 16, kForwardRun = 8, kBlockCo = 64;

template <int kCi, typename A>
constexpr size_t kForwardSharedBytes = sizeof(A) * (kTaps * kCi * kBlockCo +
                                                    (2 * kForwardRows + 2) * (2 * kForwardCols + 2) * kCi);

template <typename T, int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<Compute<T>, kCi>)
    conv2d_direct_forward_kernel(Plan p, const T* __restrict__ x, const T* __restrict__ w,
                                 T* __restrict__ y) {
  using A = Compute<T>;
  constexpr int kPatchCols = 2 * kForwardCols + 2;
  A* const weights = dynamic_shared<A>();  // [taps, kCi, 64]
  A* const patch = weights + kTaps * kCi * kBlockCo;
  const int t = static_cast<int>(threadIdx.x);
  const int quad = t % (kBlockCo / 4), run = t / (kBlockCo / 4);
  const int row = run / (kForwardCols / kForwardRun),
            first = run % (kForwardCols / kForwardRun) * kForwardRun;
  const Tile tile = tile_of<kForwardRows, kForwardCols>(p, blockIdx.x);
  const int o0 = static_cast<int>(blockIdx.y) * kBlockCo;

  A sums[kForwardRun][4] = {};
  for (int c0 = 0; c0 < p.ci; c0 += kCi) {
    if (c0 > 0) __syncthreads();
    load_patch<kForwardRows, kForwardCols, kCi>(p, tile, c0, x, patch);
    // Neighbouring threads take neighbouring output channels: scattered reads of the few weights, which the
    // cache holds, and no bank conflicts.
    for (int e = t; e < kTaps * kCi * kBlockCo; e += kThreads) {
      const int o = e % kBlockCo, c = e / kBlockCo % kCi, tap = e / (kBlockCo * kCi);
      const bool inside = o0 + o < p.co && c0 + c < p.ci;
      weights[e] = inside ? value_of(w[(int64_t{o0 + o} * kTaps + tap) * p.ci + c0 + c]) : A(0);
    }
    __syncthreads();
    // For each kernel row and channel: 18 pixels and 4 x 4 weights for 128 multiply-adds.
#pragma unroll 1
    for (int ky = 0; ky < kK; ++ky) {
#pragma unroll
      for (int c = 0; c < kCi; ++c) {
        const A* const pixels = patch + ((2 * row + ky) * kPatchCols + 2 * first) * kCi + c;
        A window[2 * kForwardRun + 2];
#pragma unroll
        for (int j = 0; j < 2 * kForwardRun + 2; ++j) window[j] = pixels[j * kCi];
#pragma unroll
        for (int kx = 0; kx < kK; ++kx) {
          const Four<A> ws =
              *reinterpret_cast<const Four<A>*>(weights + ((ky * kK + kx) * kCi + c) * kBlockCo + 4 * quad);
#pragma unroll
          for (int j = 0; j < kForwardRun; ++j) {
#pragma unroll
            for (int o = 0; o < 4; ++o) sums[j][o] += window[2 * j + kx] * ws.v[o];
          }
        }
      }
    }
  }

  const int i = tile.i0 + row, o = o0 + 4 * quad;
  if (i >= p.ho) return;
#pragma unroll
  for (int j = 0; j < kForwardRun; ++j) {
    if (tile.j0 + first + j >= p.wo) continue;
    T* const to = y + ((tile.n * p.ho + i) * p.wo + tile.j0 + first + j) * p.co + o;
    if (p.vector && o + 4 <= p.co) {
      Four<T> out;
#pragma unroll
      for (int k = 0; k < 4; ++k) out.v[k] = rounded_to<T>(sums[j][k]);
      *reinterpret_cast<Four<T>*>(to) = out;
    } else {
#pragma unroll
      for (int k = 0; k < 4; ++k)
        if (o + k < p.co) to[k] = rounded_to<T>(sums[j][k]);
    }
  }
}

// ---- Data gradient ---------------------------------------------------------------------------------------
// A pixel (2i + a, 2j + b) of dx takes part in the windows of four outputs: rows i and i - 1 with kernel
// rows 1 and 3 for a = 0, rows i + 1 and i with kernel rows 0 and 2 for a = 1; columns likewise. A block:
// 8 x 16 cells of 2 x 2 pixels. A thread: 4 cells of a row and every eighth output channel; eight lanes
// add up theirs.

constexpr int kDataRows = 8, kDataCols = 16, kDataRun = 4, kDataLanes = 8;
constexpr int kDataHaloRows = kDataRows + 2, kDataHaloCols = kDataCols + 2;

// Output channels in shared memory at a time: as many bytes for double as for float.
template <typename A>
constexpr int kDataCo = static_cast<int>(32 * sizeof(float) / sizeof(A));
// Rows of shared memory are padded so that the lanes of a warp meet different banks.
template <typename A>
constexpr int kDataPixelStride = kDataCo<A> + 2;
template <int kCi>
constexpr int kDataWeightStride = kTaps* kCi + 4;

template <int kCi, typename A>
constexpr size_t kDataSharedBytes = sizeof(A) * (kDataHaloRows * kDataHaloCols * kDataPixelStride<A> +
                                                 kDataCo<A> * kDataWeightStride<kCi>);

// Offset of the output row (or column) that kernel row `k` brings to a pixel, counted from i - 1.
__device__ constexpr int halo_offset(int k) { return k == 0 ? 2 : k == kK - 1 ? 0 : 1; }

template <typename T, int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<Compute<T>, kCi>)
    conv2d_direct_backward_data_kernel(Plan p, const T* __restrict__ dy, const T* __restrict__ w,
                                       T* __restrict__ dx) {
  using A = Compute<T>;
  A* const halo = dynamic_shared<A>();                                            // [rows, columns, channels]
  A* const weights = halo + kDataHaloRows * kDataHaloCols * kDataPixelStride<A>;  // [channels, taps, kCi]
  const int t = static_cast<int>(threadIdx.x);
  const int lane = t % kDataLanes, run = t / kDataLanes;
  const int row = run / (kDataCols / kDataRun), first = run % (kDataCols / kDataRun) * kDataRun;
  const Tile tile = tile_of<kDataRows, kDataCols>(p, blockIdx.x);
  const int c0 = static_cast<int>(blockIdx.y) * kCi;

  A sums[kDataRun][2][2][kCi] = {};
  for (int o0 = 0; o0 < p.co; o0 += kDataCo<A>) {
    if (o0 > 0) __syncthreads();
    constexpr int kQuads = kDataCo<A> / 4;
    for (int e = t; e < kDataHaloRows * kDataHaloCols * kQuads; e += kThreads) {
      const int quad = e % kQuads, pixel = e / kQuads;
      const int i = tile.i0 + pixel / kDataHaloCols - 1, j = tile.j0 + pixel % kDataHaloCols - 1;
      const int o = o0 + 4 * quad;
      const bool inside = i >= 0 && i < p.ho && j >= 0 && j < p.wo && o < p.co;
      const Four<A> four = load_four(inside ? dy + ((tile.n * p.ho + i) * p.wo + j) * p.co + o : dy,
                                     inside ? p.co - o : 0, p.vector);
      for (int k = 0; k < 4; ++k) halo[pixel * kDataPixelStride<A> + 4 * quad + k] = four.v[k];
    }
    for (int e = t; e < kDataCo<A> * kTaps * kCi; e += kThreads) {
      const int c = e % kCi, tap = e / kCi % kTaps, o = e / (kCi * kTaps);
      const bool inside = o0 + o < p.co && c0 + c < p.ci;
      weights[o * kDataWeightStride<kCi> + tap * kCi + c] =
          inside ? value_of(w[(int64_t{o0 + o} * kTaps + tap) * p.ci + c0 + c]) : A(0);
    }
    __syncthreads();
    // For each output channel: 18 values of dy and 16 kCi weights for 64 kCi multiply-adds.
#pragma unroll 1
    for (int o = lane; o < kDataCo<A>; o += kDataLanes) {
      A near[3][kDataRun + 2];
#pragma unroll
      for (int i = 0; i < 3; ++i) {
#pragma unroll
        for (int j = 0; j < kDataRun + 2; ++j)
          near[i][j] = halo[((row + i) * kDataHaloCols + first + j) * kDataPixelStride<A> + o];
      }
#pragma unroll
      for (int ky = 0; ky < kK; ++ky) {
        Four<A> kernel_row[kCi];
#pragma unroll
        for (int v = 0; v < kCi; ++v)
          kernel_row[v] =
              *reinterpret_cast<const Four<A>*>(weights + o * kDataWeightStride<kCi> + 4 * (ky * kCi + v));
#pragma unroll
        for (int kx = 0; kx < kK; ++kx) {
#pragma unroll
          for (int c = 0; c < kCi; ++c) {
            const int k = kx * kCi + c;
#pragma unroll
            for (int j = 0; j < kDataRun; ++j)
              sums[j][(ky + 1) % 2][(kx + 1) % 2][c] +=
                  near[halo_offset(ky)][j + halo_offset(kx)] * kernel_row[k / 4].v[k % 4];
          }
        }
      }
    }
  }

  // Eight lanes' sums, always in the same tree; every lane ends with the total, and writes one eighth.
#pragma unroll
  for (int j = 0; j < kDataRun; ++j) {
#pragma unroll
    for (int a = 0; a < 2; ++a) {
#pragma unroll
      for (int b = 0; b < 2; ++b) {
#pragma unroll
        for (int c = 0; c < kCi; ++c) {
#pragma unroll
          for (int distance = 1; distance < kDataLanes; distance *= 2)
            sums[j][a][b][c] += __shfl_xor_sync(0xffffffffu, sums[j][a][b][c], distance);
        }
      }
      const int y_px = 2 * (tile.i0 + row) + a, x_px = 2 * (tile.j0 + first + j);
      if (lane == 2 * j + a && y_px < p.h && x_px < p.w) {
        T* const to = dx + ((tile.n * p.h + y_px) * p.w + x_px) * p.ci + c0;
#pragma unroll
        for (int b = 0; b < 2; ++b) {
#pragma unroll
          for (int c = 0; c < kCi; ++c)
            if (c0 + c < p.ci) to[b * p.ci + c] = rounded_to<T>(sums[j][a][b][c]);
        }
      }
    }
  }
}

// ---- Weight gradient -------------------------------------------------------------------------------------
// A block adds up 64 output channels over every blocks-th tile of 8 x 8 output pixels. A thread: 4 output
// channels, one kernel row, two of a tile's rows. Its sums go to partial[block]; a second kernel adds
// the blocks.

constexpr int kWeightTile = 8, kWeightPatch = 2 * kWeightTile + 2;
constexpr int kWeightGroups = kThreads / (kBlockCo / 4 * kK);  // of threads that share a tile's rows
// About two for each multiprocessor of a large GPU; not asked of the GPU, so that all add in the same order.
constexpr int64_t kWeightBlocks = std::min<int64_t>(256, kMaxBlocks1d);
constexpr int kReduceElements = 32, kReduceSlices = kThreads / kReduceElements;

template <int kCi, typename A>
constexpr size_t kWeightSharedBytes = sizeof(A) * std::max(kWeightTile* kWeightTile* kBlockCo +
                                                               kWeightPatch * kWeightPatch * kCi,
                                                           kBlockCo / 4 * kK * 4 * kK * kCi);

template <typename T, int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<Compute<T>, kCi>)
    conv2d_direct_backward_weight_kernel(Plan p, const T* __restrict__ x, const T* __restrict__ dy,
                                         Compute<T>* __restrict__ partial) {
  using A = Compute<T>;
  A* const dys = dynamic_shared<A>();                           // [pixels, 64]
  A* const patch = dys + kWeightTile * kWeightTile * kBlockCo;  // [rows, columns, kCi]
  const int t = static_cast<int>(threadIdx.x);
  const int quad = t % (kBlockCo / 4), ky = t / (kBlockCo / 4) % kK, group = t / (kBlockCo / 4 * kK);
  const int o0 = static_cast<int>(blockIdx.y) * kBlockCo, c0 = static_cast<int>(blockIdx.z) * kCi;

  A sums[4][kK][kCi] = {};
  for (int64_t index = blockIdx.x; index < p.tiles(); index += gridDim.x) {
    const Tile tile = tile_of<kWeightTile, kWeightTile>(p, index);
    if (index != blockIdx.x) __syncthreads();
    load_patch<kWeightTile, kWeightTile, kCi>(p, tile, c0, x, patch);
    constexpr int kQuads = kBlockCo / 4;
    for (int e = t; e < kWeightTile * kWeightTile * kQuads; e += kThreads) {
      const int pixel = e / kQuads, i = tile.i0 + pixel / kWeightTile, j = tile.j0 + pixel % kWeightTile;
      const int o = o0 + 4 * (e % kQuads);
      const bool inside = i < p.ho && j < p.wo && o < p.co;
      *reinterpret_cast<Four<A>*>(dys + pixel * kBlockCo + 4 * (e % kQuads)) = load_four(
          inside ? dy + ((tile.n * p.ho + i) * p.wo + j) * p.co + o : dy, inside ? p.co - o : 0, p.vector);
    }
    __syncthreads();
    // Along a row the window moves by two columns: 2 kCi new pixels and 4 values of dy for 16
    // kCi multiply-adds.
#pragma unroll 1
    for (int row = group; row < kWeightTile; row += kWeightGroups) {
      const A* const pixels = patch + (2 * row + ky) * kWeightPatch * kCi;
      A window[kK * kCi];
#pragma unroll
      for (int k = 0; k < 2 * kCi; ++k) window[2 * kCi + k] = pixels[k];
#pragma unroll
      for (int j = 0; j < kWeightTile; ++j) {
#pragma unroll
        for (int k = 0; k < 2 * kCi; ++k) {
          window[k] = window[2 * kCi + k];
          window[2 * kCi + k] = pixels[(2 * j + 2) * kCi + k];
        }
        const Four<A> four =
            *reinterpret_cast<const Four<A>*>(dys + (row * kWeightTile + j) * kBlockCo + 4 * quad);
#pragma unroll
        for (int o = 0; o < 4; ++o) {
#pragma unroll
          for (int k = 0; k < kK * kCi; ++k) sums[o][k / kCi][k % kCi] += four.v[o] * window[k];
        }
      }
    }
  }

  // The groups' sums, one after the other, over the tile's memory.
  constexpr int kSums = 4 * kK * kCi, kStride = kThreads / kWeightGroups;
  const int member = t % kStride;
  for (int from = 1; from < kWeightGroups; ++from) {
    __syncthreads();
#pragma unroll
    for (int e = 0; e < kSums; ++e)
      if (group == from) dys[e * kStride + member] = sums[e / (kK * kCi)][e / kCi % kK][e % kCi];
    __syncthreads();
#pragma unroll
    for (int e = 0; e < kSums; ++e)
      if (group == 0) sums[e / (kK * kCi)][e / kCi % kK][e % kCi] += dys[e * kStride + member];
  }
  if (group != 0) return;
  const int64_t dw_elements = int64_t{p.co} * kTaps * p.ci;
#pragma unroll
  for (int e = 0; e < kSums; ++e) {
    const int o = o0 + 4 * quad + e / (kK * kCi), kx = e / kCi % kK, c = c0 + e % kCi;
    if (o < p.co && c < p.ci)
      partial[blockIdx.x * dw_elements + (int64_t{o} * kTaps + ky * kK + kx) * p.ci + c] =
          sums[e / (kK * kCi)][kx][e % kCi];
  }
}

// dw = sum over the parts, plus dw itself where it is added to. A block: 32 elements, 8 slices of the parts.
template <typename A>
__global__ void __launch_bounds__(kThreads)
    conv2d_direct_add_parts_kernel(int64_t elements, int parts, const A* __restrict__ partial, bool add,
                                   A* __restrict__ dw) {
  __shared__ A slices[kReduceSlices][kReduceElements];
  const int column = static_cast<int>(threadIdx.x) % kReduceElements,
            slice = static_cast<int>(threadIdx.x) / kReduceElements;
  const int64_t e = int64_t{blockIdx.x} * kReduceElements + column;
  A sum = 0;
  if (e < elements)
    for (int part = slice; part < parts; part += kReduceSlices) sum += partial[part * elements + e];
  slices[slice][column] = sum;
  __syncthreads();
  if (slice != 0 || e >= elements) return;
  for (int s = 1; s < kReduceSlices; ++s) sum += slices[s][column];
  dw[e] = add ? dw[e] + sum : sum;
}

// ---- Launches --------------------------------------------------------------------------------------------

int blocks_for(int64_t n, int64_t size) { return static_cast<int>((n + size - 1) / size); }

// channels: y or dy, whose rows are moved in vectors where they begin and lie so that this is allowed.
template <typename T>
Plan plan_for(const Conv2dShape& s, int tile_rows, int tile_cols, const T* channels) {
  const int ho = static_cast<int>(s.h / 2), wo = static_cast<int>(s.w / 2);
  return {static_cast<int>(s.n),
          static_cast<int>(s.h),
          static_cast<int>(s.w),
          static_cast<int>(s.ci),
          static_cast<int>(s.co),
          ho,
          wo,
          blocks_for(ho, tile_rows),
          blocks_for(wo, tile_cols),
          s.co % 4 == 0 && reinterpret_cast<uintptr_t>(channels) % alignof(Four<T>) == 0};
}

int chunk_of(const Conv2dShape& s) { return s.ci == 1 ? 1 : s.ci == 3 ? 3 : 4; }

// Blocks that share the tiles of the weight gradient.
int weight_parts(const Conv2dShape& s) {
  const int64_t others = int64_t{blocks_for(s.co, kBlockCo)} * blocks_for(s.ci, chunk_of(s));
  const int64_t tiles = s.n * blocks_for(s.h / 2, kWeightTile) * blocks_for(s.w / 2, kWeightTile);
  return static_cast<int>(std::clamp<int64_t>(kWeightBlocks / others, 1, tiles));
}

// Calls f(a value of the tensors' type, number of channels in a chunk as a constant).
template <typename F>
void visit(const Conv2dShape& s, DType dtype, F&& f) {
  visit_activation_type(dtype, [&](auto value) {
    switch (chunk_of(s)) {
      case 1:
        return f(value, std::integral_constant<int, 1>());
      case 3:
        return f(value, std::integral_constant<int, 3>());
      default:
        return f(value, std::integral_constant<int, 4>());
    }
  });
}

}  // namespace

void conv2d_direct_forward(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w,
                           const Tensor& y) {
  visit(s, x.dtype, [&](auto value, auto chunk) {
    using V = decltype(value);
    using T = DeviceType<V>;
    constexpr int kCi = decltype(chunk)::value;
    const Plan p = plan_for(s, kForwardRows, kForwardCols, data_of<V>(y));
    const dim3 grid(static_cast<unsigned>(p.tiles()), static_cast<unsigned>(blocks_for(s.co, kBlockCo)));
    launch("conv2d_forward", ctx.stream(), grid, dim3(kThreads), kForwardSharedBytes<kCi, Compute<T>>,
           conv2d_direct_forward_kernel<T, kCi>, p, data_of<V>(x), data_of<V>(w), data_of<V>(y));
  });
}

void conv2d_direct_backward_data(const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w,
                                 const Tensor& dx) {
  visit(s, dy.dtype, [&](auto value, auto chunk) {
    using V = decltype(value);
    using T = DeviceType<V>;
    constexpr int kCi = decltype(chunk)::value;
    const Plan p = plan_for(s, kDataRows, kDataCols, data_of<V>(dy));
    const dim3 grid(static_cast<unsigned>(p.tiles()), static_cast<unsigned>(blocks_for(s.ci, kCi)));
    launch("conv2d_backward_data", ctx.stream(), grid, dim3(kThreads), kDataSharedBytes<kCi, Compute<T>>,
           conv2d_direct_backward_data_kernel<T, kCi>, p, data_of<V>(dy), data_of<V>(w), data_of<V>(dx));
  });
}

int64_t conv2d_direct_backward_weight_workspace_bytes(const Conv2dShape& s, DType dtype) {
  return weight_parts(s) * s.weight().elements() * size_of(parameter_dtype(dtype));
}

void conv2d_direct_backward_weight(const Context& ctx, const Conv2dShape& s, const Tensor& x,
                                   const Tensor& dy, const Tensor& dw, GradMode mode, void* workspace) {
  const int parts = weight_parts(s);
  visit(s, x.dtype, [&](auto value, auto chunk) {
    using V = decltype(value);
    using T = DeviceType<V>;
    using A = Compute<T>;
    constexpr int kCi = decltype(chunk)::value;
    const Plan p = plan_for(s, kWeightTile, kWeightTile, data_of<V>(dy));
    const dim3 grid(static_cast<unsigned>(parts), static_cast<unsigned>(blocks_for(s.co, kBlockCo)),
                    static_cast<unsigned>(blocks_for(s.ci, kCi)));
    launch("conv2d_backward_weight", ctx.stream(), grid, dim3(kThreads), kWeightSharedBytes<kCi, A>,
           conv2d_direct_backward_weight_kernel<T, kCi>, p, data_of<V>(x), data_of<V>(dy),
           static_cast<A*>(workspace));
    const int64_t elements = dw.elements();
    launch("conv2d_backward_weight, sum", ctx.stream(),
           dim3(static_cast<unsigned>(blocks_for(elements, kReduceElements))), dim3(kThreads), 0,
           conv2d_direct_add_parts_kernel<A>, elements, parts, static_cast<const A*>(workspace),
           mode == GradMode::kAccumulate, static_cast<A*>(dw.data));
  });
}

}  // namespace inpaint::cuda
