// Owners of what cuDNN makes: a handle, and the descriptors of its graph API, which are filled attribute by
// attribute and then finalized.
//
// Every call is checked: CudnnError names the call, the status, and what cuDNN says of it.
#pragma once

#include <cudnn.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"

namespace inpaint::cuda {

class CudnnError : public Error {
 public:
  CudnnError(const std::string& text, cudnnStatus_t status) : Error(text), status_(status) {}
  cudnnStatus_t status() const { return status_; }
  bool is_not_supported() const {
    return CUDNN_STATUS_CATEGORY(static_cast<int>(status_)) == CUDNN_STATUS_NOT_SUPPORTED;
  }

 private:
  cudnnStatus_t status_;
};
void check_cudnn(cudnnStatus_t status, const char* call);

class CudnnDescriptor {
 public:
  explicit CudnnDescriptor(cudnnBackendDescriptorType_t type);

  void set(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t count,
           const void* elements);
  void set(cudnnBackendAttributeName_t name, int64_t value) { set(name, CUDNN_TYPE_INT64, 1, &value); }
  void set(cudnnBackendAttributeName_t name, const std::vector<int64_t>& values);
  void set(cudnnBackendAttributeName_t name, cudnnDataType_t value) {
    set(name, CUDNN_TYPE_DATA_TYPE, 1, &value);
  }
  void set(cudnnBackendAttributeName_t name, cudnnHandle_t value) { set(name, CUDNN_TYPE_HANDLE, 1, &value); }
  // cuDNN does not say that it copies what an attribute refers to: keep it alive.
  void set(cudnnBackendAttributeName_t name, const CudnnDescriptor& value);
  void set(cudnnBackendAttributeName_t name, const std::vector<CudnnDescriptor>& values);
  void finalize();

  // Up to `most` values of T.
  template <typename T>
  std::vector<T> get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most) const {
    std::vector<T> values(static_cast<size_t>(most));
    values.resize(static_cast<size_t>(get(name, type, most, values.data())));
    return values;
  }
  int64_t get_int64(cudnnBackendAttributeName_t name) const;
  // Up to `most` descriptors of that type.
  std::vector<CudnnDescriptor> get_descriptors(cudnnBackendAttributeName_t name,
                                               cudnnBackendDescriptorType_t type, int64_t most) const;
  int64_t count(cudnnBackendAttributeName_t name) const;  // of the descriptors

  cudnnBackendDescriptor_t handle() const { return descriptor_.get(); }

 private:
  int64_t get(cudnnBackendAttributeName_t name, cudnnBackendAttributeType_t type, int64_t most,
              void* elements) const;

  struct Destroy {
    void operator()(cudnnBackendDescriptor_t descriptor) const { cudnnBackendDestroyDescriptor(descriptor); }
  };
  std::unique_ptr<void, Destroy> descriptor_;
};

// What cuDNN makes plans for: the GPU that a stream belongs to, or one that is only described.
class CudnnHandle {
 public:
  // Throws UserError when this GPU or driver is not one that cuDNN works on.
  explicit CudnnHandle(cudaStream_t stream);

  // Plans can be made without a GPU, and not run. The description is cuDNN's JSON of a
  // device (CUDNN_ATTR_DEVICEPROP_JSON_REPRESENTATION).
  static CudnnHandle of_described_device(const std::string& json);

  cudnnHandle_t get() const { return handle_.get(); }  // null for a described device

  // Names the device to a descriptor that takes a handle under one attribute, or a description under another;
  // nullopt where it takes none.
  void name_device_to(CudnnDescriptor& descriptor, std::optional<cudnnBackendAttributeName_t> handle_name,
                      std::optional<cudnnBackendAttributeName_t> description_name) const;

 private:
  CudnnHandle() = default;

  struct Destroy {
    void operator()(cudnnHandle_t handle) const { cudnnDestroy(handle); }
  };
  std::unique_ptr<cudnnContext, Destroy> handle_;
  std::optional<CudnnDescriptor> description_;
};

}  // namespace inpaint::cuda
