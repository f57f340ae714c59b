#include "kernels/conv/cudnn_descriptor.h"

#include <algorithm>

namespace inpaint::cuda {

void check_cudnn(cudnnStatus_t status, const char* call) {
  if (status == CUDNN_STATUS_SUCCESS) return;
  char message[512] = "";
  cudnnGetLastErrorString(message, sizeof(message));
  throw CudnnError(fmt::format("{}: {} ({}): {}", call, cudnnGetErrorString(status), static_cast<int>(status),
                               message[0] == '\0' ? "no more is said" : message),
                   status);
}

CudnnHandle::CudnnHandle(cudaStream_t stream) {
  cudnnHandle_t handle = nullptr;
  try {
    check_cudnn(cudnnCreate(&handle), "cudnnCreate");
  } catch (const CudnnError& error) {
    user_error(
        "cuDNN does not work on this GPU: {}; cuDNN {}.{} needs a GPU of compute capability 7.5 or more, and "
        "a driver for CUDA {}",
        error.what(), CUDNN_MAJOR, CUDNN_MINOR, CUDART_VERSION / 1000);
  }
  handle_.reset(handle);
  check_cudnn(cudnnSetStream(handle, stream), "cudnnSetStream");
}

CudnnHandle CudnnHandle::of_described_device(const std::string& json) {
  CudnnHandle handle;
  CudnnDescriptor& d = handle.description_.emplace(CUDNN_BACKEND_DEVICEPROP_DESCRIPTOR);
  d.set(CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION, CUDNN_TYPE_CHAR, static_cast<int64_t>(json.size()),
        json.data());
  d.finalize();
  return handle;
}

void CudnnHandle::name_device_to(CudnnDescriptor& descriptor,
                                 std::optional<cudnnBackendAttributeName_t> handle_name,
                                 std::optional<cudnnBackendAttributeName_t> description_name) const {
  if (description_) {
    if (description_name) descriptor.set(*description_name, *description_);
  } else if (handle_name) {
    descriptor.set(*handle_name, get());
  }
}

CudnnDescriptor::CudnnDescriptor(cudnnBackendDescriptorType_t type) {
  cudnnBackendDescriptor_t descriptor = nullptr;
  check_cudnn(cudnnBackendCreateDescriptor(type, &descriptor), "cudnnBackendCreateDescriptor");
  descriptor_.reset(descriptor);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
                          const void* elements) {
  check_cudnn(cudnnBackendSetAttribute(handle(), name, type, count, elements), "cudnnBackendSetAttribute");
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values) {
  set(name, CUDNN_TYPE_INT64, static_cast<int64_t>(values.size()), values.data());
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value) {
  const cudnnBackendDescriptor_t descriptor = value.handle();
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 1, &descriptor);
}

void CudnnDescriptor::set(cudnnBackendAttributeName_t name, const std::vector<CudnnDescriptor>& values) {
  std::vector<cudnnBackendDescriptor_t> descriptors;
  for (const CudnnDescriptor& value : values) descriptors.push_back(value.handle());
  set(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, static_cast<int64_t>(descriptors.size()), descriptors.data());
}

void CudnnDescriptor::finalize() { check_cudnn(cudnnBackendFinalize(handle()), "cudnnBackendFinalize"); }

int64_t CudnnDescriptor::get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most,
                             void* elements) const {
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(handle(), name, type, most, &count, elements),
              "cudnnBackendGetAttribute");
  return std::min(count, most);
}

int64_t CudnnDescriptor::get_int64(cudnnBackendAttributeName_t name) const {
  const std::vector<int64_t> values = get<int64_t>(name, CUDNN_TYPE_INT64, 1);
  INPAINT_CHECK(values.size() == 1, "cuDNN gives no value of attribute {}", static_cast<int>(name));
  return values.front();
}

int64_t CudnnDescriptor::count(cudnnBackendAttributeName_t name) const {
  int64_t count = 0;
  check_cudnn(cudnnBackendGetAttribute(handle(), name, CUDNN_TYPE_BACKEND_DESCRIPTOR, 0, &count, nullptr),
              "cudnnBackendGetAttribute");
  return count;
}

std::vector<CudnnDescriptor> CudnnDescriptor::get_descriptors(cudnnBackendAttributeName_t name,
                                                              cudnnBackendDescriptorType_t type,
                                                              int64_t most) const {
  if (most == 0) return {};
  std::vector<CudnnDescriptor> filled;
  std::vector<cudnnBackendDescriptor_t> descriptors;
  for (int64_t i = 0; i < most; ++i) descriptors.push_back(filled.emplace_back(type).handle());
  const int64_t count = get(name, CUDNN_TYPE_BACKEND_DESCRIPTOR, most, descriptors.data());
  filled.erase(filled.begin() + count, filled.end());
  return filled;
}

}  // namespace inpaint::cuda
