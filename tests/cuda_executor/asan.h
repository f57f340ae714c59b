// AddressSanitizer's interface where it is built in, and nothing elsewhere.
#pragma once

#include <cstddef>

#if defined(__SANITIZE_ADDRESS__)
#define INPAINT_EXECUTOR_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define INPAINT_EXECUTOR_ASAN 1
#endif
#endif

#ifdef INPAINT_EXECUTOR_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

namespace inpaint::executor::asan {

#ifdef INPAINT_EXECUTOR_ASAN
inline constexpr bool kEnabled = true;
inline void poison(const void* pointer, size_t bytes) { __asan_poison_memory_region(pointer, bytes); }
inline void unpoison(const void* pointer, size_t bytes) { __asan_unpoison_memory_region(pointer, bytes); }
// Around a switch to another stack; a null `save` says that the stack left is never returned to.
inline void start_switch(void** save, const void* stack, size_t bytes) {
  __sanitizer_start_switch_fiber(save, stack, bytes);
}
inline void finish_switch(void* saved, const void** left_stack, size_t* left_bytes) {
  __sanitizer_finish_switch_fiber(saved, left_stack, left_bytes);
}
#else
inline constexpr bool kEnabled = false;
inline void poison(const void*, size_t) {}
inline void unpoison(const void*, size_t) {}
inline void start_switch(void**, const void*, size_t) {}
inline void finish_switch(void*, const void**, size_t*) {}
#endif

}  // namespace inpaint::executor::asan
