// hole_loss on the CPU; contract in hole_loss.h. Memory-bound: painted and images are read where pixels are
// missing, once for the sums and once for the gradient.
#include <algorithm>
#include <cmath>

#include "kernels/cpu/grad_mode_cpu.h"
#include "kernels/cpu/lane_sum_cpu.h"
#include "kernels/cpu/mask_runs_cpu.h"
#include "kernels/cpu/normalized_pixel_cpu.h"
#include "kernels/cpu/sign_cpu.h"
#include "kernels/loss/hole_loss.h"

namespace inpaint::cpu {
namespace {

constexpr int64_t kBlock = 4096;  // pixels of one picture

struct Sizes {
  int64_t n, pixels, c;  // pixels of a picture
  int64_t blocks() const { return (pixels + kBlock - 1) / kBlock; }
};

Sizes sizes_of(const Shape& s) { return {s[0], s[1] * s[2], s[3]}; }

struct BlockSums {
  double values, absolute, squares;
};

// What a picture's gradient is made with: (weight / (N n), weight / (N n root)).
struct Factors {
  double l1, rms;
};

// Calls body(picture, block of all, first pixel of all, last pixel of all) for all blocks of all pictures.
template <typename F>
void for_each_block(const Context& ctx, const Sizes& s, F&& body) {
  ctx.parallel(s.n * s.blocks(), [&](int64_t block, int) {
    const int64_t picture = block / s.blocks(), begin = block % s.blocks() * kBlock;
    const int64_t first = picture * s.pixels;
    body(picture, block, first + begin, first + std::min(s.pixels, begin + kBlock));
  });
}

template <typename F>
BlockSums block_sums(const F* painted, const uint8_t* images, const uint8_t* mask, int64_t c, int64_t begin,
                     int64_t end) {
  LaneSum absolute, squares;
  int64_t missing_pixels = 0;
  const auto difference = [=](int64_t i) {
    return static_cast<double>(painted[i] - normalized<F>(images[i]));
  };
  for_each_run(mask, begin, end, [&](bool missing, int64_t from, int64_t to) {
    if (!missing) return;
    missing_pixels += to - from;
    absolute.add(from * c, to * c, [=](int64_t i) { return std::abs(difference(i)); });
    squares.add(from * c, to * c, [=](int64_t i) { return difference(i) * difference(i); });
  });
  return {static_cast<double>(c * missing_pixels), absolute.total(), squares.total()};
}

// Adds the pictures up, and leaves the factors of each.
void finish(const Sizes& s, const HoleLossWeights& weights, const BlockSums* blocks, Factors* factors,
            double& l1, double& rms) {
  const double n = static_cast<double>(s.n);
  l1 = rms = 0;
  for (int64_t picture = 0; picture < s.n; ++picture) {
    BlockSums all = {};
    for (int64_t block = picture * s.blocks(); block < (picture + 1) * s.blocks(); ++block) {
      all.values += blocks[block].values;
      all.absolute += blocks[block].absolute;
      all.squares += blocks[block].squares;
    }
    if (all.values == 0) continue;  // nothing is missing
    const double root = std::sqrt(all.squares / all.values + kHoleLossEpsilon);
    l1 += all.absolute / all.values / n;
    rms += root / n;
    factors[picture] = {weights.l1 / (n * all.values), weights.rms / (n * all.values * root)};
  }
}

template <Store S, typename T>
void block_gradient(const ArithmeticOf<T>* painted, const uint8_t* images, const uint8_t* mask, int64_t c,
                    int64_t begin, int64_t end, const Factors& factors, T* dpainted) {
  using F = ArithmeticOf<T>;
  const auto l1 = static_cast<F>(factors.l1), rms = static_cast<F>(factors.rms);
  for_each_run(mask, begin, end, [=](bool missing, int64_t from, int64_t to) {
    if (missing)
#pragma GCC ivdep
      for (int64_t i = from * c; i < to * c; ++i) {
        const F d = painted[i] - normalized<F>(images[i]);
        store<S>(dpainted, i, l1 * sign(d) + rms * d);
      }
    else if (S == Store::kOverwrite)
      std::fill(dpainted + from * c, dpainted + to * c, static_cast<T>(0.0f));
  });
}

}  // namespace

int64_t hole_loss_workspace_bytes(const Context&, const Shape& painted) {
  const Sizes s = sizes_of(painted);
  return s.n * (s.blocks() * int64_t{sizeof(BlockSums)} + int64_t{sizeof(Factors)});
}

void hole_loss(const Context& ctx, const Tensor& painted, const Tensor& images, const Tensor& mask,
               const HoleLossWeights& weights, const Tensor& l1, const Tensor& rms, const Tensor* dpainted,
               GradMode mode) {
  const Sizes s = sizes_of(painted.shape);
  auto* const blocks =
      static_cast<BlockSums*>(ctx.workspace(cpu::hole_loss_workspace_bytes(ctx, painted.shape)));
  auto* const factors = reinterpret_cast<Factors*>(blocks + s.n * s.blocks());
  const uint8_t *bytes = images.as<uint8_t>(), *masks = mask.as<uint8_t>();
  visit_activation_type(dpainted == nullptr ? painted.dtype : dpainted->dtype, [&]<typename T>(T) {
    const auto* values = painted.as<ArithmeticOf<T>>();
    for_each_block(ctx, s, [&](int64_t, int64_t block, int64_t begin, int64_t end) {
      blocks[block] = block_sums(values, bytes, masks, s.c, begin, end);
    });
    finish(s, weights, blocks, factors, *l1.as<double>(), *rms.as<double>());
    if (dpainted == nullptr) return;
    T* gradient = dpainted->as<T>();
    visit_store(true, mode, [&]<Store S>(StoreConstant<S>) {
      for_each_block(ctx, s, [&](int64_t picture, int64_t, int64_t begin, int64_t end) {
        block_gradient<S>(values, bytes, masks, s.c, begin, end, factors[picture], gradient);
      });
    });
  });
}

}  // namespace inpaint::cpu
