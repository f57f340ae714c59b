#include "tests/cuda_executor/block.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <numeric>

#include "tests/cuda_executor/asan.h"
#include "tests/cuda_executor/traffic.h"

// The variables behind the constants of device_threads.h, kept apart from those that a kernel may write.
#define INPAINT_BUILTIN(name) asm(name) __attribute__((section("cuda_executor_constant")))
uint3 inpaint_thread_index INPAINT_BUILTIN("cuda_executor_thread_index");
uint3 inpaint_block_index INPAINT_BUILTIN("cuda_executor_block_index");
dim3 inpaint_block_size INPAINT_BUILTIN("cuda_executor_block_size");
dim3 inpaint_grid_size INPAINT_BUILTIN("cuda_executor_grid_size");

namespace inpaint::executor {

thread_local constinit Running running;

namespace {

template <typename T>
void arrange(std::vector<T>& items, Order order, std::mt19937_64& random) {
  if (order == Order::kReverse) std::reverse(items.begin(), items.end());
  if (order != Order::kShuffled) return;
  for (size_t i = items.size(); i > 1; --i) std::swap(items[i - 1], items[random() % i]);
}

std::string place(const char* name, uint3 index) {
  return std::string(name) + " (" + std::to_string(index.x) + ", " + std::to_string(index.y) + ", " +
         std::to_string(index.z) + ")";
}

std::string at(Site site) { return " at " + std::string(site.file) + ":" + std::to_string(site.line); }

std::string hex(unsigned mask) {
  char text[16];
  snprintf(text, sizeof(text), "0x%08x", mask);
  return text;
}

const char* name_of(WarpOp op) {
  switch (op) {
    case WarpOp::kSync:
      return "__syncwarp";
    case WarpOp::kShuffle:
    case WarpOp::kShuffleUp:
    case WarpOp::kShuffleDown:
    case WarpOp::kShuffleXor:
      return "warp shuffle";
    case WarpOp::kBallot:
    case WarpOp::kAny:
    case WarpOp::kAll:
      return "warp vote";
    default:
      return "warp reduction";
  }
}

size_t warp_of(const Thread& thread) { return static_cast<size_t>(thread.number) / 32; }
int lane_of(const Thread& thread) { return thread.number % 32; }

bool same_site(Site a, Site b) {
  return a.line == b.line && (a.file == b.file || std::strcmp(a.file, b.file) == 0);
}

bool same_warp_op(const Thread& a, const Thread& b) {
  return a.state == Thread::State::kAtWarpOp && b.state == Thread::State::kAtWarpOp && a.op == b.op &&
         a.mask == b.mask && same_site(a.site, b.site);
}

std::string describe(const Thread& at_warp_op) {
  return std::string(name_of(at_warp_op.op)) + at(at_warp_op.site) + " with mask " + hex(at_warp_op.mask);
}

std::string doing(const Thread& thread) {
  if (thread.state == Thread::State::kEnded) return " has ended";
  if (thread.state == Thread::State::kAtBarrier) return " waits at the barrier" + at(thread.site);
  return " waits in a " + describe(thread);
}

std::vector<std::unique_ptr<Fiber>>& all_fibers() {
  static thread_local std::vector<std::unique_ptr<Fiber>> fibers;
  return fibers;
}

}  // namespace

Block::Block(const Launch& launch, const Schedule& schedule, Timeline& timeline)
    : launch_(launch), schedule_(schedule), timeline_(timeline), random_(schedule.seed) {
  const uint3 size = launch.block;
  threads_.resize(size_t{size.x} * size.y * size.z);
  for (size_t i = 0; i < threads_.size(); ++i) {
    const auto n = static_cast<unsigned>(i);
    threads_[i].index = {n % size.x, n / size.x % size.y, n / size.x / size.y};
    threads_[i].number = static_cast<int>(n);
  }
  for (const auto& fiber : all_fibers()) free_fibers_.push_back(fiber.get());
  shared_ =
      static_cast<std::byte*>(::operator new (launch.shared_bytes + kSharedGap, std::align_val_t{1024}));
  asan::poison(shared_ + launch.shared_bytes, kSharedGap);
  shared_shadow_ = std::make_unique<Shadow>(launch.shared_bytes);
}

Block::~Block() {
  asan::unpoison(shared_ + launch_.shared_bytes, kSharedGap);
  ::operator delete (shared_, std::align_val_t{1024});
}

void Block::order_threads() {
  warps_.assign((threads_.size() + 31) / 32, {});
  for (Thread& thread : threads_) warps_[warp_of(thread)].push_back(&thread);
  for (Lanes& warp : warps_) arrange(warp, schedule_.lanes, random_);
  arrange(warps_, schedule_.warps, random_);
}

std::optional<Violation> Block::run(uint3 index) {
  index_ = inpaint_block_index = index;
  inpaint_block_size = launch_.block;
  inpaint_grid_size = launch_.grid;
  timeline_.begin_block(static_cast<int>(threads_.size()));
  std::memset(shared_, 0xff, launch_.shared_bytes);
  for (Thread& thread : threads_) {
    thread.state = Thread::State::kReady;
    thread.basic_block = nullptr;
  }
  ended_ = 0;
  alive_.assign((threads_.size() + 31) / 32, 0);
  for (const Thread& thread : threads_) alive_[warp_of(thread)] |= 1u << lane_of(thread);
  if (warps_.empty() || is_shuffled()) order_threads();
  while (ended_ < threads_.size() && !failure_) {
    bool ran = false;
    for (const Lanes& warp : warps_) {
      if (!failure_) ran = run_warp(warp) || ran;
    }
    if (!ran && !release_barrier()) failure_ = why_stuck();
  }
  for (Thread& thread : threads_) {
    if (thread.state != Thread::State::kEnded && thread.fiber != nullptr) thread.fiber->abandon();
    thread.fiber = nullptr;
  }
  if (!failure_) return std::nullopt;
  return violation(*failure_);
}

// Lets the lanes run until none of them can go on.
bool Block::run_warp(const Lanes& warp) {
  bool any = false;
  for (bool ran = true; ran;) {
    ran = false;
    for (Thread* const thread : warp) {
      if (thread->state != Thread::State::kReady) continue;
      resume(*thread);
      if (failure_) return true;
      ran = any = true;
    }
  }
  return any;
}

void Block::resume(Thread& thread) {
  static const std::function<void()> run_thread = [] {
    const KernelCall& call = running.block->launch().call;
    call.run_thread(call.kernel, call.arguments.get());
  };
  running = {this, &thread};
  inpaint_thread_index = thread.index;
  bool ended;
  if (thread.fiber == nullptr) {
    if (free_fibers_.empty()) {
      all_fibers().push_back(std::make_unique<Fiber>());
      free_fibers_.push_back(all_fibers().back().get());
    }
    thread.fiber = free_fibers_.back();
    free_fibers_.pop_back();
    ended = thread.fiber->start(run_thread);
  } else {
    ended = thread.fiber->continue_it();
  }
  running = {};
  if (!ended) return;
  thread.state = Thread::State::kEnded;
  alive_[warp_of(thread)] &= ~(1u << lane_of(thread));
  ++ended_;
  free_fibers_.push_back(thread.fiber);
  thread.fiber = nullptr;
}

void Block::wait(Thread::State state) {
  Thread& self = *running.thread;
  self.state = state;
  self.fiber->suspend();
}

int Block::barrier(BarrierOp op, int predicate, Site site) {
  Thread& self = *running.thread;
  self.site = site;
  self.predicate = predicate;
  barrier_op_ = op;
  wait(Thread::State::kAtBarrier);
  return static_cast<int>(self.result);
}

// Lets all go on if all wait at one and the same barrier.
bool Block::release_barrier() {
  const Thread& first = threads_.front();
  uint64_t count = 0;
  for (const Thread& thread : threads_) {
    if (thread.state != Thread::State::kAtBarrier || !same_site(thread.site, first.site)) return false;
    count += thread.predicate != 0;
  }
  const uint64_t result = barrier_op_ == BarrierOp::kCount ? count
                          : barrier_op_ == BarrierOp::kAnd ? count == threads_.size()
                                                           : count > 0;
  for (Thread& thread : threads_) {
    thread.state = Thread::State::kReady;
    thread.result = result;
  }
  timeline_.barrier();
  if (traffic_is_counted()) count_barrier();
  if (is_shuffled()) order_threads();
  return true;
}

unsigned Block::active_lanes() const { return alive_[warp_of(*running.thread)]; }

uint64_t Block::warp_exchange(WarpOp op, unsigned mask, uint64_t value, int operand, int width, Site site) {
  Thread& self = *running.thread;
  self.op = op;
  self.mask = mask;
  self.value = value;
  self.operand = operand;
  self.width = width;
  self.site = site;
  self.state = Thread::State::kAtWarpOp;
  if (!(mask >> lane_of(self) & 1))
    fail(self, cudaErrorLaunchFailure, "takes part in a " + describe(self) + ", which does not name it");
  if (const unsigned absent = mask & ~active_lanes(); absent != 0)
    fail(self, cudaErrorLaunchFailure,
         "takes part in a " + describe(self) + ", but lane " + std::to_string(std::countr_zero(absent)) +
             " has ended or is not in the block");
  if (width <= 0 || width > 32 || !std::has_single_bit(static_cast<unsigned>(width)))
    fail(self, cudaErrorLaunchFailure,
         "takes part in a " + describe(self) + " of width " + std::to_string(width));
  if (!complete_warp_op(self)) wait(Thread::State::kAtWarpOp);
  return self.result;
}

// When every lane of the mask has come: gives each its result and lets it go on.
bool Block::complete_warp_op(Thread& last) {
  Thread* const warp = &threads_[warp_of(last) * 32];
  for (unsigned lanes = last.mask; lanes != 0; lanes &= lanes - 1) {
    if (!same_warp_op(warp[std::countr_zero(lanes)], last)) return false;
  }
  for (unsigned lanes = last.mask; lanes != 0; lanes &= lanes - 1) {
    Thread& thread = warp[std::countr_zero(lanes)];
    thread.result = warp_result(thread, warp);
  }
  for (unsigned lanes = last.mask; lanes != 0; lanes &= lanes - 1)
    warp[std::countr_zero(lanes)].state = Thread::State::kReady;
  if (last.op == WarpOp::kSync) timeline_.sync_warp(static_cast<int>(warp_of(last)), last.mask);
  return true;
}

// Source lane of a shuffle: PTX ISA, shfl.sync. The width cuts the warp into segments; who would read beyond
// its own reads its own value.
uint64_t Block::warp_result(const Thread& thread, const Thread* warp) {
  const int lane = lane_of(thread), segment = lane & ~(thread.width - 1), last = segment + thread.width - 1;
  int source = lane;
  switch (thread.op) {
    case WarpOp::kSync:
      return 0;
    case WarpOp::kShuffle:
      source = segment | (thread.operand & (thread.width - 1));
      break;
    case WarpOp::kShuffleUp:
      if (lane - thread.operand >= segment) source = lane - thread.operand;
      break;
    case WarpOp::kShuffleDown:
      if (lane + thread.operand <= last) source = lane + thread.operand;
      break;
    case WarpOp::kShuffleXor:
      if ((lane ^ thread.operand) <= last) source = lane ^ thread.operand;
      break;
    default: {
      // Votes and reductions, the predicate of a vote being 0 or 1; in lane order.
      uint64_t ballot = 0, sum = 0, all = ~uint64_t{0}, some = 0, odd = 0;
      int64_t least = INT64_MAX, most = INT64_MIN;
      for (int other = 0; other < 32; ++other) {
        if (!(thread.mask >> other & 1)) continue;
        const uint64_t value = warp[other].value;
        ballot |= (value & 1) << other;
        sum += value;
        all &= value;
        some |= value;
        odd ^= value;
        least = std::min(least, static_cast<int64_t>(value));
        most = std::max(most, static_cast<int64_t>(value));
      }
      switch (thread.op) {
        case WarpOp::kBallot:
          return ballot;
        case WarpOp::kReduceAdd:
          return sum;
        case WarpOp::kReduceMin:
          return static_cast<uint64_t>(least);
        case WarpOp::kReduceMax:
          return static_cast<uint64_t>(most);
        case WarpOp::kAll:
        case WarpOp::kReduceAnd:
          return all;
        case WarpOp::kReduceXor:
          return odd;
        default:  // kAny, kReduceOr
          return some;
      }
    }
  }
  if (!(thread.mask >> source & 1))
    fail(thread, cudaErrorLaunchFailure,
         "took part in a " + describe(thread) + " and reads the value of lane " + std::to_string(source) +
             ", which the mask does not name");
  return warp[source].value;
}

// Nobody can go on: a lane waits for others of its warp, or the threads do not meet at one barrier.
Block::Failure Block::why_stuck() const {
  const Thread* waiting = nullptr;
  for (const Thread& thread : threads_) {
    if (thread.state == Thread::State::kEnded) continue;
    if (waiting == nullptr) waiting = &thread;
    if (thread.state != Thread::State::kAtWarpOp) continue;
    for (int lane = 0; lane < 32; ++lane) {
      if (!(thread.mask >> lane & 1)) continue;
      const Thread& other = threads_[warp_of(thread) * 32 + static_cast<size_t>(lane)];
      if (!same_warp_op(other, thread))
        return {&thread, cudaErrorLaunchFailure,
                "waits for ever in a " + describe(thread) + ": lane " + std::to_string(lane) + doing(other)};
    }
  }
  const auto elsewhere = std::find_if(threads_.begin(), threads_.end(), [&](const Thread& other) {
    return other.state == Thread::State::kEnded || !same_site(other.site, waiting->site);
  });
  return {waiting, cudaErrorLaunchFailure,
          "waits for ever at the barrier" + at(waiting->site) + ":" + place(" thread", elsewhere->index) +
              doing(*elsewhere)};
}

Violation Block::violation(const Failure& failure) const {
  std::string text = "kernel " + source_line(launch_.call.kernel) + place(", block", index_) +
                     place(", thread", failure.thread->index) + " " + failure.text;
  if (failure.code != nullptr) text += "; in " + source_line(failure.code);
  return {failure.error, text};
}

void Block::fail(const Thread& thread, cudaError_t error, std::string text, const void* code) {
  failure_ = {&thread, error, std::move(text), code};
  for (;;) running.thread->fiber->suspend();  // until run() abandons it
}

std::optional<Violation> run_launch(const Launch& launch, const Schedule& schedule) {
  static Timeline timeline;
  timeline.begin_launch();
  std::vector<uint64_t> order(uint64_t{launch.grid.x} * launch.grid.y * launch.grid.z);
  std::iota(order.begin(), order.end(), uint64_t{0});
  std::mt19937_64 random(schedule.seed + 1);
  arrange(order, schedule.blocks, random);
  Block block(launch, schedule, timeline);
  for (const uint64_t number : order) {
    const uint64_t row = number / launch.grid.x;
    if (auto violation = block.run({static_cast<unsigned>(number % launch.grid.x),
                                    static_cast<unsigned>(row % launch.grid.y),
                                    static_cast<unsigned>(row / launch.grid.y)}))
      return violation;
    if (traffic_is_counted()) count_barrier();
  }
  if (traffic_is_counted()) count_launch(launch.call.kernel, launch.shared_bytes);
  return std::nullopt;
}

// What device_threads.h declares.
int barrier(BarrierOp op, int predicate, Site site) { return running.block->barrier(op, predicate, site); }
uint64_t warp_exchange(WarpOp op, unsigned mask, uint64_t value, int operand, int width, Site site) {
  return running.block->warp_exchange(op, mask, value, operand, width, site);
}
unsigned active_lanes() { return running.block->active_lanes(); }
void memory_fence() { running.block->timeline().fence(running.thread->number); }
void* dynamic_shared_memory() { return running.block->shared(); }
void trap(Site site) {
  running.block->fail(*running.thread, cudaErrorLaunchFailure, "stopped itself by __trap" + at(site));
}

}  // namespace inpaint::executor
