// The convolution of pictures of few channels on the tensor cores; contracts in conv2d.h
// and conv2d_few_cuda.h.
//
// Each kernel cuts the output pixels into tiles of 8 x 16. A block walks over every gridDim.x-th tile. It
// loads the next tile's values into registers while it multiplies this tile's. A fragment has 16 neighbours
// of a row of pixels.
//
// A window is a row of K = 16 ci values, k = (ky * 4 + kx) * ci + c; the weights of an output channel have
// the same order. The 4 ci values of one ky are neighbours in the picture. The window of the next pixel
// begins 2 ci values further, an even number. So every pair of values (k, k + 1) with an even k is one word
// in shared memory, and a fragment takes the word as it is.
//
// A fragment that sums over pixels needs words that hold two pixels' values of one k (or one channel). A lane
// loads the words (k, k + 1) of both pixels and exchanges their halves. This gives two such words, one for
// each k. Each kernel deals rows, columns and products to its fragments in its own order. The result does
// not depend on it as long as both factors agree.
#include "kernels/conv/conv2d_direct_cuda.h"
#include "kernels/conv/conv2d_few_cuda.h"
#include "kernels/cuda/launch.h"
#include "kernels/cuda/mma_cuda.h"
#include "kernels/cuda/values_cuda.h"

namespace inpaint::cuda {
namespace {

using Bf16 = __nv_bfloat16;

constexpr int kThreads = 256, kWarps = kThreads / 32;
constexpr int kRows = 8, kCols = 16;  // output pixels of a tile
constexpr int kBlockCo = 64;          // output channels of a block
constexpr int kVector = 8;            // bf16 values of an access
constexpr int64_t kMostBlocks =
    std::min<int64_t>(264, kMaxBlocks1d);  // two for each multiprocessor of an H100
static_assert(kWarps == kRows);

// The registers suffice for this many blocks on a multiprocessor. Four channels do not fit into 128 registers
// of a thread.
template <int kCi>
constexpr int kLeastBlocks = kCi < 4 ? 2 : 1;

// What the kernels know of a shape: its sizes, and how the output pixels are cut into tiles.
struct Plan {
  int n, h, w, co, ho, wo;
  int tile_rows, tile_cols;  // tiles of one picture, downwards and across

  __host__ __device__ int tiles() const { return n * tile_rows * tile_cols; }
};

struct Tile {
  int n, i0, j0;  // its picture and first output pixel

  __device__ Tile(const Plan& p, int index) {
    const int rest = index / p.tile_cols;
    n = rest / p.tile_rows;
    i0 = (rest - n * p.tile_rows) * kRows;
    j0 = (index - rest * p.tile_cols) * kCols;
  }
};

// Output pixel (i, 0) of a tile's picture, channel o, in y or dy.
template <typename T>
__device__ T* row_of(const Plan& p, const Tile& tile, int i, int o, T* y) {
  return y + (int64_t{tile.n} * p.ho + i) * (p.wo * p.co) + o;
}

// The halves of two words that hold the values of the smaller index, and of the larger.
__device__ uint32_t low_halves(uint32_t a, uint32_t b) { return (a & 0xffffu) | b << 16; }
__device__ uint32_t high_halves(uint32_t a, uint32_t b) { return a >> 16 | (b & 0xffff0000u); }

// Two values, rounded to bf16, as a word.
__device__ uint32_t rounded_word(float first, float second) {
  const __nv_bfloat162 both = __floats2bfloat162_rn(first, second);
  return *reinterpret_cast<const uint32_t*>(&both);
}

// The pixels of x under a tile's windows as words of two values, on their way to shared memory: first in
// registers. The first word of a row holds the first values of the tile's first window. Pixels outside the
// picture are zero.
template <int kCi>
struct Patch {
  static constexpr int kRowWords = (kCols + 1) * kCi, kWords = (2 * kRows + 2) * kRowWords;
  static constexpr int kFetches = (kWords + kThreads - 1) / kThreads;
  // An odd number of values lies left of the patch where ci is odd: a word is then made of two words of
  // the picture.
  static constexpr bool kIsSplit = kCi % 2 == 1;
  uint32_t first[kFetches], second[kIsSplit ? kFetches : 1];

  // The word of values k and k + 1 of the tile's first window; k is even.
  static __device__ int word_of(int k) { return k / (4 * kCi) * kRowWords + k % (4 * kCi) / 2; }

