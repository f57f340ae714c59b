// How long a device takes for what is enqueued on it: CUDA events around it on a GPU, the host's clock on the CPU.
#pragma once

#include <functional>
#include <memory>

#include "core/context.h"

namespace inpaint::bench {

// What a timed run finds in the caches.
enum class Caches {
  kWarm,  // what the run before left there
  kCold,  // none of its tensors: a buffer larger than the last cache has been read and written since
};

class DeviceTimer {
 public:
  // ctx must outlive this object.
  DeviceTimer(const Context& ctx, Caches caches);
  ~DeviceTimer();

  double seconds(const std::function<void()>& enqueue) const;

 private:
  struct Events;
  void clear_caches() const;

  static constexpr int64_t kClearedBytes = int64_t{256} << 20;
  const Context& ctx_;
  Caches caches_;
  Buffer cleared_;
  std::unique_ptr<Events> events_;
};

}  // namespace inpaint::bench
