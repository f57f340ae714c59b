#include "core/device/event.h"

#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#endif

namespace inpaint {

#ifdef INPAINT_CUDA
Event::Event(const Context& ctx) {
  if (ctx.device() == Device::kCuda)
    INPAINT_CUDA_CHECK(cudaEventCreateWithFlags(&event_, cudaEventDisableTiming));
}

Event::~Event() {
  if (event_ != nullptr) cudaEventDestroy(event_);
}

void Event::record(const Context& ctx) {
  if (event_ != nullptr) INPAINT_CUDA_CHECK(cudaEventRecord(event_, ctx.stream()));
}

void Event::wait() const {
  if (event_ != nullptr) INPAINT_CUDA_CHECK(cudaEventSynchronize(event_));
}
#else
Event::Event(const Context&) {}
Event::~Event() = default;
void Event::record(const Context&) {}
void Event::wait() const {}
#endif

}  // namespace inpaint
