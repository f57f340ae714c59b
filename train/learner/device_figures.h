// The figures of a step as ops write them: f64 scalars side by side in one array of the device, read back in
// one copy.
#pragma once

#include "core/device/context.h"
#include "core/device/event.h"

namespace inpaint {

class DeviceFigures {
 public:
  // ctx must outlive this object.
  explicit DeviceFigures(const Context& ctx);

  // Room for `count` scalars; returns their place. Before allocate(), which is called once.
  int add(int64_t count = 1);
  void allocate();

  Tensor tensor(int place, int64_t count = 1) const;  // f64[count], on the device

  // Enqueues the copy to the host; wait() waits for the last one, and returns at once where there is none.
  void read_back();
  void wait();

  // Gives a scalar a value, on the host and on the device.
  void set(int place, double value);

  double value(int place) const { return host_.as<double>()[place]; }  // as last read
  // A figure may stand once for each micro-batch of n pictures, from `place` on. sum: over those that the
  // first `pictures` lie in. mean: over these pictures, where each figure is the mean over its own.
  double sum(int place, int64_t pictures, int64_t n) const;
  double mean(int place, int64_t pictures, int64_t n) const;
  int64_t bytes() const { return size_ * size_of(DType::kF64); }

 private:
  const Context& ctx_;
  int64_t size_ = 0;
  Buffer device_memory_, host_memory_;
  Tensor device_, host_;
  Event there_;
  bool is_due_ = false;
};

}  // namespace inpaint
