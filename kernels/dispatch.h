// How an op reaches its device. <op>.cpp checks the arguments and calls
//
//   return INPAINT_DISPATCH(ctx, adam, options, t, ...);
//
// which calls inpaint::cpu::adam (adam_cpu.cpp) or inpaint::cuda::adam (adam_cuda.cu) with ctx in front. Both
// have the public function's type: INPAINT_DECLARE_DEVICES(adam) declares them, in the file that dispatches;
// the files that define them declare nothing, and one whose type differs does not link.
//
// Inside cpu and cuda a call of another op or of its *_workspace_bytes is qualified
// (cpu::adam_workspace_bytes(ctx, ...)): the arguments' namespace holds the public one.
//
// For the files of this folder only.
#pragma once

#include "core/device/context.h"

#define INPAINT_DECLARE_DEVICES(op) \
  namespace cpu {                   \
  decltype(::inpaint::op) op;       \
  }                                 \
  namespace cuda {                  \
  decltype(::inpaint::op) op;       \
  }

// A program built without CUDA has no cuda::op, and no Context on a GPU that would call it.
#ifdef INPAINT_CUDA
#define INPAINT_DISPATCH(ctx, op, ...)                                                               \
  ((ctx).device() == ::inpaint::Device::kCuda ? ::inpaint::cuda::op((ctx)__VA_OPT__(, ) __VA_ARGS__) \
                                              : ::inpaint::cpu::op((ctx)__VA_OPT__(, ) __VA_ARGS__))
#else
#define INPAINT_DISPATCH(ctx, op, ...) ::inpaint::cpu::op((ctx)__VA_OPT__(, ) __VA_ARGS__)
#endif
