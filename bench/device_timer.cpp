#include "bench/device_timer.h"

#include <algorithm>

#include "bench/machine_rates.h"
#include "bench/timing.h"
#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
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

DeviceTimer::DeviceTimer(const Context& ctx, Caches caches, std::function<void()> work)
    : ctx_(ctx),
      caches_(caches),
      work_(std::move(work)),
      cleared_(caches == Caches::kCold ? kClearedBytes : 0, ctx.device()) {
  if (ctx.device() == Device::kCuda) events_ = std::make_unique<Events>();
  for (int i = 0; i < 3; ++i) seconds();  // on a GPU: plainly, recorded, and the recording once more
}

DeviceTimer::~DeviceTimer() = default;

void DeviceTimer::clear_caches() const {
  if (caches_ == Caches::kWarm) return;
  const int64_t half = kClearedBytes / 2;
  const Tensor from = cleared_.tensor({half}, DType::kU8), to = cleared_.tensor({half}, DType::kU8, half);
  copy_bytes(ctx_, from, to);
}

#ifdef INPAINT_CUDA
// Returns the time of one of the repetitions that `enqueue` makes.
double DeviceTimer::seconds_on_gpu(Recording& recording, const std::function<void()>& enqueue) {
  INPAINT_CUDA_CHECK(cudaEventRecord(events_->begin, ctx_.stream()));
  recording.run(ctx_, [&] {
    for (int i = 0; i < kRepetitions; ++i) enqueue();
  });
  INPAINT_CUDA_CHECK(cudaEventRecord(events_->end, ctx_.stream()));
  INPAINT_CUDA_CHECK(cudaEventSynchronize(events_->end));
  float ms = 0;
  INPAINT_CUDA_CHECK(cudaEventElapsedTime(&ms, events_->begin, events_->end));
  return static_cast<double>(ms) * 1e-3 / kRepetitions;
}
#endif

double DeviceTimer::seconds() {
#ifdef INPAINT_CUDA
  if (events_ != nullptr) {
    const double both = seconds_on_gpu(runs_, [this] {
      clear_caches();
      work_();
    });
    if (caches_ == Caches::kWarm) return both;
    return std::max(0.0, both - seconds_on_gpu(clears_, [this] { clear_caches(); }));
  }
#endif
  clear_caches();
  return seconds_of(work_);
}

}  // namespace inpaint::bench