  __device__ void fetch(const Plan& p, const Tile& tile, const uint32_t* __restrict__ x) {
    const int width = p.w * kCi;
    const uint32_t* const picture = x + int64_t{tile.n} * (p.h * (width / 2));
#pragma unroll
    for (int f = 0; f < kFetches; ++f) {
      first[f] = 0;
      if constexpr (kIsSplit) second[f] = 0;
      const int e = static_cast<int>(threadIdx.x) + f * kThreads, row = 2 * tile.i0 + e / kRowWords - 1;
      if (e >= kWords || row < 0 || row >= p.h) continue;
      const int value =
          (2 * tile.j0 - 1) * kCi + 2 * (e % kRowWords);  // of the picture's row, the word's first
      const uint32_t* const words = picture + row * (width / 2);
      if constexpr (kIsSplit) {
        if (value > 0 && value < width) first[f] = words[value / 2];
        if (value > -2 && value + 1 < width) second[f] = words[(value + 1) / 2];
      } else {
        if (value >= 0 && value < width) first[f] = words[value / 2];
      }
    }
  }
  __device__ void store(uint32_t* patch) const {
#pragma unroll
    for (int f = 0; f < kFetches; ++f) {
      const int e = static_cast<int>(threadIdx.x) + f * kThreads;
      if (e >= kWords) continue;
      if constexpr (kIsSplit)
        patch[e] = first[f] >> 16 | second[f] << 16;
      else
        patch[e] = first[f];
    }
  }
};

// The weights of a block's output channels, zero from co on. Rows are padded by a word: lanes meet few
// equal banks.
template <int kCi>
struct Weights {
  static constexpr int kRowWords = 8 * kCi;
  uint32_t words[kBlockCo][kRowWords + 1];

