// The functions that instrumented code calls at each load and store (-fsanitize=thread), in each basic
// block (-fsanitize-coverage=trace-pc), and where an address is not aligned to its type or an index lies
// outside its array (-fsanitize=alignment,bounds). The compilers mean them for the sanitizers' own
// runtimes; this program is not linked with those.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "tests/cuda_executor/access.h"
#include "tests/cuda_executor/block.h"
#include "tests/cuda_executor/coverage.h"
#include "tests/cuda_executor/traffic.h"

using inpaint::executor::Access;
using inpaint::executor::check_access;
using inpaint::executor::running;

#define INPAINT_HERE __builtin_return_address(0)

extern "C" {

void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit() {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void* p, unsigned long n) { check_access(Access::kRead, p, n, INPAINT_HERE); }
void __tsan_write_range(void* p, unsigned long n) { check_access(Access::kWrite, p, n, INPAINT_HERE); }

#define INPAINT_HOOKS(n)                                                                        \
  void __tsan_read##n(void* p) { check_access(Access::kRead, p, n, INPAINT_HERE); }             \
  void __tsan_write##n(void* p) { check_access(Access::kWrite, p, n, INPAINT_HERE); }           \
  void __tsan_unaligned_read##n(void* p) { check_access(Access::kRead, p, n, INPAINT_HERE); }   \
  void __tsan_unaligned_write##n(void* p) { check_access(Access::kWrite, p, n, INPAINT_HERE); } \
  void __tsan_volatile_read##n(void* p) { check_access(Access::kRead, p, n, INPAINT_HERE); }    \
  void __tsan_volatile_write##n(void* p) { check_access(Access::kWrite, p, n, INPAINT_HERE); }
INPAINT_HOOKS(1)
INPAINT_HOOKS(2)
INPAINT_HOOKS(4)
INPAINT_HOOKS(8)
INPAINT_HOOKS(16)

void __sanitizer_cov_trace_pc() {
  inpaint::executor::Thread* const thread = running.thread;
  if (thread == nullptr) return;
  if (inpaint::executor::traffic_is_counted())
    inpaint::executor::count_basic_block(INPAINT_HERE, thread->number);
  if (inpaint::executor::ways_are_noted)
    inpaint::executor::note_way(std::exchange(thread->basic_block, INPAINT_HERE), INPAINT_HERE);
}

// Atomics of the C++ library, which host code in the same file may use (shared_ptr, for one): done as asked,
// with the strongest order.
#define INPAINT_ATOMIC(bits, type)                                                                        \
  type __tsan_atomic##bits##_load(const volatile type* p, int) {                                          \
    return __atomic_load_n(p, __ATOMIC_SEQ_CST);                                                          \
  }                                                                                                       \
  void __tsan_atomic##bits##_store(volatile type* p, type v, int) {                                       \
    __atomic_store_n(p, v, __ATOMIC_SEQ_CST);                                                             \
  }                                                                                                       \
  type __tsan_atomic##bits##_exchange(volatile type* p, type v, int) {                                    \
    return __atomic_exchange_n(p, v, __ATOMIC_SEQ_CST);                                                   \
  }                                                                                                       \
  type __tsan_atomic##bits##_fetch_add(volatile type* p, type v, int) {                                   \
    return __atomic_fetch_add(p, v, __ATOMIC_SEQ_CST);                                                    \
  }                                                                                                       \
  type __tsan_atomic##bits##_fetch_sub(volatile type* p, type v, int) {                                   \
    return __atomic_fetch_sub(p, v, __ATOMIC_SEQ_CST);                                                    \
  }                                                                                                       \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile type* p, type* expected, type v, int, int) { \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                       \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile type* p, type* expected, type v, int, int) {   \
    return __atomic_compare_exchange_n(p, expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);        \
  }                                                                                                       \
  type __tsan_atomic##bits##_compare_exchange_val(volatile type* p, type expected, type v, int, int) {    \
    __atomic_compare_exchange_n(p, &expected, v, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);              \
    return expected;                                                                                      \
  }
INPAINT_ATOMIC(8, unsigned char)
INPAINT_ATOMIC(32, unsigned)
INPAINT_ATOMIC(64, unsigned long)

// What -fsanitize=alignment and -fsanitize=bounds pass on: layouts of GCC's and Clang's ubsan.
struct SourceLocation {
  const char* file;
  uint32_t line, column;
};
struct TypeDescriptor {
  uint16_t kind, info;
  char name[1];
};
struct TypeMismatch {
  SourceLocation location;
  const TypeDescriptor* type;
  unsigned char log_alignment, kind;
};
struct OutOfBounds {
  SourceLocation location;
  const TypeDescriptor *array, *index;
};

static void breach(const SourceLocation& at, cudaError_t error, const std::string& what) {
  const std::string text = what + " at " + at.file + ":" + std::to_string(at.line);
  if (running.thread != nullptr) running.block->fail(*running.thread, error, text);
  fprintf(stderr, "host code %s\n", text.c_str());
  abort();
}

void __ubsan_handle_type_mismatch_v1(const TypeMismatch* data, uintptr_t pointer) {
  const uintptr_t alignment = uintptr_t{1} << data->log_alignment;
  if (pointer % alignment != 0)
    breach(data->location, cudaErrorMisalignedAddress,
           std::string("uses an address not aligned to the ") + std::to_string(alignment) + " bytes of " +
               data->type->name);
}

void __ubsan_handle_out_of_bounds(const OutOfBounds* data, uintptr_t index) {
  breach(data->location, cudaErrorIllegalAddress,
         "uses index " + std::to_string(static_cast<intptr_t>(index)) + " of the array " + data->array->name);
}

}  // extern "C"
