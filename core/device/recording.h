// Work that is the same each time, in the same memory: on a GPU recorded once (a CUDA graph) and from then on
// one launch; on the CPU simply done.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "core/device/context.h"

struct CUgraphExec_st;  // CUDA's cudaGraphExec_t is a pointer to it

namespace inpaint {

class Recording {
 public:
  Recording() = default;
  ~Recording();
  Recording(Recording&& other) noexcept
      : graph_(std::exchange(other.graph_, nullptr)),
        workspace_pin_(std::move(other.workspace_pin_)),
        runs_(other.runs_) {}
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  // `work` enqueues ops on ctx and neither allocates, waits, nor copies from or to memory of the host. The
  // first run does it plainly, so that a library sets up what it sets up once; the second records it and
  // launches the recording; later ones do not call `work`. The workspace of ctx may not grow from then on.
  void run(const Context& ctx, const std::function<void()>& work);

 private:
  CUgraphExec_st* graph_ = nullptr;
  std::shared_ptr<const void> workspace_pin_;  // the graph's kernels hold its address
  int64_t runs_ = 0;
};

}  // namespace inpaint
