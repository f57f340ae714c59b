// hole_loss on CUDA; contract in hole_loss.h. Memory-bound: the mask is read twice; painted and images are
// read where pixels are missing, once for the sums and once for the gradient. Two launches: the gradient of
// a picture needs its sums.
#include "kernels/cuda/block_sum_cuda.h"
#include "kernels/cuda/grad_mode_cuda.h"
#include "kernels/cuda/last_block_cuda.h"
#include "kernels/cuda/mask_cuda.h"
#include "kernels/cuda/normalized_pixel_cuda.h"
#include "kernels/cuda/sign_cuda.h"
#include "kernels/loss/hole_loss.h"

namespace inpaint::cuda {
namespace {

struct Pictures {
  int64_t n;
  unsigned pixels, c, values;  // of a picture
};

struct BlockSums {
  double values, absolute, squares;
};

// What a picture's gradient is made with: weight / (N n), and weight / (N n root).
struct Factors {
  double l1, rms;
};

// Where the sums go: of each block and picture; of each picture; of all.
struct Sums {
  BlockSums* blocks;
  Factors* factors;
  unsigned* counter;
  HoleLossWeights weights;
  double *l1, *rms;
};

// The sum is valid in thread 0. May be called again at once.
__device__ double separate_block_sum(double value) {
  __syncthreads();
  return block_sum(value);
}

// A warp for each picture adds its blocks' sums, and the block adds the pictures.
__device__ void finish(const Pictures& s, const Sums& sums) {
  const unsigned lane = threadIdx.x % 32, warps = kBlockThreads / 32;
  const auto n = static_cast<double>(s.n);
  double l1 = 0, rms = 0;
  for (int64_t picture = threadIdx.x / 32; picture < s.n; picture += warps) {
    BlockSums all = {};
    for (unsigned block = lane; block < gridDim.x; block += 32) {
      const BlockSums& one = sums.blocks[picture * gridDim.x + block];
      all.values += one.values;
      all.absolute += one.absolute;
      all.squares += one.squares;
    }
    all = {warp_sum(all.values), warp_sum(all.absolute), warp_sum(all.squares)};
    if (lane != 0 || all.values == 0) continue;  // 0: nothing is missing
    const double root = sqrt(all.squares / all.values + kHoleLossEpsilon);
    l1 += all.absolute / all.values;
    rms += root;
    sums.factors[picture] = {sums.weights.l1 / (n * all.values), sums.weights.rms / (n * all.values * root)};
  }
  l1 = separate_block_sum(l1);
  rms = separate_block_sum(rms);
  if (threadIdx.x != 0) return;
  *sums.l1 = l1 / n;
  *sums.rms = rms / n;
}

// The blocks' x goes over a picture's packs, their y over pictures.
// sm_90: at most 64 registers, 128-bit loads
template <bool kPacked, typename F>
__global__ void __launch_bounds__(kBlockThreads)
    hole_loss_kernel(Pictures s, const F* __restrict__ painted, const uint8_t* __restrict__ images,
                     const uint8_t* __restrict__ mask, Sums sums) {
  constexpr int kSize = Pack<F>::kSize;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y) {
    double values = 0, absolute = 0, squares = 0;
    for (auto at = static_cast<unsigned>(kSize * global_thread()); at < s.values;
         at += kSize * gridDim.x * kBlockThreads) {
      const unsigned missing = missing_values<kSize>(mask + n * s.pixels, at, s.values, s.c);
      if (missing == 0) continue;
      const Pack<F> here = load<kPacked, kSize>(painted + n * s.values, at, s.values);
      const Pack<F> target = normalized_pack<F>(load<kPacked, kSize>(images + n * s.values, at, s.values));
#pragma unroll
      for (int k = 0; k < kSize; ++k) {
        const double d = missing >> k & 1 ? static_cast<double>(here[k] - target[k]) : 0;
        absolute += fabs(d);
        squares += d * d;
      }
      values += __popc(missing);
    }
    values = separate_block_sum(values);
    absolute = separate_block_sum(absolute);
    squares = separate_block_sum(squares);
    if (threadIdx.x == 0) sums.blocks[n * gridDim.x + blockIdx.x] = {values, absolute, squares};
  }
  if (is_last_block(sums.counter, gridDim.x * gridDim.y)) finish(s, sums);
}

// sm_90: at most 64 registers, 128-bit loads, 128-bit stores
template <Write W, bool kPacked, typename T>
__global__ void __launch_bounds__(kBlockThreads)
    hole_gradient_kernel(Pictures s, const Compute<T>* __restrict__ painted,
                         const uint8_t* __restrict__ images, const uint8_t* __restrict__ mask,
                         const Factors* __restrict__ factors, T* __restrict__ dpainted) {
  using F = Compute<T>;
  constexpr int kSize = Pack<T>::kSize;
  for (int64_t n = blockIdx.y; n < s.n; n += gridDim.y) {
    for (auto at = static_cast<unsigned>(kSize * global_thread()); at < s.values;
         at += kSize * gridDim.x * kBlockThreads) {
      const unsigned missing = missing_values<kSize>(mask + n * s.pixels, at, s.values, s.c);
      if (W == Write::kAccumulate && missing == 0) continue;
      F gradient[kSize] = {};
      if (missing != 0) {
        const auto l1 = static_cast<F>(factors[n].l1), rms = static_cast<F>(factors[n].rms);
        const auto here = load<kPacked, kSize>(painted + n * s.values, at, s.values);
        const auto target = normalized_pack<F>(load<kPacked, kSize>(images + n * s.values, at, s.values));
#pragma unroll
        for (int k = 0; k < kSize; ++k) {
          const F d = here[k] - target[k];
          if (missing >> k & 1) gradient[k] = l1 * sign(d) + rms * d;
        }
      }
      write_gradient<W, kPacked>(gradient, dpainted + n * s.values, at, s.values);
    }
  }
}

Pictures pictures_of(const Shape& s) {
  const int64_t pixels = s[1] * s[2], values = pixels * s[3];
  INPAINT_CHECK(values < int64_t{1} << 31, "hole_loss: pictures of {}", to_string(s));
  return {s[0], static_cast<unsigned>(pixels), static_cast<unsigned>(s[3]), static_cast<unsigned>(values)};
}

dim3 grid_of(const Pictures& s, int64_t pack) {
  const int64_t per_picture = blocks_1d((s.values + pack - 1) / pack);
  const int64_t pictures = std::min(s.n, std::max<int64_t>(1, kMaxBlocks1d / per_picture));
  return {static_cast<unsigned>(per_picture), static_cast<unsigned>(pictures)};
}

template <typename F>
void sum(const Context& ctx, const Pictures& s, const F* painted, const uint8_t* images, const uint8_t* mask,
         const Sums& sums) {
  constexpr int kSize = Pack<F>::kSize;
  const bool packed = s.values % kSize == 0 && can_pack<kSize>(painted) && can_pack<kSize>(images);
  launch("hole_loss", ctx.stream(), grid_of(s, kSize), dim3(kBlockThreads), 0,
         packed ? hole_loss_kernel<true, F> : hole_loss_kernel<false, F>, s, painted, images, mask, sums);
}

template <typename T>
void differentiate(const Context& ctx, const Pictures& s, const Compute<T>* painted, const uint8_t* images,
                   const uint8_t* mask, const Factors* factors, T* dpainted, GradMode mode) {
  constexpr int kSize = Pack<T>::kSize;
  const bool packed = s.values % kSize == 0 && can_pack<kSize>(painted) && can_pack<kSize>(images) &&
                      can_pack<kSize>(dpainted);
  visit_write(true, mode, [&]<Write W>(std::integral_constant<Write, W>) {
    launch("hole_loss: gradient", ctx.stream(), grid_of(s, kSize), dim3(kBlockThreads), 0,
           packed ? hole_gradient_kernel<W, true, T> : hole_gradient_kernel<W, false, T>, s, painted, images,
           mask, factors, dpainted);
  });
}

}  // namespace

