#include "bench/device_timer.h"

#include "bench/machine_rates.h"
#include "bench/timing.h"
#ifdef INPAINT_CUDA
#include "core/cuda_check.h"
#endif

namespace inpaint::bench {

#ifdef INPAINT_CUDA
struct DeviceTimer::Events {
  Events() {
    INPAINT_CUDA_CHECK(cudaEventCreate(&begin));
    INPAINT_CUDA_CHECK(cudaEventCreate(&end));
  }
  ~Events() {
    cudaEventDestroy(begin);
    cudaEventDestroy(end);
  }
  Events(const Events&) = delete;
  Events& operator=(const Events&) = delete;

  cudaEvent_t begin{}, end{};
};
#else
struct DeviceTimer::Events {};
#endif

DeviceTimer::DeviceTimer(const Context& ctx, Caches caches)
    : ctx_(ctx), caches_(caches), cleared_(caches == Caches::kCold ? kClearedBytes : 0, ctx.device()) {
  if (ctx.device() == Device::kCuda) events_ = std::make_unique<Events>();
}

DeviceTimer::~DeviceTimer() = default;

void DeviceTimer::clear_caches() const {
  if (caches_ == Caches::kWarm) return;
  const int64_t half = kClearedBytes / 2;
  const Tensor from = cleared_.tensor({half}, DType::kU8), to = cleared_.tensor({half}, DType::kU8, half);
  copy_bytes(ctx_, from, to);
}

double DeviceTimer::seconds(const std::function<void()>& enqueue) const {
  clear_caches();
#ifdef INPAINT_CUDA
  if (events_ != nullptr) {
    INPAINT_CUDA_CHECK(cudaEventRecord(events_->begin, ctx_.stream()));
    enqueue();
    INPAINT_CUDA_CHECK(cudaEventRecord(events_->end, ctx_.stream()));
    INPAINT_CUDA_CHECK(cudaEventSynchronize(events_->end));
    float ms = 0;
    INPAINT_CUDA_CHECK(cudaEventElapsedTime(&ms, events_->begin, events_->end));
    return static_cast<double>(ms) * 1e-3;
  }
#endif
  return seconds_of(enqueue);
}

}  // namespace inpaint::bench
