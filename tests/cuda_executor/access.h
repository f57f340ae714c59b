// The check of one load or store of the kernel thread that runs: may it touch these bytes, has anything
// written what it reads, does it race? A breach ends the thread.
#pragma once

#include <cstddef>

#include "tests/cuda_executor/races.h"

namespace inpaint::executor {

// `code`: the place in the program. Outside of a kernel it does nothing.
void check_access(Access kind, const void* pointer, size_t bytes, const void* code);

bool access_checks();  // set_access_checks()

// To be called when an allocation has gone.
void forget_allocations();

}  // namespace inpaint::executor
