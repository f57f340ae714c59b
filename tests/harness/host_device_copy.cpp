#include "tests/harness/host_device_copy.h"

#include "core/base/error.h"
#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#endif

namespace inpaint::test {

#ifdef INPAINT_CUDA
void copy_between_host_and_device(void* host, void* device, int64_t bytes, bool to_device) {
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
  const auto size = static_cast<size_t>(bytes);
  if (to_device)
    INPAINT_CUDA_CHECK(cudaMemcpy(device, host, size, cudaMemcpyHostToDevice));
  else
    INPAINT_CUDA_CHECK(cudaMemcpy(host, device, size, cudaMemcpyDeviceToHost));
  // A copy from pageable memory may still be under way when it returns, and a context's stream does not wait
  // for it.
  INPAINT_CUDA_CHECK(cudaDeviceSynchronize());
}
#else
void copy_between_host_and_device(void*, void*, int64_t, bool) {
  throw Error("a tensor on a GPU in tests built without CUDA");
}
#endif

}  // namespace inpaint::test
