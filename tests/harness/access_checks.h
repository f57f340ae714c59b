// The executor's checks of every load and store, which take most of its time.
#pragma once

#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#include "tests/harness/nightly.h"
#endif

namespace inpaint {

// Goes without them while it lives, but in the long form: for what is done again, or with kernels that another
// test has seen. Does nothing on a GPU.
class UncheckedAccesses {
 public:
#ifdef INPAINT_CUDA_EXECUTOR
  UncheckedAccesses() { executor::set_access_checks(nightly()); }
  ~UncheckedAccesses() { executor::set_access_checks(true); }
#else
  UncheckedAccesses() {}
#endif
  UncheckedAccesses(const UncheckedAccesses&) = delete;
  UncheckedAccesses& operator=(const UncheckedAccesses&) = delete;
};

}  // namespace inpaint
