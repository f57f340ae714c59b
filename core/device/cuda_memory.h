// Memory of the GPU that is current, and host memory that it copies from and to without a detour. Only
// programs built with CUDA contain this; core/device/buffer.h owns such memory, core/device/copy.h fills it.
#pragma once

#include <cstdint>

namespace inpaint::cuda_memory {

void* allocate(int64_t bytes);         // zeroed; throws OutOfMemory
void release(void* pointer);           // waits for the GPU
void* allocate_pinned(int64_t bytes);  // zeroed host memory; throws OutOfMemory
void release_pinned(void* pointer);

}  // namespace inpaint::cuda_memory
