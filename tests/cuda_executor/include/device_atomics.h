// Atomics of a kernel, each the plain operation: one thread runs at a time, and none loses the processor
// inside one. The executor is told, because an atomic access does not race with another. Part of the
// stand-in for <cuda_runtime.h>.
#pragma once

#include <cstddef>

namespace inpaint::executor {

// Checks an atomic access of the running thread, as the compiler's hooks check the plain ones.
void atomic_access(const void* pointer, size_t bytes);

// Without the hooks of plain accesses: it has been checked as an atomic one.
template <typename T, typename F>
__attribute__((noinline, no_sanitize("thread"))) T apply_unchecked(T* pointer, F operation) {
  const T before = *pointer;
  *pointer = operation(before);
  return before;
}

template <typename T, typename F>
__attribute__((always_inline)) inline T atomic_update(T* pointer, F operation) {
  atomic_access(pointer, sizeof(T));
  return apply_unchecked(pointer, operation);
}

}  // namespace inpaint::executor

#define INPAINT_ATOMIC(name, type, expression)                                            \
  inline type name(type* pointer, type value) {                                           \
    return inpaint::executor::atomic_update(                                              \
        pointer, [value](type before) -> type { return static_cast<type>(expression); }); \
  }
#define INPAINT_ATOMIC_INTEGERS(name, expression) \
  INPAINT_ATOMIC(name, int, expression)           \
  INPAINT_ATOMIC(name, unsigned, expression)      \
  INPAINT_ATOMIC(name, unsigned long long, expression)

INPAINT_ATOMIC_INTEGERS(atomicAdd, before + value)
INPAINT_ATOMIC(atomicAdd, float, before + value)
INPAINT_ATOMIC(atomicAdd, double, before + value)
INPAINT_ATOMIC(atomicSub, int, before - value)
INPAINT_ATOMIC(atomicSub, unsigned, before - value)
INPAINT_ATOMIC_INTEGERS(atomicMin, before < value ? before : value)
INPAINT_ATOMIC_INTEGERS(atomicMax, before > value ? before : value)
INPAINT_ATOMIC_INTEGERS(atomicAnd, before& value)
INPAINT_ATOMIC_INTEGERS(atomicOr, before | value)
INPAINT_ATOMIC_INTEGERS(atomicXor, before ^ value)
INPAINT_ATOMIC(atomicInc, unsigned, before >= value ? 0 : before + 1)
#undef INPAINT_ATOMIC
#undef INPAINT_ATOMIC_INTEGERS

#define INPAINT_ATOMIC_EXCHANGE(type)                                                  \
  inline type atomicExch(type* pointer, type value) {                                  \
    return inpaint::executor::atomic_update(pointer, [value](type) { return value; }); \
  }
INPAINT_ATOMIC_EXCHANGE(int)
INPAINT_ATOMIC_EXCHANGE(unsigned)
INPAINT_ATOMIC_EXCHANGE(unsigned long long)
INPAINT_ATOMIC_EXCHANGE(float)
#undef INPAINT_ATOMIC_EXCHANGE

#define INPAINT_ATOMIC_CAS(type)                                                                  \
  inline type atomicCAS(type* pointer, type expected, type value) {                               \
    return inpaint::executor::atomic_update(                                                      \
        pointer, [expected, value](type before) { return before == expected ? value : before; }); \
  }
INPAINT_ATOMIC_CAS(int)
INPAINT_ATOMIC_CAS(unsigned)
INPAINT_ATOMIC_CAS(unsigned long long)
#undef INPAINT_ATOMIC_CAS