  __device__ void load(const Plan& p, int o0, const uint32_t* __restrict__ w) {
    for (int e = static_cast<int>(threadIdx.x); e < kBlockCo * kRowWords; e += kThreads) {
      const int o = e / kRowWords;
      words[o][e % kRowWords] = o0 + o < p.co ? w[int64_t{o0} * kRowWords + e] : 0;
    }
  }
};

// ---- Forward ---------------------------------------------------------------------------------------------
// y [pixels, co] = windows [pixels, K] weights [K, co]. A warp: a row of the tile, all of the block's
// channels. Its weights stay in registers. Columns are dealt so that a lane's results of four products are
// eight neighbours.

// sm_90: at most 160 registers (128 but for four channels), 128-bit stores
template <int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<kCi>)
    conv2d_few_forward_kernel(Plan p, const uint32_t* __restrict__ x, const uint32_t* __restrict__ w,
                              Bf16* __restrict__ y) {
  __shared__ uint32_t patch[2][Patch<kCi>::kWords];
  __shared__ Weights<kCi> weights;
  const int warp = static_cast<int>(threadIdx.x) / 32, g = static_cast<int>(threadIdx.x) % 32 / 4,
            t = static_cast<int>(threadIdx.x) % 4;
  const int o0 = static_cast<int>(blockIdx.y) * kBlockCo;

  const int first = static_cast<int>(blockIdx.x), step = static_cast<int>(gridDim.x);
  Tile next_tile(p, first);
  Patch<kCi> next;
  next.fetch(p, next_tile, x);
  weights.load(p, o0, w);
  __syncthreads();
  uint32_t b[kCi][8][2];
  int pair[kCi][2];  // the words of a fragment's values of k, in the window of pixel g
#pragma unroll
  for (int s = 0; s < kCi; ++s) {
#pragma unroll
    for (int half = 0; half < 2; ++half) {
      pair[s][half] =
          Patch<kCi>::word_of(16 * s + 8 * half + 2 * t) + 2 * warp * Patch<kCi>::kRowWords + g * kCi;
#pragma unroll
      for (int j = 0; j < 8; ++j)
        b[s][j][half] = weights.words[j / 4 * 32 + g / 2 * 8 + j % 4 * 2 + g % 2][8 * s + 4 * half + t];
    }
  }

  int buffer = 0;
  for (int index = first; index < p.tiles(); index += step, buffer ^= 1) {
    const Tile tile = next_tile;
    next.store(patch[buffer]);
    __syncthreads();  // one is enough: the other buffer is read until the next tile's
    if (index + step < p.tiles()) {
      next_tile = Tile(p, index + step);
      next.fetch(p, next_tile, x);
    }
    uint32_t a[kCi][4];
#pragma unroll
    for (int s = 0; s < kCi; ++s) {
#pragma unroll
      for (int half = 0; half < 2; ++half) {
        a[s][2 * half] = patch[buffer][pair[s][half]];
        a[s][2 * half + 1] = patch[buffer][pair[s][half] + 8 * kCi];
      }
    }
    const int i = tile.i0 + warp;
#pragma unroll
    for (int part = 0; part < 2; ++part) {  // of the channels
      float sums[4][4] = {};
#pragma unroll
      for (int s = 0; s < kCi; ++s) {
#pragma unroll
        for (int j = 0; j < 4; ++j) mma_bf16(sums[j], a[s], b[s][4 * part + j]);
      }
      const int o = o0 + 32 * part + kVector * t;
      Bf16* const to = row_of(p, tile, i, o, y);
#pragma unroll
      for (int r = 0; r < 2; ++r) {
        const int j_px = tile.j0 + g + 8 * r;
        if (i >= p.ho || j_px >= p.wo || o >= p.co) continue;
        Pack<uint32_t, 4> out;
#pragma unroll
        for (int j = 0; j < 4; ++j) out[j] = rounded_word(sums[j][2 * r], sums[j][2 * r + 1]);
        *reinterpret_cast<Pack<uint32_t, 4>*>(to + j_px * p.co) = out;
      }
    }
  }
}

// ---- Data gradient ---------------------------------------------------------------------------------------
// A pixel (2i + a, 2j + b) of dx takes part in the windows of four outputs: rows i and i - 1 with kernel rows
// 1 and 3 for a = 0, rows i + 1 and i with kernel rows 0 and 2 for a = 1; columns likewise. A block
// multiplies windows [pixels, K] = dy [pixels, co] weights [co, K] for a tile and the outputs around it, and
// leaves the windows' values in shared memory; then each pixel of dx adds up its four. dy goes from memory to
// fragments, 16 outputs to a warp's product.
//
// Products along co are dealt so that a lane's factors of two products are eight neighbours of dy. Column c
// of product 2q + r along K is k = 16q + 2c + r.

constexpr int kHaloRows = kRows + 2, kHaloCols = kCols + 2, kHalo = kHaloRows * kHaloCols;
constexpr int kProducts = (kHalo + 15) / 16;  // of 16 outputs
// Outputs of a row [k] of shared memory: four rows apart, lanes of a fragment meet different banks.
constexpr int kHaloStride = 16 * kProducts + 2;
static_assert(4 * kHaloStride % 32 == 8);

template <int kCi>
constexpr size_t kDataSharedBytes = sizeof(float) * 16 * kCi* kHaloStride;

// Offset of the output row (or column) that kernel row `k` brings to a pixel, counted from i - 1.
__device__ constexpr int halo_offset(int k) { return k == 0 ? 2 : k == 3 ? 0 : 1; }

// sm_90: at most 160 registers (128 but for four channels), 128-bit loads
template <int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<kCi>)
    conv2d_few_backward_data_kernel(Plan p, const Bf16* __restrict__ dy, const uint32_t* __restrict__ w,
                                    uint32_t* __restrict__ dx) {
  using Values = Pack<uint32_t, 4>;
  float* const windows = dynamic_shared<float>();  // [K, outputs]
  __shared__ Weights<kCi> weights;
  const int warp = static_cast<int>(threadIdx.x) / 32, g = static_cast<int>(threadIdx.x) % 32 / 4,
            t = static_cast<int>(threadIdx.x) % 4;

  // The next product: of this tile and these channels, of the next channels, or of the next tile.
  const int first = static_cast<int>(blockIdx.x), step = static_cast<int>(gridDim.x);
  int next_index = first;
  Tile next_tile(p, first);
  int next_o0 = 0, next_product = warp;
  Values next[2][2];  // outputs g and g + 8; channels 8t and 32 + 8t
  const auto fetch = [&] {
    if (next_index >= p.tiles()) return;
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int output = 16 * next_product + g + 8 * r;
      const int i = next_tile.i0 + output / kHaloCols - 1, j = next_tile.j0 + output % kHaloCols - 1;
      const bool inside = output < kHalo && i >= 0 && i < p.ho && j >= 0 && j < p.wo;
      const Bf16* const from = row_of(p, next_tile, i, next_o0, dy) + j * p.co;
#pragma unroll
      for (int part = 0; part < 2; ++part) {
        const int o = 32 * part + kVector * t;
        next[r][part] = {};
        if (inside && next_o0 + o < p.co) next[r][part] = *reinterpret_cast<const Values*>(from + o);
      }
    }
  };
  const auto advance = [&] {
    next_product += kWarps;
    if (next_product < kProducts) return;
    next_product = warp;
    next_o0 += kBlockCo;
    if (next_o0 < p.co) return;
    next_o0 = 0;
    next_index += step;
    next_tile = Tile(p, next_index);
  };

  fetch();
  uint32_t b[4][2 * kCi][2];
  int loaded = -1;  // the first channel of the weights in b
  for (int index = first; index < p.tiles(); index += step) {
    if (index != first) __syncthreads();
    for (int o0 = 0; o0 < p.co; o0 += kBlockCo) {
      if (o0 != loaded) {
        if (loaded >= 0) __syncthreads();
        loaded = o0;
        weights.load(p, o0, w);
        __syncthreads();
#pragma unroll
        for (int s = 0; s < 4; ++s) {
#pragma unroll
          for (int q = 0; q < kCi; ++q) {
#pragma unroll
            for (int depth = 0; depth < 2; ++depth) {
              const int o = s / 2 * 32 + 8 * t + s % 2 * 4 + 2 * depth;
              const uint32_t upper = weights.words[o][8 * q + g], lower = weights.words[o + 1][8 * q + g];
              b[s][2 * q][depth] = low_halves(upper, lower);
              b[s][2 * q + 1][depth] = high_halves(upper, lower);
            }
          }
        }
      }
#pragma unroll 1
      for (int product = warp; product < kProducts; product += kWarps) {
        uint32_t a[4][4];
#pragma unroll
        for (int s = 0; s < 4; ++s) {
#pragma unroll
          for (int e = 0; e < 4; ++e) a[s][e] = next[e % 2][s / 2][s % 2 * 2 + e / 2];
        }
        advance();
        fetch();
#pragma unroll
        for (int q = 0; q < kCi; ++q) {
          float* const to = windows + (16 * q + 4 * t) * kHaloStride + 16 * product + g;
          float sums[2][4] = {};
#pragma unroll
          for (int e = 0; e < 8; ++e)
            if (o0 > 0) sums[e % 2][e / 2] = to[(e / 2 % 2 * 2 + e % 2) * kHaloStride + e / 4 * 8];
#pragma unroll
          for (int s = 0; s < 4; ++s) {
            mma_bf16(sums[0], a[s], b[s][2 * q]);
            mma_bf16(sums[1], a[s], b[s][2 * q + 1]);
          }
#pragma unroll
          for (int e = 0; e < 8; ++e)
            to[(e / 2 % 2 * 2 + e % 2) * kHaloStride + e / 4 * 8] = sums[e % 2][e / 2];
        }
      }
    }
    __syncthreads();

    // A thread: two pixels of dx, side by side.
    const Tile tile(p, index);
    const int j = static_cast<int>(threadIdx.x) % kCols,
              row_of_two = static_cast<int>(threadIdx.x) / kCols % 2;
    float sums[2 * kCi] = {};
#pragma unroll
    for (int y = 0; y < 2; ++y) {
      const int ky = 2 * y + 1 - row_of_two;
      const float* const from =
          windows + ky * 4 * kCi * kHaloStride + (warp + halo_offset(ky)) * kHaloCols + j;
#pragma unroll
      for (int kx = 0; kx < 4; ++kx) {
#pragma unroll
        for (int c = 0; c < kCi; ++c)
          sums[(kx + 1) % 2 * kCi + c] += from[(kx * kCi + c) * kHaloStride + halo_offset(kx)];
      }
    }
    const int y_px = 2 * (tile.i0 + warp) + row_of_two, j_px = tile.j0 + j;
    if (y_px >= p.h || j_px >= p.wo) continue;
    uint32_t* const to = dx + (int64_t{tile.n} * p.h + y_px) * (p.wo * kCi) + j_px * kCi;
#pragma unroll
    for (int e = 0; e < kCi; ++e) to[e] = rounded_word(sums[2 * e], sums[2 * e + 1]);
  }
}

