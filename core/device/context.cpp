#include "core/device/context.h"

#include "core/base/available_cores.h"
#include "core/base/host_memory.h"
#ifdef INPAINT_CUDA
#include "core/device/cuda_device.h"
#else
namespace inpaint {
class CudaDevice {};  // never made
}  // namespace inpaint
#endif

namespace inpaint {
Context::Context(int threads, MatrixBackend backend)
    : pool_(threads == 0 ? available_cores() : threads), backend_(backend) {
  INPAINT_CHECK(backend != MatrixBackend::kOneDnn || has_one_dnn(), "this program was built without oneDNN");
}

#ifdef INPAINT_CUDA
Context::Context(Gpu gpu, int threads)
    : pool_(threads == 0 ? available_cores() : threads),
      backend_(default_backend()),
      gpu_options_(gpu),
      gpu_(std::make_unique<CudaDevice>(gpu.number, gpu.urgency == Urgency::kBackground)) {}
bool Context::has_cuda() { return true; }
int Context::gpu_count() { return CudaDevice::count(); }
void Context::synchronize() const {
  if (gpu_ != nullptr) gpu_->synchronize();
}
CUstream_st* Context::stream() const {
  INPAINT_CHECK(gpu_ != nullptr, "the CPU has no stream");
  return gpu_->stream();
}
int64_t Context::free_memory() const { return gpu_ == nullptr ? free_host_memory() : gpu_->free_memory(); }
std::string Context::device_name() const { return gpu_ == nullptr ? "CPU" : gpu_->name(); }
bool Context::has_tensor_cores_for_bf16() const {
  return gpu_ != nullptr && gpu_->compute_capability() >= 80;
}
#else
Context::Context(Gpu, int threads) : Context(threads) {
  throw UserError("this program was built without CUDA; give device=cpu");
}
bool Context::has_cuda() { return false; }
int Context::gpu_count() { return 0; }
void Context::synchronize() const {}
CUstream_st* Context::stream() const { throw Error("this program was built without CUDA"); }
int64_t Context::free_memory() const { return free_host_memory(); }
std::string Context::device_name() const { return "CPU"; }
bool Context::has_tensor_cores_for_bf16() const { return false; }
#endif

Context::~Context() {
  attached_.clear();  // while the GPU is still open
}

bool Context::has_one_dnn() {
#ifdef INPAINT_ONEDNN
  return true;
#else
  return false;
#endif
}

MatrixBackend Context::default_backend() { return MatrixBackend::kTile; }

void Context::parallel(int64_t count, const std::function<void(int64_t, int)>& task) const {
  pool_.run(count, task);
}

void Context::parallel_blocks(int64_t n, int64_t block,
                              const std::function<void(int64_t, int64_t, int)>& body) const {
  pool_.run((n + block - 1) / block, [&](int64_t index, int worker) {
    body(index * block, std::min(n, (index + 1) * block), worker);
  });
}

Gpu Context::gpu() const {
  INPAINT_CHECK(gpu_ != nullptr, "the CPU is no GPU");
  return gpu_options_;
}

void Context::reserve_workspace(int64_t bytes) {
  if (bytes <= workspace_.bytes()) return;
  INPAINT_CHECK(workspace_pin_.use_count() == 1,
                "{} bytes of workspace are planned, and a recorded CUDA graph uses the {} bytes there are",
                bytes, workspace_.bytes());
  workspace_ = Buffer();  // the old one goes first: the two need not fit side by side
  workspace_ = Buffer(bytes, device());
}

void* Context::workspace(int64_t bytes) const {
  INPAINT_CHECK(bytes <= workspace_.bytes(), "an op asked for {} bytes of workspace, {} were planned", bytes,
                workspace_.bytes());
  return workspace_.data();
}

}  // namespace inpaint