// Packs of two values, the least there are, make the most blocks.
int64_t hole_loss_workspace_bytes(const Context& ctx, const Shape& painted) {
  ticket_counters(ctx, 1);
  const Pictures s = pictures_of(painted);
  return s.n * (grid_of(s, 2).x * int64_t{sizeof(BlockSums)} + int64_t{sizeof(Factors)});
}

void hole_loss(const Context& ctx, const Tensor& painted, const Tensor& images, const Tensor& mask,
               const HoleLossWeights& weights, const Tensor& l1, const Tensor& rms, const Tensor* dpainted,
               GradMode mode) {
  const Pictures s = pictures_of(painted.shape);
  auto* const factors =
      static_cast<Factors*>(ctx.workspace(cuda::hole_loss_workspace_bytes(ctx, painted.shape)));
  const Sums sums = {reinterpret_cast<BlockSums*>(factors + s.n),
                     factors,
                     ticket_counters(ctx, 1),
                     weights,
                     l1.as<double>(),
                     rms.as<double>()};
  const uint8_t *const bytes = images.as<uint8_t>(), *const masks = mask.as<uint8_t>();
  visit_real(painted.dtype, [&]<typename F>(F) { sum(ctx, s, painted.as<F>(), bytes, masks, sums); });
  if (dpainted == nullptr) return;
  visit_activation_type(dpainted->dtype, [&]<typename T>(T) {
    using D = DeviceType<T>;
    differentiate<D>(ctx, s, painted.as<Compute<D>>(), bytes, masks, factors, data_of<T>(*dpainted), mode);
  });
}

}  // namespace inpaint::cuda
