// Counts what kernels move to and from global memory (Traffic in executor.h). Nothing is counted until
// set_traffic_count(true).
//
// The executor runs the threads of a warp one after the other, and a GPU all at once. So each lane's path is
// noted down: the basic blocks it runs through (-fsanitize-coverage=trace-pc puts a call at the beginning
// of each) and its accesses. At a barrier, and at the block's end, the lanes of a warp walk their paths
// together. Where they part, each way is walked to the block in which all ways meet again (the immediate
// post-dominator), as on a GPU.
#pragma once

#include <cstddef>

#include "tests/cuda_executor/races.h"

namespace inpaint::executor {

extern bool counts_traffic;
inline bool traffic_is_counted() { return counts_traffic; }

// `code`: the instruction. `thread`: its number in the block.
void count_basic_block(const void* code, int thread);
void count_access(Access kind, const void* pointer, size_t bytes, const void* code, int thread);
void count_barrier();                                        // of all threads of the block, or its end
void count_launch(const void* kernel, size_t shared_bytes);  // that has ended

}  // namespace inpaint::executor
