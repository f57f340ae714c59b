// Blocking copies for tensors under test, which belong to no context.
#pragma once

#include <cstdint>

namespace inpaint::test {

// Waits for all work of the GPU, then copies; to_device says which way. Throws Error in a program
// without CUDA.
void copy_between_host_and_device(void* host, void* device, int64_t bytes, bool to_device);

}  // namespace inpaint::test
