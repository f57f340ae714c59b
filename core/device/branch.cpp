#include "core/device/branch.h"

#ifdef INPAINT_CUDA
#include "core/device/cuda_check.h"
#endif

namespace inpaint {
namespace {

std::unique_ptr<Context> context_beside(const Context& ctx, Urgency urgency) {
  if (ctx.device() == Device::kCpu) return nullptr;
  Gpu gpu = ctx.gpu();
  gpu.urgency = urgency;
  return std::make_unique<Context>(gpu, 1);
}

// What `later` gets from now on waits for what `earlier` has.
void order([[maybe_unused]] const Context& earlier, [[maybe_unused]] const Context& later,
           [[maybe_unused]] Event& event) {
#ifdef INPAINT_CUDA
  event.record(earlier);
  INPAINT_CUDA_CHECK(cudaStreamWaitEvent(later.stream(), event.cuda()));
#endif
}

}  // namespace

Branch::Branch(const Context& ctx, Urgency urgency)
    : ctx_(ctx), beside_(context_beside(ctx, urgency)), forked_(ctx), done_(ctx) {}

void Branch::reserve_workspace(const std::function<int64_t(const Context&)>& bytes_of) {
  if (beside_ != nullptr) beside_->reserve_workspace(bytes_of(*beside_));
}

const Context& Branch::fork() {
  if (beside_ == nullptr) return ctx_;
  order(ctx_, *beside_, forked_);
  is_open_ = true;
  return *beside_;
}

void Branch::wait_for(Branch& other) {
  if (other.is_open_) order(*other.beside_, *beside_, other.done_);
}

void Branch::join() {
  if (!is_open_) return;
  order(*beside_, ctx_, done_);
  is_open_ = false;
}

}  // namespace inpaint
