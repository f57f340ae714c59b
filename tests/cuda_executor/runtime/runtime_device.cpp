// The device of the CUDA runtime, a fictitious one, and the launch of kernels.

#include <cuda_runtime.h>

#include <algorithm>
#include <cstring>
#include <map>

#include "tests/cuda_executor/block.h"
#include "tests/cuda_executor/device_memory.h"
#include "tests/cuda_executor/runtime/runtime.h"
#include "tests/cuda_executor/streams.h"

namespace inpaint::executor {
namespace {

int devices = 1, driver_version = CUDART_VERSION, compute_capability = 9;
thread_local int current = 0;

cudaDeviceProp properties() {  // of an H100, but for its name and memory
  cudaDeviceProp p{};
  std::strncpy(p.name, "CUDA executor (no GPU)", sizeof(p.name) - 1);
  p.totalGlobalMem = device_memory().capacity();
  p.sharedMemPerBlock = 48 << 10;
  p.regsPerBlock = 65536;
  p.warpSize = 32;
  p.maxThreadsPerBlock = 1024;
  const int threads[3] = {1024, 1024, 64}, blocks[3] = {2147483647, 65535, 65535};
  std::copy_n(threads, 3, p.maxThreadsDim);
  std::copy_n(blocks, 3, p.maxGridSize);
  p.major = compute_capability;
  p.multiProcessorCount = 132;
  p.asyncEngineCount = 3;
  p.memoryBusWidth = 5120;
  p.l2CacheSize = 50 << 20;
  p.maxThreadsPerMultiProcessor = 2048;
  p.sharedMemPerMultiprocessor = 228 << 10;
  p.regsPerMultiprocessor = 65536;
  p.sharedMemPerBlockOptin = 227 << 10;
  p.maxBlocksPerMultiProcessor = 32;
  return p;
}

std::map<const void*, size_t>& shared_limits() {  // of the kernels that asked for more than the usual
  static std::map<const void*, size_t> limits;
  return limits;
}

bool is_device(int number) { return number >= 0 && number < devices; }

bool fits(dim3 size, const int (&limit)[3]) {
  return size.x > 0 && size.y > 0 && size.z > 0 && size.x <= static_cast<unsigned>(limit[0]) &&
         size.y <= static_cast<unsigned>(limit[1]) && size.z <= static_cast<unsigned>(limit[2]);
}

}  // namespace

void set_devices(int count) { devices = count; }
void set_driver_version(int version) { driver_version = version; }
void set_compute_capability(int major) { compute_capability = major; }
int current_device() { return current; }

cudaError_t launch_kernel(const cudaLaunchConfig_t& config, KernelCall call) {
  return runtime_call([&] {
    const cudaDeviceProp device = properties();
    const uint64_t threads = uint64_t{config.blockDim.x} * config.blockDim.y * config.blockDim.z;
    if (!fits(config.gridDim, device.maxGridSize) || !fits(config.blockDim, device.maxThreadsDim) ||
        threads > static_cast<uint64_t>(device.maxThreadsPerBlock))
      return cudaErrorInvalidConfiguration;
    const auto limit = shared_limits().find(call.kernel);
    if (config.dynamicSmemBytes > (limit != shared_limits().end() ? limit->second : device.sharedMemPerBlock))
      return cudaErrorInvalidValue;
    const Label label{.kernel = call.kernel};
    const auto launch = std::make_shared<const Launch>(
        Launch{config.gridDim, config.blockDim, config.dynamicSmemBytes, std::move(call)});
    const CUstream_st* const stream = handles().stream(config.stream);
    if (stream != nullptr && stream->device != current_device()) return cudaErrorInvalidResourceHandle;
    if (stream != nullptr && !stream->capture) ++mutable_counters().kernel_launches;
    return enqueue(config.stream, label, [launch] {
      if (auto violation = run_launch(*launch, schedule())) report(std::move(*violation));
    });
  });
}

}  // namespace inpaint::executor

using namespace inpaint::executor;

cudaError_t cudaGetDeviceCount(int* count) {
  return runtime_call([&] {
    *count = devices;
    return cudaSuccess;
  });
}

cudaError_t cudaSetDevice(int device) {
  return runtime_call([&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    current = device;
    return cudaSuccess;
  });
}

cudaError_t cudaGetDevice(int* device) {
  return runtime_call([&] {
    *device = current_device();
    return cudaSuccess;
  });
}

