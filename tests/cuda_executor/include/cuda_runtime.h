// Stand-in for CUDA's <cuda_runtime.h>: what a .cu file needs to be compiled by the host compiler and run by
// the executor (tests/cuda_executor/README.md).
#pragma once

#include <cstring>
#include <memory>
#include <tuple>

#include "cuda_runtime_api.h"
#include "device_atomics.h"
#include "device_math.h"
#include "device_threads.h"
#include "vector_functions.h"

#define __global__
#define __device__
#define __host__
#define __shared__ static  // one block runs at a time
#define __constant__ __attribute__((section("cuda_executor_constant")))
#define __forceinline__ inline __attribute__((always_inline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __align__(bytes) __attribute__((aligned(bytes)))

namespace inpaint::executor {

// A kernel and the values of its arguments, with their types erased.
struct KernelCall {
  const void* kernel;
  std::unique_ptr<const void, void (*)(const void*)> arguments;
  size_t argument_bytes;
  void (*run_thread)(const void* kernel, const void* arguments);
};
cudaError_t launch_kernel(const cudaLaunchConfig_t& config, KernelCall call);

}  // namespace inpaint::executor

template <typename... P, typename... A>
cudaError_t cudaLaunchKernelEx(const cudaLaunchConfig_t* config, void (*kernel)(P...), A&&... args) {
  using Arguments = std::tuple<P...>;
  inpaint::executor::KernelCall call{
      reinterpret_cast<const void*>(kernel),
      {new Arguments(std::forward<A>(args)...),
       [](const void* arguments) { delete static_cast<const Arguments*>(arguments); }},
      sizeof(Arguments),
      [](const void* function, const void* arguments) {
        std::apply(reinterpret_cast<void (*)(P...)>(const_cast<void*>(function)),
                   *static_cast<const Arguments*>(arguments));
      }};
  return inpaint::executor::launch_kernel(*config, std::move(call));
}
