#include "kernels/ranks/open_gpu_ranks.h"

#ifdef INPAINT_CUDA
#include "core/ranks/open_device_link.h"
#include "kernels/ranks/gpu_ranks.h"
#endif

namespace inpaint {

std::unique_ptr<DeviceRanks> open_gpu_ranks(const Context& ctx, Ranks& ranks) {
  if (!ranks.are_several() || ctx.device() == Device::kCpu) return nullptr;
#ifdef INPAINT_CUDA
  return std::make_unique<GpuRanks>(ctx, ranks, open_device_link(ranks));
#else
  throw Error("ranks on GPUs, in a program built without CUDA");
#endif
}

}  // namespace inpaint
