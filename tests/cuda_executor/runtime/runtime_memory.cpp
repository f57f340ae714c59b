// Memory of the CUDA runtime: allocations, copies, fills.

#include <cuda_runtime_api.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>

#include "tests/cuda_executor/access.h"
#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/proofs/leaks.h"
#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

using namespace inpaint::executor;

namespace {

std::map<const std::byte*, size_t>& pinned() {  // host memory the device may reach
  static auto* const blocks = new std::map<const std::byte*, size_t>;
  return *blocks;
}

bool is_pinned(const void* pointer, size_t bytes) {
  const auto* const begin = static_cast<const std::byte*>(pointer);
  const auto after = pinned().upper_bound(begin);
  return after != pinned().begin() && begin + bytes <= std::prev(after)->first + std::prev(after)->second;
}

// The allocation that holds these bytes; without one, a violation is reported.
Allocation* device_range(const char* what, const void* pointer, size_t bytes) {
  Allocation* const allocation = device_memory().find(pointer, bytes);
  if (allocation == nullptr)
    report({cudaErrorIllegalAddress, std::string(what) + " " + std::to_string(bytes) + " bytes at " +
                                         device_memory().describe(pointer) + ": out of bounds"});
  else if (working_device != kNoDevice && allocation->device != working_device)
    report({cudaErrorIllegalAddress, std::string(what) + " " + std::to_string(bytes) + " bytes at " +
                                         device_memory().describe(pointer) + ", from device " +
                                         std::to_string(working_device)});
  return allocation;
}

size_t offset_in(const Allocation& allocation, const void* pointer) {
  return static_cast<size_t>(static_cast<const std::byte*>(pointer) - allocation.begin);
}

bool to_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyHostToDevice || kind == cudaMemcpyDeviceToDevice;
}
bool from_device(cudaMemcpyKind kind) {
  return kind == cudaMemcpyDeviceToHost || kind == cudaMemcpyDeviceToDevice;
}

void copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  Allocation* const target = to_device(kind) ? device_range("a copy writes", to, bytes) : nullptr;
  const Allocation* const source = from_device(kind) ? device_range("a copy reads", from, bytes) : nullptr;
  if ((to_device(kind) && target == nullptr) || (from_device(kind) && source == nullptr)) return;
  std::memmove(to, from, bytes);
  if (target == nullptr) return;
  if (source == nullptr) return target->mark_written(offset_in(*target, to), bytes);
  if (source->is_untouched()) return;  // what was not written remains so in the copy
  const size_t begin = offset_in(*source, from);
  if (source->is_written(begin, bytes)) return target->mark_written(offset_in(*target, to), bytes);
  for (size_t i = 0; i < bytes;) {
    size_t end = i;
    while (end < bytes && source->is_written(begin + end, 1)) ++end;
    if (end > i) target->mark_written(offset_in(*target, to) + i, end - i);
    i = end + 1;
  }
}

// Checks the arguments and enqueues the copy. `waits` says whether the call returns only when it is done, as
// it does where host memory that is not pinned is written. Host memory that is not pinned and is read has
// been read when the call returns, and may arrive later: another stream does not wait for it.
cudaError_t enqueue_copy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind, cudaStream_t stream,
                         bool waits) {
  if (bytes == 0) return cudaSuccess;
  const bool to_is_device = device_memory().contains(to), from_is_device = device_memory().contains(from);
  const cudaMemcpyKind real = to_is_device
                                  ? from_is_device ? cudaMemcpyDeviceToDevice : cudaMemcpyHostToDevice
                              : from_is_device ? cudaMemcpyDeviceToHost
                                               : cudaMemcpyHostToHost;
  if (kind != real && kind != cudaMemcpyDefault) return cudaErrorInvalidValue;
  if (to_is_device && device_range("a copy is to write", to, bytes) == nullptr) return cudaErrorInvalidValue;
  if (from_is_device && device_range("a copy is to read", from, bytes) == nullptr)
    return cudaErrorInvalidValue;
  if (real == cudaMemcpyHostToDevice && !is_pinned(from, bytes)) {
    const auto* const begin = static_cast<const std::byte*>(from);
    const auto staged = std::make_shared<const std::vector<std::byte>>(begin, begin + bytes);
    return enqueue(stream, {"copy"}, [=] { copy(to, staged->data(), bytes, real); });
  }
  std::shared_ptr<Work> work;
  const cudaError_t error = enqueue(
      stream, {"copy"}, [=] { copy(to, from, bytes, real); }, &work);
  if (error != cudaSuccess || work == nullptr) return error;
  if (!waits && (to_is_device || is_pinned(to, bytes))) return cudaSuccess;
  ++mutable_counters().host_waits;
  finish(work);
  return cudaSuccess;
}

cudaError_t enqueue_fill(void* to, int value, size_t bytes, cudaStream_t stream) {
  if (bytes == 0) return cudaSuccess;
  if (device_range("a fill is to write", to, bytes) == nullptr) return cudaErrorInvalidValue;
  return enqueue(stream, {"fill"}, [=] {
    Allocation* const target = device_range("a fill writes", to, bytes);
    if (target == nullptr) return;
    std::memset(to, value, bytes);
    target->mark_written(offset_in(*target, to), bytes);
  });
}

cudaError_t allocate(void** pointer, size_t bytes) {
  *pointer = nullptr;
  if (bytes == 0) return cudaSuccess;
  *pointer = device_memory().allocate(bytes, current_device());
  if (*pointer == nullptr) return cudaErrorMemoryAllocation;
  ++mutable_counters().allocations;
  return cudaSuccess;
}

