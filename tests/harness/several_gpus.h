// Several GPUs for a test: the executor's, or those of the machine. A test that needs `count` is skipped
// where too_few_gpus(count).
#pragma once

#include "core/device/context.h"
#ifdef INPAINT_CUDA_EXECUTOR
#include "tests/cuda_executor/executor.h"
#endif

namespace inpaint {

#ifdef INPAINT_CUDA_EXECUTOR
// While it lives. Without checks of single loads and stores, which take most of the time, unless asked for.
class SeveralGpus {
 public:
  explicit SeveralGpus(int count, bool checks = false) {
    executor::set_devices(count);
    executor::set_access_checks(checks);
  }
  ~SeveralGpus() {
    executor::set_access_checks(true);
    executor::set_devices(1);
  }
};
inline bool too_few_gpus(int) { return false; }
#else
struct SeveralGpus {
  explicit SeveralGpus(int, bool = false) {}
};
inline bool too_few_gpus(int count) { return Context::gpu_count() < count; }
#endif

}  // namespace inpaint
