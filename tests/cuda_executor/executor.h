// What a test sees of the executor beside the CUDA runtime: the order in which it runs things, the size of
// the device, what it found wrong, and what was asked of it. README.md tells how it works.
#pragma once

#include <cuda_runtime_api.h>

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace inpaint::executor {

// True where every load and store of a kernel is checked; a build with AddressSanitizer leaves them to it.
#ifdef INPAINT_EXECUTOR_HOOKS
inline constexpr bool kChecksAccesses = true;
#else
inline constexpr bool kChecksAccesses = false;
#endif

// True where it can count what a kernel moves: GCC marks the basic blocks for it (traffic.h).
#if defined(INPAINT_EXECUTOR_HOOKS) && !defined(__clang__)
inline constexpr bool kCountsTraffic = true;
#else
inline constexpr bool kCountsTraffic = false;
#endif

enum class Order { kForward, kReverse, kShuffled };

// When the work of a stream is done. Work that nothing waits for stays undone, as long as a GPU may take.
enum class StreamOrder {
  kLate,     // when the host waits for it, and then only what that needs
  kAtOnce,   // when it is enqueued
  kShuffled  // when the host waits for anything: whatever may run, in a random order
};

struct Schedule {
  Order blocks = Order::kForward;
  Order warps = Order::kForward;
  Order lanes = Order::kForward;
  StreamOrder streams = StreamOrder::kLate;
  uint64_t seed = 0;
};
std::string to_string(const Schedule& schedule);

void set_schedule(const Schedule& schedule);  // for all work that is done from now on
Schedule schedule();
std::vector<Schedule> schedules();  // those a test should pass: each order forward, reversed and shuffled

// Runs the body under every schedule. It returns the bytes of its results (or anything contiguous of plain
// values); throws ScheduleError when they are not the same under all.
class ScheduleError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};
void in_every_schedule(const std::function<std::string()>& body);
template <typename F>
void in_every_schedule(F body) {
  in_every_schedule(std::function<std::string()>([&body] {
    const auto results = body();
    return std::string(reinterpret_cast<const char*>(results.data()), results.size() * sizeof(results[0]));
  }));
}

// The devices, one unless told; to be called while there is no work. Each has memory of its own, which no
// other may touch. A thread chooses its device with cudaSetDevice.
void set_devices(int count);

// For tests of what happens when there is no more memory: that of each device, 4 GiB unless told; or no
// device (cudaErrorNoDevice), or an old driver (cudaErrorInsufficientDriver): all calls fail so, until
// cudaSuccess.
void set_device_memory(size_t bytes);
void set_device_error(cudaError_t error);

// What cudaDriverGetVersion says, CUDART_VERSION unless told; the major number of the compute capability, 9
// unless told.
void set_driver_version(int version);
void set_compute_capability(int major);

// Races, and reads of values never written, are looked for in shared memory and in allocations of up to this
// many bytes (finding them takes up to 24 times the memory); 4 MiB unless told.
void set_tracked_bytes(size_t bytes);

// Whether loads and stores of kernels are checked at all; for long runs of kernels that have been tested with
// it. What kernels write meanwhile does not count as written afterwards.
void set_access_checks(bool on);

// In a dry run nothing is done: work ends when something waits for it, in no time, and its results are not
// there; memory is not filled. To see what a program enqueues at sizes that would take hours here.
void set_dry_run(bool on);
bool dry_run();

// What was found wrong, oldest first. As on a GPU, after a violation every call of the runtime fails; taking
// the list ends that. A process that ends with violations not taken, or with leaks, ends with a failure.
std::vector<std::string> take_violations();
std::string leaks();  // device and pinned memory, streams, events, graphs not given back; empty if none

// What the program asked for since it began.
struct Counters {
  int64_t kernel_launches = 0;  // by the host; those inside a replayed graph are not
  int64_t graph_launches = 0;
  int64_t allocations = 0;  // device and pinned memory
  int64_t host_waits = 0;   // calls after which work is known to be done, cudaFree included
};
Counters counters();

// What launches of one kernel have moved between global memory and the multiprocessors.
struct Traffic {
  std::string kernel;  // "function at file:line"
  int64_t launches = 0;
  int64_t dynamic_shared_bytes = 0;  // of a block, at most
  struct Accesses {
    int64_t of_threads = 0;
    int64_t bytes = 0;     // of all threads: one that 32 lanes read counts 32 times
    int64_t of_warps = 0;  // accesses, each of up to 32 lanes at once
    int64_t sectors = 0;   // of 32 bytes: the different ones of each warp's access, added up
    // The different ones of each launch, added up: what a cache that held everything would ask for.
    int64_t different_sectors = 0;
  } reads, writes, atomics;
};

// Begins or ends counting; what was counted is forgotten. It needs kCountsTraffic and access checks.
void set_traffic_count(bool on);
std::vector<Traffic> take_traffic();  // of each kernel, in the order of their first launches

// The nodes of the graph that was captured last, in the order of their capture: "function at file:line" of a
// kernel; copy, fill, library or host function.
std::vector<std::string> newest_graph();

// For stand-ins of libraries that work on device memory: enqueues host code that may read and write it. Such
// code says what it wrote: what no kernel, copy or stand-in has written counts as uninitialised.
cudaError_t enqueue_host_code(cudaStream_t stream, std::function<void()> work);
void wrote(const void* pointer, size_t bytes);  // a violation when that does not lie in one allocation

}  // namespace inpaint::executor