cudaError_t cudaGetDeviceProperties(cudaDeviceProp* result, int device) {
  return runtime_call([&] {
    *result = properties();
    return is_device(device) ? cudaSuccess : cudaErrorInvalidDevice;
  });
}

cudaError_t cudaDeviceGetPCIBusId(char* text, int length, int device) {
  return runtime_call([&] {
    if (!is_device(device)) return cudaErrorInvalidDevice;
    const int needed = std::snprintf(text, static_cast<size_t>(length), "0000:%02x:00.0", device + 1);
    return needed < length ? cudaSuccess : cudaErrorInvalidValue;
  });
}

cudaError_t cudaDeviceGetAttribute(int* value, cudaDeviceAttr attribute, int device) {
  return runtime_call([&] {
    const cudaDeviceProp p = properties();
    const std::map<cudaDeviceAttr, size_t> values = {
        {cudaDevAttrMaxThreadsPerBlock, p.maxThreadsPerBlock},
        {cudaDevAttrMaxGridDimX, p.maxGridSize[0]},
        {cudaDevAttrMaxGridDimY, p.maxGridSize[1]},
        {cudaDevAttrMaxGridDimZ, p.maxGridSize[2]},
        {cudaDevAttrMaxSharedMemoryPerBlock, p.sharedMemPerBlock},
        {cudaDevAttrWarpSize, p.warpSize},
        {cudaDevAttrMultiProcessorCount, p.multiProcessorCount},
        {cudaDevAttrL2CacheSize, p.l2CacheSize},
        {cudaDevAttrMaxThreadsPerMultiProcessor, p.maxThreadsPerMultiProcessor},
        {cudaDevAttrComputeCapabilityMajor, p.major},
        {cudaDevAttrComputeCapabilityMinor, p.minor},
        {cudaDevAttrMaxSharedMemoryPerMultiprocessor, p.sharedMemPerMultiprocessor},
        {cudaDevAttrMaxSharedMemoryPerBlockOptin, p.sharedMemPerBlockOptin},
        {cudaDevAttrMaxBlocksPerMultiprocessor, p.maxBlocksPerMultiProcessor},
    };
    const auto found = values.find(attribute);
    if (!is_device(device)) return cudaErrorInvalidDevice;
    if (found == values.end()) return cudaErrorInvalidValue;
    *value = static_cast<int>(found->second);
    return cudaSuccess;
  });
}

cudaError_t cudaDeviceSynchronize() {
  return runtime_call([] {
    if (const cudaError_t error = forbidden_in_capture(); error != cudaSuccess) return error;
    ++mutable_counters().host_waits;
    finish_everything(current_device());
    return cudaSuccess;
  });
}

cudaError_t cudaMemGetInfo(size_t* free, size_t* total) {
  return runtime_call([&] {
    *total = device_memory().capacity();
    *free = *total - std::min(*total, device_memory().used(current_device()));
    return cudaSuccess;
  });
}

cudaError_t cudaDriverGetVersion(int* version) {
  *version = driver_version;
  return cudaSuccess;
}

cudaError_t cudaRuntimeGetVersion(int* version) {
  *version = CUDART_VERSION;
  return cudaSuccess;
}

cudaError_t cudaFuncSetAttribute(const void* kernel, cudaFuncAttribute attribute, int value) {
  return runtime_call([&] {
    if (attribute != cudaFuncAttributeMaxDynamicSharedMemorySize) return cudaSuccess;  // hints
    if (value < 0 || static_cast<size_t>(value) > properties().sharedMemPerBlockOptin)
      return cudaErrorInvalidValue;
    shared_limits()[kernel] = static_cast<size_t>(value);
    return cudaSuccess;
  });
}

// What threads and shared memory allow; registers are not known here.
cudaError_t cudaOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, const void*, int block_threads,
                                                          size_t shared_bytes) {
  return runtime_call([&] {
    const cudaDeviceProp p = properties();
    if (block_threads < 1 || block_threads > p.maxThreadsPerBlock) return cudaErrorInvalidValue;
    const int warps = (block_threads + 31) / 32;
    const size_t reserved = 1 << 10;  // shared memory the system keeps of every block
    const auto by_memory = static_cast<int>(p.sharedMemPerMultiprocessor / (shared_bytes + reserved));
    *blocks =
        std::min({p.maxBlocksPerMultiProcessor, p.maxThreadsPerMultiProcessor / (32 * warps), by_memory});
    return cudaSuccess;
  });
}