// ---- Weight gradient -------------------------------------------------------------------------------------
// dw [co, K] = dy^T [co, pixels] windows [pixels, K]. A warp: 32 output channels and two rows of each tile;
// eight warps: 64 channels and eight rows. dy goes from memory to fragments. Row g of product m along the
// channels is channel 4g + 2m, row g + 8 the one after; column c of product 2q + r along K is k = 16q + 2c +
// r. A lane's results are four neighbours of k.

constexpr int kGroups = kWarps / 2;  // of two warps that share a row

// A lane multiplies these values of dy: two rows, pixels 2t, 2t + 1, 2t + 8, 2t + 9 of each, four channels
// from o.
struct LaneOfDy {
  Pack<uint32_t, 2> values[2][4];

  __device__ void fetch(const Plan& p, const Tile& tile, int row, int t, int o, const Bf16* __restrict__ dy) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      const int i = tile.i0 + row + r * kGroups;
      const Bf16* const from = row_of(p, tile, i, o, dy);
#pragma unroll
      for (int pixel = 0; pixel < 4; ++pixel) {
        const int j = tile.j0 + 2 * t + pixel / 2 * 8 + pixel % 2;
        values[r][pixel] = {};
        if (i < p.ho && j < p.wo && o < p.co)
          values[r][pixel] = *reinterpret_cast<const Pack<uint32_t, 2>*>(from + j * p.co);
      }
    }
  }
};

