#include "core/device/cuda_device.h"

#include "core/device/cuda_check.h"

namespace inpaint {

CudaDevice::CudaDevice(int number, bool is_background) : number_(number) {
  int count = 0;
  INPAINT_CUDA_CHECK(cudaGetDeviceCount(&count));
  if (number < 0 || number >= count)
    throw UserError(fmt::format("there is no GPU {}: this machine has {}, numbered from 0; give gpu=0{}",
                                number, count, count > 1 ? fmt::format(" to gpu={}", count - 1) : ""));
  INPAINT_CUDA_CHECK(cudaSetDevice(number));
  cudaDeviceProp properties;
  INPAINT_CUDA_CHECK(cudaGetDeviceProperties(&properties, number));
  name_ = properties.name;
  compute_capability_ = 10 * properties.major + properties.minor;
  int least = 0, greatest = 0;
  INPAINT_CUDA_CHECK(cudaDeviceGetStreamPriorityRange(&least, &greatest));
  INPAINT_CUDA_CHECK(
      cudaStreamCreateWithPriority(&stream_, cudaStreamNonBlocking, is_background ? least : greatest));
}

CudaDevice::~CudaDevice() {
  cudaStreamSynchronize(
      stream_);  // another stream may go on with the results, and the host may free their memory
  cudaStreamDestroy(stream_);
}

void CudaDevice::synchronize() const { INPAINT_CUDA_CHECK(cudaStreamSynchronize(stream_)); }

int64_t CudaDevice::free_memory() const {
  size_t free = 0, total = 0;
  INPAINT_CUDA_CHECK(cudaMemGetInfo(&free, &total));
  return static_cast<int64_t>(free);
}

int CudaDevice::count() {
  int count = 0;
  if (cudaGetDeviceCount(&count) == cudaSuccess) return count;
  cudaGetLastError();  // not an error of a later call
  return 0;
}

}  // namespace inpaint