cudaError_t release(void* pointer) {
  if (pointer == nullptr) return cudaSuccess;
  forget_allocations();
  return device_memory().release(pointer) ? cudaSuccess : cudaErrorInvalidValue;
}

std::vector<std::function<std::string()>>& leak_sources() {
  static auto* const sources = new std::vector<std::function<std::string()>>;
  return *sources;
}

}  // namespace

namespace inpaint::executor {

void add_leak_source(std::function<std::string()> source) { leak_sources().push_back(std::move(source)); }

std::string count_text(size_t count, const std::string& what) {
  return count == 0 ? std::string() : std::to_string(count) + " " + what;
}

cudaError_t enqueue_host_code(cudaStream_t stream, std::function<void()> work) {
  return runtime_call([&] { return enqueue(stream, {"library"}, std::move(work)); });
}

void wrote(const void* pointer, size_t bytes) {
  if (Allocation* const target = device_range("host code writes", pointer, bytes))
    target->mark_written(offset_in(*target, pointer), bytes);
}

std::string leaks() {
  std::string text;
  const auto add = [&](size_t count, const std::string& what) {
    if (const std::string more = count_text(count, what); !more.empty())
      text += (text.empty() ? "" : ", ") + more;
  };
  const auto& allocations = device_memory().allocations();
  add(allocations.size(), "device allocations of " + std::to_string(device_memory().used()) + " bytes");
  add(pinned().size(), "pinned allocations");
  add(handles().streams.size(), "streams");
  add(handles().events.size(), "events");
  add(handles().graphs.size(), "graphs");
  add(handles().execs.size(), "executable graphs");
  for (const auto& source : leak_sources())
    if (const std::string more = source(); !more.empty()) text += (text.empty() ? "" : ", ") + more;
  if (!allocations.empty())
    text += " (the first was allocation " + std::to_string(allocations.begin()->second.number) + ")";
  return text;
}

}  // namespace inpaint::executor

cudaError_t cudaMalloc(void** pointer, size_t bytes) {
  return runtime_call([&] {
    if (const cudaError_t error = forbidden_in_capture(); error != cudaSuccess) return error;
    return allocate(pointer, bytes);
  });
}

cudaError_t cudaFree(void* pointer) {  // waits for everything, as CUDA's does
  return release_call([&] {
    if (const cudaError_t error = forbidden_in_capture(); error != cudaSuccess) return error;
    if (pointer == nullptr) return cudaSuccess;
    ++mutable_counters().host_waits;
    const Allocation* const allocation = device_memory().find(pointer);
    finish_everything(allocation != nullptr ? allocation->device : current_device());
    return release(pointer);
  });
}

cudaError_t cudaMallocAsync(void** pointer, size_t bytes, cudaStream_t stream) {
  return runtime_call([&] {
    const CUstream_st* const it = handles().stream(stream);
    if (it == nullptr) return cudaErrorInvalidResourceHandle;
    if (it->capture) return cudaErrorStreamCaptureUnsupported;
    return allocate(pointer, bytes);
  });
}

cudaError_t cudaFreeAsync(void* pointer, cudaStream_t stream) {
  return runtime_call([&] {
    if (device_memory().find(pointer) == nullptr) return cudaErrorInvalidValue;
    return enqueue(stream, {"free"}, [pointer] { release(pointer); });
  });
}

cudaError_t cudaMallocHost(void** pointer, size_t bytes) {
  return cudaHostAlloc(pointer, bytes, cudaHostAllocDefault);
}

cudaError_t cudaHostAlloc(void** pointer, size_t bytes, unsigned) {
  return runtime_call([&] {
    *pointer = nullptr;
    if (const cudaError_t error = forbidden_in_capture(); error != cudaSuccess) return error;
    if (bytes == 0) return cudaSuccess;
    *pointer = std::malloc(bytes);
    if (*pointer == nullptr) return cudaErrorMemoryAllocation;
    std::memset(*pointer, 0xff, bytes);
    pinned()[static_cast<std::byte*>(*pointer)] = bytes;
    ++mutable_counters().allocations;
    return cudaSuccess;
  });
}

cudaError_t cudaFreeHost(void* pointer) {
  return release_call([&] {
    if (pointer == nullptr) return cudaSuccess;
    if (pinned().erase(static_cast<std::byte*>(pointer)) == 0) return cudaErrorInvalidValue;
    ++mutable_counters().host_waits;
    finish_everything(current_device());
    std::free(pointer);
    return cudaSuccess;
  });
}

cudaError_t cudaMemcpy(void* to, const void* from, size_t bytes, cudaMemcpyKind kind) {
  return runtime_call([&] {
    if (const cudaError_t error = forbidden_in_capture(); error != cudaSuccess) return error;
    return enqueue_copy(to, from, bytes, kind, nullptr, true);
  });
}

cudaError_t cudaMemcpyAsync(void* to, const void* from, size_t bytes, cudaMemcpyKind kind,
                            cudaStream_t stream) {
  return runtime_call([&] { return enqueue_copy(to, from, bytes, kind, stream, false); });
}

cudaError_t cudaMemset(void* to, int value, size_t bytes) {
  return runtime_call([&] { return enqueue_fill(to, value, bytes, nullptr); });
}

cudaError_t cudaMemsetAsync(void* to, int value, size_t bytes, cudaStream_t stream) {
  return runtime_call([&] { return enqueue_fill(to, value, bytes, stream); });
}