// partial: [block, co, K], each block's sum over its tiles.
// sm_90: at most 160 registers (128 but for four channels), 128-bit stores
template <int kCi>
__global__ void __launch_bounds__(kThreads, kLeastBlocks<kCi>)
    conv2d_few_backward_weight_kernel(Plan p, const uint32_t* __restrict__ x, const Bf16* __restrict__ dy,
                                      float* __restrict__ partial) {
  constexpr int kSums = 16 * kCi;  // of a lane
  __shared__ uint32_t patch[2][Patch<kCi>::kWords];
  __shared__ float others[kSums][kThreads / kGroups];
  const int warp = static_cast<int>(threadIdx.x) / 32, lane = static_cast<int>(threadIdx.x) % 32,
            g = lane / 4, t = lane % 4;
  const int part = warp % 2, group = warp / 2;
  const int o = static_cast<int>(blockIdx.y) * kBlockCo + 32 * part + 4 * g;

  Patch<kCi> next;
  LaneOfDy next_dy;
  const int first = static_cast<int>(blockIdx.x), step = static_cast<int>(gridDim.x);
  next.fetch(p, Tile(p, first), x);
  next_dy.fetch(p, Tile(p, first), group, t, o, dy);
  int pair[kCi];
#pragma unroll
  for (int q = 0; q < kCi; ++q)
    pair[q] = Patch<kCi>::word_of(16 * q + 2 * g) + 2 * group * Patch<kCi>::kRowWords + 2 * t * kCi;

  float sums[2][2 * kCi][4] = {};
  int buffer = 0;
  for (int index = first; index < p.tiles(); index += step, buffer ^= 1) {
    uint32_t a[2][2][4];
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
      for (int m = 0; m < 2; ++m) {
#pragma unroll
        for (int depth = 0; depth < 2; ++depth) {
          const uint32_t left = next_dy.values[r][2 * depth][m], right = next_dy.values[r][2 * depth + 1][m];
          a[r][m][2 * depth] = low_halves(left, right);
          a[r][m][2 * depth + 1] = high_halves(left, right);
        }
      }
    }
    next.store(patch[buffer]);
    __syncthreads();  // one is enough: the other buffer is read until the next tile's
    if (index + step < p.tiles()) {
      const Tile tile(p, index + step);
      next.fetch(p, tile, x);
      next_dy.fetch(p, tile, group, t, o, dy);
    }
#pragma unroll
    for (int r = 0; r < 2; ++r) {
#pragma unroll
      for (int q = 0; q < kCi; ++q) {
        const uint32_t* const at = patch[buffer] + pair[q] + 2 * r * kGroups * Patch<kCi>::kRowWords;
        uint32_t even[2], odd[2];
#pragma unroll
        for (int depth = 0; depth < 2; ++depth) {
          const uint32_t left = at[8 * depth * kCi], right = at[(8 * depth + 1) * kCi];
          even[depth] = low_halves(left, right);
          odd[depth] = high_halves(left, right);
        }
#pragma unroll
        for (int m = 0; m < 2; ++m) {
          mma_bf16(sums[m][2 * q], a[r][m], even);
          mma_bf16(sums[m][2 * q + 1], a[r][m], odd);
        }
      }
    }
  }

  // The groups' sums, one after the other.
  const int member = 32 * part + lane;
  for (int from = 1; from < kGroups; ++from) {
    __syncthreads();
#pragma unroll
    for (int e = 0; e < kSums; ++e)
      if (group == from) others[e][member] = sums[e / (8 * kCi)][e / 4 % (2 * kCi)][e % 4];
    __syncthreads();
#pragma unroll
    for (int e = 0; e < kSums; ++e)
      if (group == 0) sums[e / (8 * kCi)][e / 4 % (2 * kCi)][e % 4] += others[e][member];
  }
  if (group != 0 || o >= p.co) return;
