// The computer's memory.
#pragma once

#include <cstdint>

namespace inpaint {

// Bytes that could be had without swapping, as the system estimates it; 0 where it does not say.
int64_t free_host_memory();

}  // namespace inpaint
