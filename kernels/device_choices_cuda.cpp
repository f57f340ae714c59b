#include "kernels/device_choices_cuda.h"

#include <cublasLt.h>
#include <cudnn.h>

#include <algorithm>

#include "core/cuda_check.h"

namespace inpaint::cuda {
namespace {

// All that decides which algorithms there are and how fast.
std::string identity(const Context& ctx) {
  int driver = 0, runtime = 0;
  INPAINT_CUDA_CHECK(cudaDriverGetVersion(&driver));
  INPAINT_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  return fmt::format("{}; CUDA driver {}, runtime {}; cuDNN {}; cuBLASLt {}", ctx.device_name(), driver,
                     runtime, cudnnGetVersion(), cublasLtGetVersion());
}

}  // namespace

int64_t most_library_workspace_bytes(const Context& ctx) {
  constexpr int64_t kAlways = int64_t{256} << 20, kShare = 16;
  return std::max(kAlways, ctx.free_memory() / kShare);
}

DeviceChoices::DeviceChoices(const Context& ctx) : EngineChoices(default_folder(), identity(ctx)) {}

}  // namespace inpaint::cuda
