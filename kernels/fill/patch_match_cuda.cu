// patch_match on CUDA; contract in patch_match.h. One thread per pixel or target. Neighbouring targets have
// neighbouring sources nearly everywhere, so the 16-byte reads of a warp share lines of the cache.
#include "kernels/cuda/launch.h"
#include "kernels/fill/patch_match_schedule.h"

namespace inpaint::cuda {
namespace {

// sm_90: at most 128 registers
template <typename Step>
__global__ void __launch_bounds__(kBlockThreads, 2) patch_step_kernel(Step step, int64_t count) {
  for (int64_t i = global_thread(); i < count; i += grid_threads()) step(i);
}

// One block per picture counts its costs, then its first thread walks through the bins.
__global__ void __launch_bounds__(kBlockThreads)
    cost_scales_kernel(const uint32_t* __restrict__ matches, const float* __restrict__ cost, int64_t targets,
                       float* __restrict__ inverse_scale) {
  __shared__ int bins[kCostBins];
  __shared__ int count;
  for (int k = static_cast<int>(threadIdx.x); k < kCostBins; k += kBlockThreads) bins[k] = 0;
  if (threadIdx.x == 0) count = 0;
  __syncthreads();
  const int64_t first = blockIdx.x * targets;
  int mine = 0;
  for (int64_t i = first + threadIdx.x; i < first + targets; i += kBlockThreads) {
    if (matches[i] == kNoMatch) continue;
    atomicAdd(&bins[cost_bin(cost[i])], 1);
    ++mine;
  }
  atomicAdd(&count, mine);
  __syncthreads();
  if (threadIdx.x != 0) return;
  int64_t below = 0;
  int bin = 0;
  while (bin < kCostBins - 1 && (below += bins[bin]) * 4 < int64_t{count} * 3) ++bin;
  inverse_scale[blockIdx.x] = inverse_scale_of(bin);
}

struct Runner {
  const Context& ctx;

  template <typename Step>
  void each(const char* name, int64_t count, const Step& step) const {
    launch_1d(name, ctx.stream(), count, patch_step_kernel<Step>, step, count);
  }

  void cost_scales(const PatchLevel& level, const uint32_t* matches, float* inverse_scale,
                   int64_t pictures) const {
    launch("patch_match: cost scales", ctx.stream(), dim3(static_cast<unsigned>(pictures)),
           dim3(kBlockThreads), 0, cost_scales_kernel, matches, level.cost, level.targets.pixels(),
           inverse_scale);
  }
};

}  // namespace

void patch_match(const Context& ctx, const PatchMatchOptions& options, const Tensor& mask,
                 const Tensor& pictures) {
  const int64_t bytes = plan_patch_match(options, pictures.shape, nullptr).bytes;
  const PatchPlan plan =
      plan_patch_match(options, pictures.shape, static_cast<std::byte*>(ctx.workspace(bytes)));
  PatchMatchSchedule<Device::kCuda, Runner>(Runner{ctx}, options, plan)
      .run(mask.as<uint8_t>(), pictures.as<float>());
}

}  // namespace inpaint::cuda
