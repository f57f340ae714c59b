// What the ranks of a run do together in the memory of their GPUs. Ranks (ranks.h) hands tensors on a device
// to it; kernels/ranks has the one there is.
#pragma once

#include <exception>
#include <string>

#include "core/device/branch.h"
#include "core/device/tensor.h"

namespace inpaint {

// Every call is enqueued, in order, on a stream beside the context's own. Every rank makes the same calls.
class DeviceRanks {
 public:
  DeviceRanks() = default;
  virtual ~DeviceRanks() = default;
  DeviceRanks(const DeviceRanks&) = delete;
  DeviceRanks& operator=(const DeviceRanks&) = delete;

  // As Ranks::mean, of f32 or f64 values [n] that the context has made, or `beside`, which may be null. The
  // context gets the means behind finish_means().
  virtual void begin_mean(const Tensor& values, Branch* beside) = 0;
  virtual void finish_means() = 0;

  // Means and variances [C] over as many rows of each rank: those of all rows. Of one type, f32 or f64.
  virtual void merge_statistics(const Tensor& mean, const Tensor& variance) = 0;
  // f64 values [n] of each rank: their sums in the order of the ranks.
  virtual void sum(const Tensor& values) = 0;
  // Device memory for such values, f64[n] with n up to kMostSums, two for each channel of the widest layer
  // that the flags allow (--bottleneck); the same at each call.
  static constexpr int64_t kMostSums = 1 << 17;
  virtual Tensor room_for_sums(int64_t n) = 0;

  // As DeviceLink's.
  virtual std::string name() const = 0;
  virtual void check() = 0;
  virtual void abandon() = 0;
};

// Abandons the ranks' exchanges when an exception destroys it: the last member of who trains, and so the
// first to go. What waits for the GPU behind it then ends.
class AbandonOnFailure {
 public:
  explicit AbandonOnFailure(DeviceRanks* ranks) : ranks_(ranks), exceptions_(std::uncaught_exceptions()) {}
  ~AbandonOnFailure() {
    if (ranks_ != nullptr && std::uncaught_exceptions() > exceptions_) ranks_->abandon();
  }
  AbandonOnFailure(const AbandonOnFailure&) = delete;
  AbandonOnFailure& operator=(const AbandonOnFailure&) = delete;

 private:
  DeviceRanks* ranks_;
  int exceptions_;
};

}  // namespace inpaint
