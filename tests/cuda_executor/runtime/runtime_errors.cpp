// Errors of the CUDA runtime, and what tests ask of it.

#include <cuda_runtime_api.h>

#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

namespace inpaint::executor {
namespace {

cudaError_t last_error = cudaSuccess, no_device = cudaSuccess;

struct ErrorText {
  cudaError_t error;
  const char *name, *text;
};
#define INPAINT_ERROR(name, text) \
  { name, #name, text }
constexpr ErrorText kErrors[] = {
    INPAINT_ERROR(cudaSuccess, "no error"),
    INPAINT_ERROR(cudaErrorInvalidValue, "invalid argument"),
    INPAINT_ERROR(cudaErrorMemoryAllocation, "out of memory"),
    INPAINT_ERROR(cudaErrorInvalidConfiguration, "invalid configuration argument"),
    INPAINT_ERROR(cudaErrorInvalidMemcpyDirection, "invalid copy direction for memcpy"),
    INPAINT_ERROR(cudaErrorInsufficientDriver,
                  "CUDA driver version is insufficient for CUDA runtime version"),
    INPAINT_ERROR(cudaErrorNoDevice, "no CUDA-capable device is detected"),
    INPAINT_ERROR(cudaErrorInvalidDevice, "invalid device ordinal"),
    INPAINT_ERROR(cudaErrorInvalidResourceHandle, "invalid resource handle"),
    INPAINT_ERROR(cudaErrorIllegalState, "the operation cannot be performed in the present state"),
    INPAINT_ERROR(cudaErrorNotReady, "device not ready"),
    INPAINT_ERROR(cudaErrorIllegalAddress, "an illegal memory access was encountered"),
    INPAINT_ERROR(cudaErrorMisalignedAddress, "misaligned address"),
    INPAINT_ERROR(cudaErrorLaunchFailure, "unspecified launch failure"),
    INPAINT_ERROR(cudaErrorNotSupported, "operation not supported"),
    INPAINT_ERROR(cudaErrorStreamCaptureUnsupported, "operation not permitted when stream is capturing"),
    INPAINT_ERROR(cudaErrorStreamCaptureInvalidated,
                  "operation failed due to a previous error during capture"),
    INPAINT_ERROR(cudaErrorStreamCaptureUnmatched, "the capture was not initiated in this stream"),
    INPAINT_ERROR(cudaErrorStreamCaptureUnjoined, "capturing stream has unjoined work"),
    INPAINT_ERROR(cudaErrorStreamCaptureIsolation, "dependency created on uncaptured work in another stream"),
    INPAINT_ERROR(cudaErrorStreamCaptureImplicit,
                  "operation would make the legacy stream depend on a capturing blocking stream"),
    INPAINT_ERROR(cudaErrorCapturedEvent,
                  "operation not permitted on an event last recorded in a capturing stream"),
};
#undef INPAINT_ERROR

const ErrorText* find(cudaError_t error) {
  for (const ErrorText& entry : kErrors) {
    if (entry.error == error) return &entry;
  }
  return nullptr;
}

Schedule current_schedule;
bool current_dry_run = false;

}  // namespace

std::recursive_mutex& runtime_lock() {
  static auto* const lock = new std::recursive_mutex;
  return *lock;
}

cudaError_t keep_error(cudaError_t error) {
  if (error != cudaSuccess && error != cudaErrorNotReady) last_error = error;
  return error;
}

cudaError_t device_error() { return no_device; }
void set_device_error(cudaError_t error) { no_device = error; }

Counters& mutable_counters() {
  static Counters all;
  return all;
}
Counters counters() { return mutable_counters(); }

void set_schedule(const Schedule& schedule) { current_schedule = schedule; }
Schedule schedule() { return current_schedule; }

void set_dry_run(bool on) { current_dry_run = on; }
bool dry_run() { return current_dry_run; }

void set_device_memory(size_t bytes) { device_memory().set_capacity(bytes); }

}  // namespace inpaint::executor

using namespace inpaint::executor;

const char* cudaGetErrorName(cudaError_t error) {
  const auto* const found = find(error);
  return found != nullptr ? found->name : "unrecognized error code";
}

// The text of the error that a violation left, with what was found.
const char* cudaGetErrorString(cudaError_t error) {
  static std::string with_violation;
  const auto* const found = find(error);
  if (found == nullptr) return "unrecognized error code";
  if (error == cudaSuccess || error != sticky_error()) return found->text;
  with_violation = std::string(found->text) + ": " + first_violation();
  return with_violation.c_str();
}

cudaError_t cudaPeekAtLastError() { return last_error; }

cudaError_t cudaGetLastError() {
  const cudaError_t error = last_error;
  last_error = sticky_error();
  return error;
}
