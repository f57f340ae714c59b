// How long a device takes for what is enqueued on it. On the CPU: the host's clock around it. On a GPU: CUDA
// events around a CUDA graph of several repetitions. Events around one short launch would measure the host.
#pragma once

#include <functional>
#include <memory>

#include "core/device/recording.h"

namespace inpaint::bench {

// What a timed run finds in the caches.
enum class Caches {
  kWarm,  // what the run before left there
  kCold,  // none of its tensors: a buffer larger than the last cache has been read and written since
};

class DeviceTimer {
 public:
  // work enqueues ops on ctx, and neither allocates nor waits. It runs a few times here, to warm up. ctx must
  // outlive this object.
  DeviceTimer(const Context& ctx, Caches caches, std::function<void()> work);
  ~DeviceTimer();

  // Returns the time of one run of the work.
  double seconds();

 private:
  struct Events;
  void clear_caches() const;
  double seconds_on_gpu(Recording& recording, const std::function<void()>& enqueue);

  static constexpr int64_t kClearedBytes = int64_t{256} << 20;
  static constexpr int kRepetitions = 20;  // in a recording
  const Context& ctx_;
  Caches caches_;
  std::function<void()> work_;
  Buffer cleared_;
  std::unique_ptr<Events> events_;
  Recording runs_,
      clears_;  // of a GPU: repetitions with the caches cleared in between; of the clearing alone
};

}  // namespace inpaint::bench
