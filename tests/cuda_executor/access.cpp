#include "tests/cuda_executor/access.h"

#include <array>
#include <string>

#include "tests/cuda_executor/block.h"
#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/streams.h"
#include "tests/cuda_executor/traffic.h"

// Set by the linker, for a program and for a shared library alike: the constants lie between __ehdr_start
// and __dso_handle, the variables from there to _end. The section holds those variables which kernels only
// read (see __constant__).
extern "C" {
extern std::byte __ehdr_start __attribute__((visibility("hidden")));
extern void* __dso_handle __attribute__((visibility("hidden")));
extern std::byte _end;
extern const std::byte __start_cuda_executor_constant, __stop_cuda_executor_constant;
}

namespace inpaint::executor {
namespace {

const std::byte* const data_start = reinterpret_cast<const std::byte*>(&__dso_handle);

bool checks_on = true;
size_t tracked_bytes = size_t{4} << 20;

// The allocations that were used last, by page: a kernel walks through several at a time.
std::array<Allocation*, 256> recent{};

struct Request {
  Access kind;
  const void* pointer;
  size_t bytes;
  const void* code;

  bool within(const void* begin, const void* end) const {
    const auto* const p = static_cast<const std::byte*>(pointer);
    return p >= begin && p + bytes <= end;
  }
  bool within(const void* begin, size_t size) const {
    return within(begin, static_cast<const std::byte*>(begin) + size);
  }
  size_t offset_from(const void* begin) const {
    return static_cast<size_t>(static_cast<const std::byte*>(pointer) - static_cast<const std::byte*>(begin));
  }
};

[[noreturn]] void fail(const Request& request, cudaError_t error, const std::string& text) {
  const char* const verb = request.kind == Access::kRead    ? "reads "
                           : request.kind == Access::kWrite ? "writes "
                                                            : "atomically changes ";
  running.block->fail(*running.thread, error, verb + std::to_string(request.bytes) + " bytes at " + text,
                      request.code);
}

void check_device(const Request& request) {
  DeviceMemory& memory = device_memory();
  Allocation*& slot = recent[(reinterpret_cast<uintptr_t>(request.pointer) >> 12) % recent.size()];
  if (slot == nullptr || !request.within(slot->begin, slot->end())) {
    slot = memory.find(request.pointer, request.bytes);
    if (slot == nullptr)
      fail(request, cudaErrorIllegalAddress, memory.describe(request.pointer) + ": out of bounds");
  }
  if (slot->device != working_device)
    fail(request, cudaErrorIllegalAddress,
         memory.describe(request.pointer) + ", from device " + std::to_string(working_device));
  const size_t offset = request.offset_from(slot->begin);
  if (request.kind != Access::kWrite && !slot->is_written(offset, request.bytes))
    fail(request, cudaErrorLaunchFailure,
         memory.describe(request.pointer) + ": uninitialised, nothing has written there");
  if (slot->bytes <= tracked_bytes) {
    if (!slot->shadow) slot->shadow = std::make_unique<Shadow>(slot->bytes);
    for (Cell& cell : slot->shadow->cells(offset, request.bytes)) {
      if (const auto race = running.block->timeline().access(Timeline::Memory::kGlobal, cell, request.kind,
                                                             running.thread->number))
        fail(request, cudaErrorLaunchFailure, memory.describe(request.pointer) + ": " + *race);
    }
  }
  if (request.kind != Access::kRead) slot->mark_written(offset, request.bytes);
  if (traffic_is_counted())
    count_access(request.kind, request.pointer, request.bytes, request.code, running.thread->number);
}

void check_shared(const Request& request, Shadow& shadow, size_t offset) {
  Timeline& timeline = running.block->timeline();
  const auto breach = [&](const std::string& text) {
    const bool is_dynamic = &shadow == &running.block->shared_shadow();
    fail(request, cudaErrorLaunchFailure,
         (is_dynamic ? "offset " + std::to_string(offset) + " of dynamic" : "static") +
             " shared memory: " + text);
  };
  for (Cell& cell : shadow.cells(offset, request.bytes)) {
    if (request.kind != Access::kWrite && !timeline.written_by_block(cell))
      breach("uninitialised, this block has not written there");
    if (const auto race =
            timeline.access(Timeline::Memory::kShared, cell, request.kind, running.thread->number))
      breach(*race);
  }
}

// Static shared memory is the program's own variables: which of them a kernel declared __shared__ cannot be
// told apart, but a kernel has no business with any other.
Shadow& static_shadow() {
  static Shadow shadow(static_cast<size_t>(&_end - data_start) + 64);
  return shadow;
}
const std::byte* static_begin() {
  return reinterpret_cast<const std::byte*>(reinterpret_cast<uintptr_t>(data_start) & ~uintptr_t{63});
}

}  // namespace

void check_access(Access kind, const void* pointer, size_t bytes, const void* code) {
  if (running.thread == nullptr || !checks_on) return;
  Block& block = *running.block;
  const Request request{kind, pointer, bytes, code};
  if (request.within(running.thread->fiber->stack(), kStackBytes)) return;
  if (device_memory().contains(pointer)) return check_device(request);
  const KernelCall& call = block.launch().call;
  const bool constant = request.within(call.arguments.get(), call.argument_bytes) ||
                        request.within(&__ehdr_start, data_start) ||
                        request.within(&__start_cuda_executor_constant, &__stop_cuda_executor_constant);
  if (constant && kind == Access::kRead) return;
  const size_t shared_bytes = block.launch().shared_bytes;
  if (request.within(block.shared(), shared_bytes))
    return check_shared(request, block.shared_shadow(), request.offset_from(block.shared()));
  if (!constant && request.within(static_begin(), &_end))
    return check_shared(request, static_shadow(), request.offset_from(static_begin()));
  if (request.within(block.shared(), shared_bytes + Block::kSharedGap))
    fail(request, cudaErrorIllegalAddress,
         "offset " + std::to_string(request.offset_from(block.shared())) + " of " +
             std::to_string(shared_bytes) + " bytes of dynamic shared memory: out of bounds");
  fail(request, cudaErrorIllegalAddress, constant ? "a constant" : "an address that is not of the device");
}

void atomic_access(const void* pointer, size_t bytes) {
  if constexpr (!kChecksAccesses) return;
  check_access(Access::kAtomic, pointer, bytes, __builtin_return_address(0));
  if (running.thread != nullptr) running.block->timeline().atomic(running.thread->number, pointer);
}

void forget_allocations() { recent.fill(nullptr); }

void set_access_checks(bool on) { checks_on = on; }
bool access_checks() { return checks_on; }
void set_tracked_bytes(size_t bytes) { tracked_bytes = bytes; }

}  // namespace inpaint::executor
