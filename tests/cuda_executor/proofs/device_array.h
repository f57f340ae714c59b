// Device memory of a test: made from values and read back to values, a launch's work in between.
#pragma once

#include <cuda_runtime_api.h>

#include <vector>

#include "core/device/cuda_check.h"

namespace inpaint {

template <typename T>
class DeviceArray {
 public:
  explicit DeviceArray(size_t count) : count_(count) {
    INPAINT_CUDA_CHECK(cudaMalloc(&data_, count * sizeof(T)));
  }
  explicit DeviceArray(const std::vector<T>& values) : DeviceArray(values.size()) {
    INPAINT_CUDA_CHECK(cudaMemcpy(data_, values.data(), count_ * sizeof(T), cudaMemcpyHostToDevice));
    INPAINT_CUDA_CHECK(cudaDeviceSynchronize());  // it may arrive after the call has returned
  }
  DeviceArray(size_t count, T value) : DeviceArray(std::vector<T>(count, value)) {}
  ~DeviceArray() { cudaFree(data_); }  // fails after a violation, and frees nevertheless
  DeviceArray(const DeviceArray&) = delete;
  DeviceArray& operator=(const DeviceArray&) = delete;

  operator T*() const { return data_; }
  size_t size() const { return count_; }

  std::vector<T> values() const {  // waits for the default stream, and all that waits for it
    std::vector<T> host(count_);
    INPAINT_CUDA_CHECK(cudaMemcpy(host.data(), data_, count_ * sizeof(T), cudaMemcpyDeviceToHost));
    return host;
  }

 private:
  T* data_ = nullptr;
  size_t count_;
};

}  // namespace inpaint
