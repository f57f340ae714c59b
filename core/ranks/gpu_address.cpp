#include "core/ranks/gpu_address.h"

#include "core/device/cuda_check.h"

namespace inpaint {

std::string gpu_address(int number) {
  char text[32] = {};
  INPAINT_CUDA_CHECK(cudaDeviceGetPCIBusId(text, sizeof(text), number));
  return text;
}

}  // namespace inpaint
