// What carries device memory between the ranks of a run, each of which has a GPU of its own. The sums of
// ranks on GPUs (kernels/ranks) stand on it, as those on CPUs stand on transport.h.
#pragma once

#include <span>
#include <string>

#include "core/device/tensor.h"

struct CUstream_st;  // CUDA's cudaStream_t is a pointer to it

namespace inpaint {

class DeviceLink {
 public:
  DeviceLink() = default;
  virtual ~DeviceLink() = default;
  DeviceLink(const DeviceLink&) = delete;
  DeviceLink& operator=(const DeviceLink&) = delete;

  virtual std::string name() const = 0;  // "NCCL 2.28.9"

  // f32 or f64 values of a GPU's memory, which go to another rank or come from it.
  struct Part {
    int peer;
    void* values;
    int64_t count;
    DType dtype;
  };
  // Enqueues on the stream that these parts go and those come, all at once; a stream that is captured gets
  // it as a node of its graph. Every rank makes the same calls in the same order on one stream: a part that
  // goes has, in the receiver's call of this number, one that comes, of its size and type. What comes lies in
  // memory of no other part. Only bytes move, nothing is summed on the way.
  virtual void exchange(std::span<const Part> go, std::span<const Part> come, CUstream_st* stream) = 0;

  // Throws Error when an exchange under way has failed.
  virtual void check() = 0;

  // Ends what is under way, wherever the other ranks are; of no use from then on. For a rank that has failed:
  // its GPU may wait for ranks that will not come.
  virtual void abandon() = 0;
};

}  // namespace inpaint
