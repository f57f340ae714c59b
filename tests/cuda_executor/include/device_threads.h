// What a kernel knows of its place in the grid, and what it does together with the other threads: barriers,
// warp shuffles, votes and reductions, fences. Part of the stand-in for <cuda_runtime.h>.
#pragma once

#include <cstdint>
#include <cstring>
#include <type_traits>

#include "vector_types.h"

// Constant for the life of a thread, and declared so: the compiler may keep them in registers. The executor
// defines them under the same assembler names as variables, and sets them before a thread goes on.
extern const uint3 threadIdx asm("cuda_executor_thread_index");
extern const uint3 blockIdx asm("cuda_executor_block_index");
extern const dim3 blockDim asm("cuda_executor_block_size");
extern const dim3 gridDim asm("cuda_executor_grid_size");
inline constexpr int warpSize = 32;

namespace inpaint::executor {

// A line of a kernel. Threads that meet have to come from the same one.
struct Site {
  const char* file;
  int line;
  static constexpr Site here(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
    return {file, line};
  }
};

enum class BarrierOp { kPlain, kCount, kAnd, kOr };
int barrier(BarrierOp op, int predicate, Site site);

enum class WarpOp {
  kSync,
  kShuffle,
  kShuffleUp,
  kShuffleDown,
  kShuffleXor,
  kBallot,
  kAny,
  kAll,
  kReduceAdd,
  kReduceMin,
  kReduceMax,
  kReduceAnd,
  kReduceOr,
  kReduceXor
};
// operand: the source lane, the distance or the lane mask of a shuffle.
uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, int operand, int width, Site site);
unsigned active_lanes();

void memory_fence();
void* dynamic_shared_memory();
[[noreturn]] void trap(Site site);

template <typename T>
inline constexpr bool kIsShuffled =
    std::is_same_v<T, int> || std::is_same_v<T, unsigned> || std::is_same_v<T, long> ||
    std::is_same_v<T, unsigned long> || std::is_same_v<T, long long> ||
    std::is_same_v<T, unsigned long long> || std::is_same_v<T, float> || std::is_same_v<T, double>;

template <typename T>
T shuffle(WarpOp op, unsigned mask, T value, int operand, int width, Site site) {
  uint64_t bits = 0;
  std::memcpy(&bits, &value, sizeof(T));
  bits = warp_exchange(op, mask, bits, operand, width, site);
  std::memcpy(&value, &bits, sizeof(T));
  return value;
}

}  // namespace inpaint::executor

#define INPAINT_HERE inpaint::executor::Site site = inpaint::executor::Site::here()

inline void __syncthreads(INPAINT_HERE) {
  inpaint::executor::barrier(inpaint::executor::BarrierOp::kPlain, 0, site);
}
inline int __syncthreads_count(int predicate, INPAINT_HERE) {
  return inpaint::executor::barrier(inpaint::executor::BarrierOp::kCount, predicate, site);
}
inline int __syncthreads_and(int predicate, INPAINT_HERE) {
  return inpaint::executor::barrier(inpaint::executor::BarrierOp::kAnd, predicate, site);
}
inline int __syncthreads_or(int predicate, INPAINT_HERE) {
  return inpaint::executor::barrier(inpaint::executor::BarrierOp::kOr, predicate, site);
}

inline void __syncwarp(unsigned mask = 0xffffffffu, INPAINT_HERE) {
  inpaint::executor::warp_exchange(inpaint::executor::WarpOp::kSync, mask, 0, 0, warpSize, site);
}
inline unsigned __activemask() { return inpaint::executor::active_lanes(); }

#define INPAINT_SHUFFLE(name, op, operand_type)                                                              \
  template <typename T>                                                                                      \
  requires inpaint::executor::kIsShuffled<T> T name(unsigned mask, T value, operand_type operand,            \
                                                    int width = warpSize, INPAINT_HERE) {                    \
    return inpaint::executor::shuffle(inpaint::executor::WarpOp::op, mask, value, static_cast<int>(operand), \
                                      width, site);                                                          \
  }
INPAINT_SHUFFLE(__shfl_sync, kShuffle, int)
INPAINT_SHUFFLE(__shfl_up_sync, kShuffleUp, unsigned)
INPAINT_SHUFFLE(__shfl_down_sync, kShuffleDown, unsigned)
INPAINT_SHUFFLE(__shfl_xor_sync, kShuffleXor, int)
#undef INPAINT_SHUFFLE

#define INPAINT_VOTE(name, op, result)                                                               \
  inline result name(unsigned mask, int predicate, INPAINT_HERE) {                                   \
    return static_cast<result>(inpaint::executor::warp_exchange(inpaint::executor::WarpOp::op, mask, \
                                                                predicate != 0, 0, warpSize, site)); \
  }
INPAINT_VOTE(__ballot_sync, kBallot, unsigned)
INPAINT_VOTE(__any_sync, kAny, int)
INPAINT_VOTE(__all_sync, kAll, int)
#undef INPAINT_VOTE

// Signed values travel sign-extended, so that one 64-bit minimum or maximum serves both.
#define INPAINT_WARP_REDUCTION(name, op, type)                                                      \
  inline type name(unsigned mask, type value, INPAINT_HERE) {                                       \
    return static_cast<type>(inpaint::executor::warp_exchange(                                      \
        inpaint::executor::WarpOp::op, mask, static_cast<uint64_t>(static_cast<int64_t>(value)), 0, \
        warpSize, site));                                                                           \
  }
INPAINT_WARP_REDUCTION(__reduce_add_sync, kReduceAdd, unsigned)
INPAINT_WARP_REDUCTION(__reduce_add_sync, kReduceAdd, int)
INPAINT_WARP_REDUCTION(__reduce_min_sync, kReduceMin, unsigned)
INPAINT_WARP_REDUCTION(__reduce_min_sync, kReduceMin, int)
INPAINT_WARP_REDUCTION(__reduce_max_sync, kReduceMax, unsigned)
INPAINT_WARP_REDUCTION(__reduce_max_sync, kReduceMax, int)
INPAINT_WARP_REDUCTION(__reduce_and_sync, kReduceAnd, unsigned)
INPAINT_WARP_REDUCTION(__reduce_or_sync, kReduceOr, unsigned)
INPAINT_WARP_REDUCTION(__reduce_xor_sync, kReduceXor, unsigned)
#undef INPAINT_WARP_REDUCTION

inline void __threadfence() { inpaint::executor::memory_fence(); }
inline void __threadfence_block() {}  // a block's own atomics and barriers are all the executor orders it by
[[noreturn]] inline void __trap(INPAINT_HERE) { inpaint::executor::trap(site); }

#undef INPAINT_HERE
