// One block of a launch: its threads as fibers, run in a chosen order until each waits or ends, and what they
// do together. A thread that breaks a rule never goes on, and ends the block.
#pragma once

#include <cuda_runtime.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/cuda_executor/executor.h"
#include "tests/cuda_executor/fiber.h"
#include "tests/cuda_executor/races.h"
#include "tests/cuda_executor/violation.h"

namespace inpaint::executor {

struct Launch {
  dim3 grid, block;
  size_t shared_bytes;
  KernelCall call;
};

struct Thread {
  enum class State { kReady, kAtBarrier, kAtWarpOp, kEnded };
  uint3 index{};
  int number = 0;  // in the block; its warp is number / 32, its lane number % 32
  State state = State::kReady;
  const void* basic_block = nullptr;  // that it has begun, for coverage.h
  Fiber* fiber = nullptr;             // from its first step to its end
  // While it waits, and the answer it waited for:
  Site site{};
  int predicate = 0;
  WarpOp op{};
  unsigned mask = 0;
  uint64_t value = 0;
  int operand = 0, width = 0;
  uint64_t result = 0;
};

class Block {
 public:
  Block(const Launch& launch, const Schedule& schedule, Timeline& timeline);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  std::optional<Violation> run(uint3 index);  // the whole block

  static constexpr size_t kSharedGap = 256;  // behind dynamic shared memory, not to be touched

  const Launch& launch() const { return launch_; }
  Timeline& timeline() { return timeline_; }
  std::byte* shared() { return shared_; }
  Shadow& shared_shadow() { return *shared_shadow_; }

  // What the running thread calls.
  int barrier(BarrierOp op, int predicate, Site site);
  uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, int operand, int width, Site site);
  unsigned active_lanes() const;
  // Ends the block, because of the thread. The text continues "kernel k, block (x, y, z), thread (x, y, z) ";
  // `code` is the place in the program where it happened, if that is known.
  [[noreturn]] void fail(const Thread& thread, cudaError_t error, std::string text,
                         const void* code = nullptr);

 private:
  using Lanes = std::vector<Thread*>;
  bool is_shuffled() const {
    return schedule_.lanes == Order::kShuffled || schedule_.warps == Order::kShuffled;
  }
  void order_threads();
  bool run_warp(const Lanes& warp);
  void resume(Thread& thread);
  void wait(Thread::State state);
  bool release_barrier();
  bool complete_warp_op(Thread& last);
  uint64_t warp_result(const Thread& thread, const Thread* warp);
  struct Failure {
    const Thread* thread;
    cudaError_t error;
    std::string text;
    const void* code = nullptr;
  };
  Failure why_stuck() const;
  Violation violation(const Failure& failure) const;

  const Launch& launch_;
  const Schedule schedule_;
  Timeline& timeline_;
  std::mt19937_64 random_;
  uint3 index_{};
  std::vector<Thread> threads_;
  std::vector<Lanes> warps_;     // in the order they run
  std::vector<unsigned> alive_;  // the lanes of each warp that have not ended
  size_t ended_ = 0;
  BarrierOp barrier_op_{};
  std::optional<Failure> failure_;
  std::vector<Fiber*> free_fibers_;
  std::byte* shared_;
  std::unique_ptr<Shadow> shared_shadow_;
};

// The block and the thread that run on this OS thread, null when none does.
struct Running {
  Block* block = nullptr;
  Thread* thread = nullptr;
};
extern thread_local constinit Running running;

std::optional<Violation> run_launch(const Launch& launch, const Schedule& schedule);

}  // namespace inpaint::executor
