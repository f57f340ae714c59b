#include "kernels/cuda/device_choices_cuda.h"

#include <cublasLt.h>
#include <cudnn.h>

#include <algorithm>
#include <map>
#include <mutex>

#include "core/device/cuda_check.h"

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

std::mutex& lock() {
  static std::mutex mutex;
  return mutex;
}

EngineChoices& choices_of_process(const std::string& identity) {
  static std::map<std::string, EngineChoices> all;
  const std::lock_guard guard(lock());
  return all.try_emplace(identity, EngineChoices::default_folder(), identity).first->second;
}

}  // namespace

int64_t most_library_workspace_bytes(const Context& ctx) {
  constexpr int64_t kAlways = int64_t{256} << 20, kShare = 16;
  return std::max(kAlways, ctx.free_memory() / kShare);
}

DeviceChoices::DeviceChoices(const Context& ctx) : shared_(choices_of_process(identity(ctx))) {}

std::optional<std::string> DeviceChoices::find(const std::string& product) const {
  const std::lock_guard guard(lock());
  return shared_.find(product);
}

void DeviceChoices::remember(const std::string& product, const std::string& algorithm) {
  const std::lock_guard guard(lock());
  shared_.remember(product, algorithm);
}

void DeviceChoices::forget(const std::string& product) {
  const std::lock_guard guard(lock());
  shared_.forget(product);
}

}  // namespace inpaint::cuda