#pragma unroll
  for (int m = 0; m < 2; ++m) {
#pragma unroll
    for (int r = 0; r < 2; ++r) {
      float* const to = partial + ((int64_t{blockIdx.x} * p.co + o + 2 * m + r) * 16 * kCi + 4 * t);
#pragma unroll
      for (int q = 0; q < kCi; ++q)
        *reinterpret_cast<Pack<float, 4>*>(to + 16 * q) = {sums[m][2 * q][2 * r], sums[m][2 * q + 1][2 * r],
                                                           sums[m][2 * q][2 * r + 1],
                                                           sums[m][2 * q + 1][2 * r + 1]};
    }
  }
}

// dw = sum over the parts, plus dw itself where it is added to. A block: 32 elements, 32 slices of the parts.
// A thread loads all its parts before it adds them up.
constexpr int kAddElements = 32, kAddSlices = kThreads / (kAddElements / 4);
constexpr int kMostParts = static_cast<int>((kMostBlocks + kAddSlices - 1) / kAddSlices);  // of a slice

// sm_90: at most 64 registers, 128-bit loads
__global__ void __launch_bounds__(kThreads)
    conv2d_few_add_parts_kernel(int64_t elements, int parts, const float* __restrict__ partial, bool add,
                                float* __restrict__ dw) {
  using Values = Pack<float, 4>;
  __shared__ Values slices[kAddSlices][kAddElements / 4];
  const int thread = static_cast<int>(threadIdx.x), column = thread % (kAddElements / 4),
            slice = thread / (kAddElements / 4);
  const int64_t first = int64_t{blockIdx.x} * kAddElements, e = first + 4 * column;
  Values mine[kMostParts];
#pragma unroll
  for (int i = 0; i < kMostParts; ++i) {
    const int part = slice + i * kAddSlices;
    mine[i] = {};
    if (e < elements && part < parts)
      mine[i] = *reinterpret_cast<const Values*>(partial + part * elements + e);
  }
#pragma unroll
  for (int i = 1; i < kMostParts; ++i) {
#pragma unroll
    for (int k = 0; k < 4; ++k) mine[0][k] += mine[i][k];
  }
  slices[slice][column] = mine[0];
  __syncthreads();
  if (thread >= kAddElements || first + thread >= elements) return;
  float sum = 0;
#pragma unroll
  for (int s = 0; s < kAddSlices; ++s) sum += slices[s][thread / 4][thread % 4];
  dw[first + thread] = add ? dw[first + thread] + sum : sum;
}

// ---- Launches --------------------------------------------------------------------------------------------

int blocks_for(int64_t n, int64_t size) { return static_cast<int>((n + size - 1) / size); }

Plan plan_for(const Conv2dShape& s) {
  const int ho = static_cast<int>(s.h / 2), wo = static_cast<int>(s.w / 2);
  return {static_cast<int>(s.n), static_cast<int>(s.h), static_cast<int>(s.w), static_cast<int>(s.co), ho, wo,
          blocks_for(ho, kRows), blocks_for(wo, kCols)};
}

// Blocks that share the tiles, for each of the `others` along another side of the grid. They follow from the
// shape alone: the weight gradient is summed by them.
unsigned tile_blocks(const Conv2dShape& s, int64_t others) {
  return static_cast<unsigned>(std::clamp<int64_t>(kMostBlocks / others, 1, plan_for(s).tiles()));
}

