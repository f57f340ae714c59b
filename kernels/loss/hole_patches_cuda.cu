// hole_patches on CUDA; contract in hole_patches.h. A warp has a score: its lanes read a row of the field at
// once, until one is missing. Fields overlap and begin anywhere in a row, so that single bytes are read, most
// of them from the cache.
#include <algorithm>

#include "kernels/cuda/launch.h"
#include "kernels/cuda/values_cuda.h"
#include "kernels/loss/hole_patches.h"

namespace inpaint::cuda {
namespace {

// The sides of the mask and of the scores.
struct Sides {
  int h, w, down, across;
};

// sm_90: at most 40 registers
template <typename T>
__global__ void __launch_bounds__(kBlockThreads)
    hole_patches_kernel(PatchField field, Sides sides, int64_t scores, const uint8_t* __restrict__ mask,
                        T* __restrict__ weights) {
  const int lane = static_cast<int>(threadIdx.x % 32), size = static_cast<int>(field.size);
  for (int64_t score = global_thread() / 32; score < scores; score += grid_threads() / 32) {
    const int64_t line = score / sides.across, picture = line / sides.down;
    const auto first_of = [&](int64_t at) { return static_cast<int>(field.first + at * field.stride); };
    const int top = first_of(line - picture * sides.down), left = first_of(score - line * sides.across);
    const uint8_t* const pixels = mask + picture * sides.h * sides.w;
    bool touches = false;
    for (int row = max(top, 0); row < min(top + size, sides.h) && !touches; ++row) {
      bool missing = false;
      for (int column = max(left, 0) + lane; column < min(left + size, sides.w); column += 32)
        missing |= pixels[int64_t{row} * sides.w + column] != 0;
      touches = __any_sync(0xffffffffu, missing);
    }
    if (lane == 0) weights[score] = rounded_to<T>(static_cast<Compute<T>>(touches ? 1 : 0));
  }
}

}  // namespace

void hole_patches(const Context& ctx, const PatchField& field, const Tensor& mask, const Tensor& weights) {
  const int64_t scores = weights.elements(), down = weights.shape[1], across = weights.shape[2];
  constexpr int64_t kMost = int64_t{1} << 30;  // places along an axis are ints
  const int64_t reach = std::max(down, across) * field.stride + field.size;
  INPAINT_CHECK(mask.elements() < kMost && -kMost < field.first && field.first < kMost && reach < kMost,
                "hole_patches: mask of {}, weights of {}, a field of {} from {} every {}",
                to_string(mask.shape), to_string(weights.shape), field.size, field.first, field.stride);
  const Sides sides = {static_cast<int>(mask.shape[1]), static_cast<int>(mask.shape[2]),
                       static_cast<int>(down), static_cast<int>(across)};
  visit_activation_type(weights.dtype, [&]<typename T>(T) {
    launch_1d("hole_patches", ctx.stream(), 32 * scores, hole_patches_kernel<DeviceType<T>>, field, sides,
              scores, mask.as<uint8_t>(), data_of<T>(weights));
  });
}

}  // namespace inpaint::cuda
