// A GPU in use: chosen by number, made current for the thread that opens it, with a stream of its own
// that all ops are enqueued on. Only programs built with CUDA contain this; core/device/context.h is the
// way to it.
#pragma once

#include <cstdint>
#include <string>

struct CUstream_st;  // CUDA's cudaStream_t is a pointer to it

namespace inpaint {

class CudaDevice {
 public:
  // The kernels of a background stream yield to those of other streams. Throws UserError when there is no
  // GPU, no driver for it, or none of this number.
  CudaDevice(int number, bool is_background);
  ~CudaDevice();  // returns when all that was enqueued is done
  CudaDevice(const CudaDevice&) = delete;
  CudaDevice& operator=(const CudaDevice&) = delete;

  int number() const { return number_; }
  const std::string& name() const { return name_; }
  int compute_capability() const { return compute_capability_; }  // 90 for 9.0
  CUstream_st* stream() const { return stream_; }
  int64_t free_memory() const;  // bytes
  void synchronize() const;     // returns when all that was enqueued on the stream is done

  static int count();  // GPUs that can be used; 0 where there is no driver

 private:
  int number_;
  std::string name_;
  int compute_capability_ = 0;
  CUstream_st* stream_ = nullptr;
};

}  // namespace inpaint