template <typename F>
void visit(const Conv2dShape& s, F&& f) {
  switch (s.ci) {
    case 1:
      return f(std::integral_constant<int, 1>());
    case 2:
      return f(std::integral_constant<int, 2>());
    case 3:
      return f(std::integral_constant<int, 3>());
    case 4:
      return f(std::integral_constant<int, 4>());
    default:
      throw Error(fmt::format("conv2d_few: {} picture channels", s.ci));
  }
}

const uint32_t* words_of(const Tensor& tensor) {
  return reinterpret_cast<const uint32_t*>(data_of<bf16>(tensor));
}

void expect_taken(const Tensor& a, const Tensor& b, const Tensor& c) {
  INPAINT_CHECK(conv2d_few_takes(a) && conv2d_few_takes(b) && conv2d_few_takes(c),
                "conv2d_few: a tensor does not begin at a multiple of 16 bytes");
}

}  // namespace

bool conv2d_few_takes(const Context& ctx, const Conv2dShape& s, DType dtype) {
  // The kernels number tiles, and the values of a picture, by an int.
  constexpr int64_t kMost = int64_t{1} << 30;
  return s.window == kHalving && dtype == DType::kBF16 && ctx.has_tensor_cores_for_bf16() &&
         s.ci <= kFewChannels && s.co % kVector == 0 &&
         s.n * blocks_for(s.h / 2, kRows) * blocks_for(s.w / 2, kCols) < kMost &&
         s.h * s.w * std::max(s.ci, s.co) < kMost;
}

bool conv2d_few_takes(const Tensor& tensor) {
  return reinterpret_cast<uintptr_t>(tensor.data) % sizeof(Pack<uint32_t, 4>) == 0;
}

void conv2d_few_forward(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& w,
                        const Tensor& y) {
  expect_taken(x, w, y);
  visit(s, [&](auto channels) {
    const int others = blocks_for(s.co, kBlockCo);
    launch("conv2d_forward", ctx.stream(), dim3(tile_blocks(s, others), static_cast<unsigned>(others)),
           dim3(kThreads), 0, conv2d_few_forward_kernel<decltype(channels)::value>, plan_for(s), words_of(x),
           words_of(w), data_of<bf16>(y));
  });
}

void conv2d_few_backward_data(const Context& ctx, const Conv2dShape& s, const Tensor& dy, const Tensor& w,
                              const Tensor& dx) {
  expect_taken(dy, w, dx);
  visit(s, [&](auto channels) {
    constexpr int kCi = decltype(channels)::value;
    launch("conv2d_backward_data", ctx.stream(), dim3(tile_blocks(s, 1)), dim3(kThreads),
           kDataSharedBytes<kCi>, conv2d_few_backward_data_kernel<kCi>, plan_for(s), data_of<bf16>(dy),
           words_of(w), reinterpret_cast<uint32_t*>(data_of<bf16>(dx)));
  });
}

int64_t conv2d_few_backward_weight_workspace_bytes(const Conv2dShape& s) {
  return tile_blocks(s, blocks_for(s.co, kBlockCo)) * s.weight().elements() * size_of(DType::kF32);
}

void conv2d_few_backward_weight(const Context& ctx, const Conv2dShape& s, const Tensor& x, const Tensor& dy,
                                const Tensor& dw, GradMode mode, void* workspace) {
  expect_taken(x, dy, dw);
  auto* const partial = static_cast<float*>(workspace);
  const int others = blocks_for(s.co, kBlockCo);
  const unsigned parts = tile_blocks(s, others);
  visit(s, [&](auto channels) {
    launch("conv2d_backward_weight", ctx.stream(), dim3(parts, static_cast<unsigned>(others)), dim3(kThreads),
           0, conv2d_few_backward_weight_kernel<decltype(channels)::value>, plan_for(s), words_of(x),
           data_of<bf16>(dy), partial);
  });
  const int64_t elements = dw.elements();
  launch("conv2d_backward_weight, sum", ctx.stream(),
         dim3(static_cast<unsigned>(blocks_for(elements, kAddElements))), dim3(kThreads), 0,
         conv2d_few_add_parts_kernel, elements, static_cast<int>(parts), partial,
         mode == GradMode::kAccumulate, dw.as<float>());
}

}  // namespace inpaint::cuda
