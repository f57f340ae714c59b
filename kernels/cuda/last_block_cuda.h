// How the blocks of a launch agree on the last one, so that it can finish what all of them have begun: no
// second launch is needed. Only .cu files include this.
//
// Blocks that work on one result share a counter in the memory of the GPU. A block that is done draws a
// ticket from it; the one with the last ticket knows that the results of all others are there. Which block
// that is differs from run to run: what it does must not depend on it, so that the bits stay the same.
#pragma once

#include "core/device/buffer.h"
#include "core/device/context.h"
#include "kernels/cuda/launch.h"

namespace inpaint::cuda {

// The counters of a context, which all its ops share: they run one after the other, and each leaves all
// counters at 0.
class TicketCounters {
 public:
  static constexpr int64_t kCount = 1 << 14;

  explicit TicketCounters(const Context& ctx) : memory_(kCount * int64_t{sizeof(unsigned)}, ctx.device()) {}
  unsigned* data() const { return static_cast<unsigned*>(memory_.data()); }

 private:
  Buffer memory_;  // begins as 0
};

// `count` counters at 0. The first call allocates: <op>_workspace_bytes makes it, outside of any step.
inline unsigned* ticket_counters(const Context& ctx, int64_t count) {
  INPAINT_CHECK(count <= TicketCounters::kCount, "{} results of one launch, at most {} can be finished",
                count, TicketCounters::kCount);
  return ctx.attached<TicketCounters>().data();
}

// All threads of `blocks` blocks call this once with the same counter. It returns true in all threads of the
// last block, which then see everything that the others have written to global memory before. Nobody may have
// read that through `const __restrict__` pointers: such reads may be stale.
__device__ inline bool is_last_block(unsigned* counter, unsigned blocks) {
  __shared__ bool is_last;
  __syncthreads();
  if (threadIdx.x == 0 && threadIdx.y == 0) {
    // What this block wrote comes before its ticket, and what it reads comes after. The last ticket sets the
    // counter to 0.
    __threadfence();
    is_last = atomicInc(counter, blocks - 1) == blocks - 1;
    __threadfence();
  }
  __syncthreads();
  return is_last;
}

}  // namespace inpaint::cuda
