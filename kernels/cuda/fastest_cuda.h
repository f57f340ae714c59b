// Which of several ways to do the same is the fastest on a GPU: measured when a pass is planned, never in
// a step.
#pragma once

#include <functional>

#include "core/device/context.h"

namespace inpaint::cuda {

// The index of the fastest of run(0) ... run(count - 1), which enqueue work on the context's stream. A way
// that throws Error, or that cannot be captured into a graph, is out; throws the last way's Error when all
// are. Waits for the stream.
int fastest(const Context& ctx, int count, const std::function<void(int)>& run);

// Memory to measure on. Its bytes are 0.0115 as bf16 and as f32: zeros cost a GPU less power, and time.
Buffer typical_memory(const Context& ctx, int64_t bytes);

}  // namespace inpaint::cuda
