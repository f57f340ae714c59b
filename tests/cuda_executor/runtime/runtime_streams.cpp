// Streams and events of the CUDA runtime.

#include <cuda_runtime_api.h>

#include <algorithm>

#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

using namespace inpaint::executor;

namespace {

bool is_event(cudaEvent_t event) { return handles().events.count(event) != 0; }

}  // namespace

cudaError_t cudaDeviceGetStreamPriorityRange(int* least, int* greatest) {
  *least = 0;
  *greatest = -5;
  return cudaSuccess;
}

cudaError_t cudaStreamCreate(cudaStream_t* stream) {
  return cudaStreamCreateWithFlags(stream, cudaStreamDefault);
}

cudaError_t cudaStreamCreateWithPriority(cudaStream_t* stream, unsigned flags, int) {
  return cudaStreamCreateWithFlags(stream, flags);
}

cudaError_t cudaStreamCreateWithFlags(cudaStream_t* stream, unsigned flags) {
  return runtime_call([&] {
    *stream = new CUstream_st;
    (*stream)->device = current_device();
    (*stream)->waits_for_default = flags != cudaStreamNonBlocking;
    handles().streams.insert(*stream);
    return cudaSuccess;
  });
}

cudaError_t cudaStreamDestroy(cudaStream_t stream) {
  return release_call([&] {
    if (handles().streams.erase(stream) == 0) return cudaErrorInvalidResourceHandle;
    delete stream;  // its work is done nevertheless
    return cudaSuccess;
  });
}

cudaError_t cudaStreamSynchronize(cudaStream_t stream) {
  return runtime_call([&] {
    CUstream_st* const it = handles().stream(stream);
    if (it == nullptr) return cudaErrorInvalidResourceHandle;
    if (it->capture) {
      it->capture->valid = false;
      return cudaErrorStreamCaptureUnsupported;
    }
    ++mutable_counters().host_waits;
    std::shared_ptr<Work> end;
    const cudaError_t error = enqueue(
        stream, {"wait"}, [] {}, &end);
    if (error == cudaSuccess) finish(end);
    return error;
  });
}

cudaError_t cudaStreamQuery(cudaStream_t stream) {
  return runtime_call([&] {
    CUstream_st* const it = handles().stream(stream);
    if (it == nullptr) return cudaErrorInvalidResourceHandle;
    if (it->capture) return cudaErrorStreamCaptureUnsupported;
    return !it->last || step_towards(it->last) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaStreamWaitEvent(cudaStream_t stream, cudaEvent_t event, unsigned) {
  return runtime_call([&] {
    CUstream_st* const it = handles().stream(stream);
    if (it == nullptr || !is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) {  // the stream joins the capture
      if (it->capture && it->capture != event->capture) return cudaErrorStreamCaptureIsolation;
      it->capture = event->capture;
      it->captured_last.insert(event->captured.begin(), event->captured.end());
      return cudaSuccess;
    }
    if (it->capture) return cudaErrorStreamCaptureIsolation;
    return enqueue(
        stream, {"wait"}, [] {}, nullptr, event->work);
  });
}

cudaError_t cudaLaunchHostFunc(cudaStream_t stream, cudaHostFn_t function, void* user_data) {
  return runtime_call(
      [&] { return enqueue(stream, {"host function"}, [function, user_data] { function(user_data); }); });
}

cudaError_t cudaEventCreate(cudaEvent_t* event) { return cudaEventCreateWithFlags(event, cudaEventDefault); }

cudaError_t cudaEventCreateWithFlags(cudaEvent_t* event, unsigned flags) {
  return runtime_call([&] {
    *event = new CUevent_st;
    (*event)->device = current_device();
    (*event)->timed = (flags & cudaEventDisableTiming) == 0;
    handles().events.insert(*event);
    return cudaSuccess;
  });
}

cudaError_t cudaEventDestroy(cudaEvent_t event) {
  return release_call([&] {
    if (handles().events.erase(event) == 0) return cudaErrorInvalidResourceHandle;
    delete event;
    return cudaSuccess;
  });
}

cudaError_t cudaEventRecord(cudaEvent_t event, cudaStream_t stream) {
  return runtime_call([&] {
    CUstream_st* const it = handles().stream(stream);
    if (it == nullptr || !is_event(event) || it->device != event->device)
      return cudaErrorInvalidResourceHandle;
    event->capture = it->capture;
    event->captured = it->captured_last;
    event->work = nullptr;
    return it->capture ? cudaSuccess
                       : enqueue(
                             stream, {"event"}, [] {}, &event->work);
  });
}

cudaError_t cudaEventSynchronize(cudaEvent_t event) {
  return runtime_call([&] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return cudaErrorCapturedEvent;
    ++mutable_counters().host_waits;
    if (event->work) finish(event->work);
    return cudaSuccess;
  });
}

cudaError_t cudaEventQuery(cudaEvent_t event) {
  return runtime_call([&] {
    if (!is_event(event)) return cudaErrorInvalidResourceHandle;
    if (event->capture) return cudaErrorCapturedEvent;
    return !event->work || step_towards(event->work) ? cudaSuccess : cudaErrorNotReady;
  });
}

cudaError_t cudaEventElapsedTime(float* ms, cudaEvent_t start, cudaEvent_t end) {
  return runtime_call([&] {
    if (!is_event(start) || !is_event(end)) return cudaErrorInvalidResourceHandle;
    if (!start->timed || !end->timed || !start->work || !end->work) return cudaErrorInvalidResourceHandle;
    if (!start->work->done || !end->work->done) return cudaErrorNotReady;
    *ms = std::chrono::duration<float, std::milli>(end->work->done_at - start->work->done_at).count();
    return cudaSuccess;
  });
}
