#include "kernels/device_choices_cuda.h"

#include <cublasLt.h>
#include <cudnn.h>

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

DeviceChoices::DeviceChoices(const Context& ctx) : EngineChoices(default_folder(), identity(ctx)) {}

}  // namespace inpaint::cuda
