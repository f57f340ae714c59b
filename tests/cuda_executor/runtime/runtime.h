// What the functions of the CUDA runtime share: one lock, the error that stays after a violation, and the
// last error.
#pragma once

#include <cuda_runtime_api.h>

#include <mutex>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/violation.h"

namespace inpaint::executor {

std::recursive_mutex& runtime_lock();
cudaError_t keep_error(cudaError_t error);  // for cudaGetLastError; gives it back
cudaError_t device_error();                 // set_device_error()
int current_device();                       // of this thread
Counters& mutable_counters();

// The frame of every call: nothing works without a device or after a violation, and one that the call brings
// up is its error.
template <typename F>
cudaError_t runtime_call(F body) {
  const std::lock_guard lock(runtime_lock());
  if (device_error() != cudaSuccess) return keep_error(device_error());
  if (sticky_error() != cudaSuccess) return keep_error(sticky_error());
  const cudaError_t error = body();
  return keep_error(sticky_error() != cudaSuccess ? sticky_error() : error);
}

// The frame of calls that give something back: they do it even then, as a GPU loses all it held.
template <typename F>
cudaError_t release_call(F body) {
  const std::lock_guard lock(runtime_lock());
  const cudaError_t error = body();
  return keep_error(sticky_error() != cudaSuccess ? sticky_error() : error);
}

}  // namespace inpaint::executor
