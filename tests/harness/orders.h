// How the executor runs kernels in a test: in which orders, and with which checks.
#pragma once

#include <functional>
#include <string>

#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#include "tests/harness/nightly.h"
#endif

namespace inpaint {

// While it lives, single loads and stores are not checked (but in the long form), which takes most of the
// executor's time. For what is done again, or with kernels that another test has seen.
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

namespace inpaint::test {

// Calls body(name of the order) once for each: under every schedule of the executor (two of them under
// sanitizers), which runs blocks, warps and streams as it is told; twice on a GPU, which runs them as
// it likes. The executor checks loads and stores in the first alone.
void for_each_order(const std::function<void(const std::string& order)>& body);

}  // namespace inpaint::test
