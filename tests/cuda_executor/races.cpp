#include "tests/cuda_executor/races.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstring>
#include <new>

namespace inpaint::executor {
namespace {

// A moment: epoch 44 bits | thread 11 bits | clock 8 bits | atomic 1 bit. Thread numbers from 1024 on stand
// for several readers: of warp (number - 1024), of several warps, of several blocks.
constexpr int kEpochShift = 20, kThreadShift = 9, kClockShift = 1;
constexpr int kManyLanes = 1024, kManyWarps = kManyLanes + 32, kManyBlocks = kManyWarps + 1;

uint64_t epoch_of(uint64_t moment) { return moment >> kEpochShift; }
int thread_of(uint64_t moment) { return static_cast<int>(moment >> kThreadShift) & 0x7ff; }
int clock_of(uint64_t moment) { return static_cast<int>(moment >> kClockShift) & 0xff; }
bool is_atomic(uint64_t moment) { return moment & 1; }

uint64_t pack(uint64_t epoch, int thread, int clock, bool atomic) {
  return epoch << kEpochShift | static_cast<uint64_t>(thread) << kThreadShift |
         static_cast<uint64_t>(clock) << kClockShift | static_cast<uint64_t>(atomic);
}

Cell* new_cells(size_t count) {
  // Zero, and without cost until touched.
  void* const memory = mmap(nullptr, count * sizeof(Cell), PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (memory == MAP_FAILED) throw std::bad_alloc();
  return static_cast<Cell*>(memory);
}

}  // namespace

Shadow::Shadow(size_t bytes) : bytes_((bytes + 3) / 4 * 4), cells_(new_cells(bytes_ / granule_ + 1)) {}
Shadow::~Shadow() { munmap(cells_, (bytes_ / granule_ + 1) * sizeof(Cell)); }

void Shadow::refine(size_t alignment) {
  const size_t granule = alignment & (~alignment + 1);
  Cell* const finer = new_cells(bytes_ / granule + 1);
  for (size_t i = 0; i < bytes_ / granule; ++i) {
    const Cell& cell = cells_[i * granule / granule_];
    if (cell.write != 0 || cell.read != 0) finer[i] = cell;
  }
  munmap(cells_, (bytes_ / granule_ + 1) * sizeof(Cell));
  cells_ = finer;
  granule_ = granule;
}

void Timeline::begin_launch() {
  launch_begin_ = epoch_ + 1;
  block_begins_.clear();
  released_.clear();
  any_fence_ = false;
}

void Timeline::begin_block(int threads) {
  warps_.resize(static_cast<size_t>((threads + 31) / 32));
  fenced_.assign(static_cast<size_t>(threads), false);
  acquired_.clear();
  barrier();
  block_begin_ = epoch_;
  block_begins_.push_back(epoch_);
}

void Timeline::barrier() {
  ++epoch_;
  for (Warp& warp : warps_) {
    std::memset(&warp, 0, sizeof(warp));
    std::memset(warp.clock, 1, sizeof(warp.clock));
  }
}

void Timeline::sync_warp(int warp, uint32_t mask) {
  Warp& w = warps_[static_cast<size_t>(warp)];
  uint8_t met[32] = {};
  for (int a = 0; a < 32; ++a) {
    if (!(mask >> a & 1)) continue;
    for (int b = 0; b < 32; ++b) met[b] = std::max(met[b], w.seen[a][b]);
    met[a] = std::max(met[a], w.clock[a]);
  }
  for (int a = 0; a < 32; ++a) {
    if (!(mask >> a & 1)) continue;
    std::memcpy(w.seen[a], met, sizeof(met));
    if (w.clock[a] < 255) ++w.clock[a];  // from there on the last clock counts as met: races may be missed
  }
}

void Timeline::Known::add(const Known& other) {
  if (other.epoch > epoch) {
    *this = other;
  } else if (other.epoch == epoch) {
    for (const Met& met : other.in_epoch) {
      const auto same = [&](const Met& one) { return std::memcmp(&one, &met, sizeof(met)) == 0; };
      if (std::none_of(in_epoch.begin(), in_epoch.end(), same)) in_epoch.push_back(met);
    }
  }
}

void Timeline::atomic(int thread, const void* address) {
  if (!any_fence_) return;
  KnownBlocks& released = released_[address];
  const size_t blocks = block_begins_.size();
  released.resize(blocks);
  acquired_.resize(blocks);
  for (size_t b = 0; b < blocks; ++b) acquired_[b].add(released[b]);
  if (!fenced_[static_cast<size_t>(thread)]) return;
  Met met{thread, {}};
  std::memcpy(met.seen, warps_[static_cast<size_t>(thread / 32)].seen[thread % 32], sizeof(met.seen));
  acquired_[blocks - 1].add({epoch_, {met}});
  for (size_t b = 0; b < blocks; ++b) released[b].add(acquired_[b]);
}

size_t Timeline::block_of(uint64_t epoch) const {
  const auto after = std::upper_bound(block_begins_.begin(), block_begins_.end(), epoch);
  return static_cast<size_t>(after - block_begins_.begin()) - 1;
}

// Has this block met what another did at this moment? lanes: as in Cell.
bool Timeline::acquired(uint64_t moment, uint32_t lanes) const {
  const size_t block = block_of(epoch_of(moment));
  if (block >= acquired_.size()) return false;
  const Known& known = acquired_[block];
  if (epoch_of(moment) != known.epoch) return epoch_of(moment) < known.epoch;
  const int other = thread_of(moment);
  return std::any_of(known.in_epoch.begin(), known.in_epoch.end(), [&](const Met& met) {
    if (other == met.thread) return true;
    if ((other < kManyLanes ? other / 32 : other - kManyLanes) != met.thread / 32) return false;
    if (other < kManyLanes) return met.seen[other % 32] >= clock_of(moment);
    for (int lane = 0; lane < 32; ++lane) {
      if ((lanes >> lane & 1) && lane != met.thread % 32 && met.seen[lane] < clock_of(moment)) return false;
    }
    return true;
  });
}

uint64_t Timeline::moment(int thread, bool atomic) const {
  return pack(epoch_, thread, warps_[static_cast<size_t>(thread / 32)].clock[thread % 32], atomic);
}

bool Timeline::written_by_block(const Cell& cell) const { return epoch_of(cell.write) >= block_begin_; }

// May an access at this moment happen at the same time as one of `thread` now? Those before `begin` may not.
bool Timeline::concurrent(uint64_t begin, uint64_t moment, uint32_t lanes, int thread) const {
  const uint64_t epoch = epoch_of(moment);
  if (epoch < begin) return false;
  const int other = thread_of(moment);
  if (other == kManyBlocks) {
    for (size_t block = 0; block + 1 < block_begins_.size(); ++block) {  // this one is the last
      if (block >= acquired_.size() || acquired_[block].epoch == 0) return true;
    }
    return false;
  }
  if (epoch < block_begin_) return !acquired(moment, lanes);
  if (epoch != epoch_ || other == thread) return false;
  const int warp = thread / 32, other_warp = other < kManyLanes ? other / 32 : other - kManyLanes;
  if (warp != other_warp) return true;  // or several warps
  const uint8_t* const seen = warps_[static_cast<size_t>(warp)].seen[thread % 32];
  if (other < kManyLanes) return seen[other % 32] < clock_of(moment);
  for (int lane = 0; lane < 32; ++lane) {
    if ((lanes >> lane & 1) && lane != thread % 32 && seen[lane] < clock_of(moment)) return true;
  }
  return false;
}

void Timeline::record_read(uint64_t begin, Cell& cell, int thread) {
  const uint64_t now = moment(thread, false);
  const uint64_t epoch = epoch_of(cell.read);
  const int other = thread_of(cell.read);
  if (epoch < begin || (epoch != epoch_ && epoch >= block_begin_ && other != kManyBlocks)) {
    cell.read = now;
    return;
  }
  if (epoch < block_begin_ || other == kManyBlocks) {
    cell.read = pack(epoch_, kManyBlocks, 0, false);
  } else if (other < kManyLanes) {
    if (other == thread) {
      cell.read = now;
    } else if (other / 32 == thread / 32) {
      cell.read_lanes = 1u << (other % 32) | 1u << (thread % 32);
      cell.read = pack(epoch_, kManyLanes + thread / 32, std::max(clock_of(cell.read), clock_of(now)), false);
    } else {
      cell.read = pack(epoch_, kManyWarps, 0, false);
    }
  } else if (other == kManyLanes + thread / 32) {
    cell.read_lanes |= 1u << (thread % 32);
    cell.read = pack(epoch_, other, std::max(clock_of(cell.read), clock_of(now)), false);
  } else {
    cell.read = pack(epoch_, kManyWarps, 0, false);
  }
}

std::optional<std::string> Timeline::access(Memory memory, Cell& cell, Access kind, int thread) {
  const uint64_t begin = memory == Memory::kGlobal ? launch_begin_ : block_begin_;
  const auto conflict = [&](uint64_t moment, const char* did) {
    const int other = thread_of(moment);
    const std::string who = epoch_of(moment) < block_begin_ || other == kManyBlocks ? "another block"
                            : other < kManyLanes ? "thread " + std::to_string(other) + " of the block"
                                                 : "other threads of the block";
    return "races: " + who + " " + did + " it, and nothing orders the two";
  };
  if (!(kind == Access::kAtomic && is_atomic(cell.write)) && concurrent(begin, cell.write, 0, thread))
    return conflict(cell.write, is_atomic(cell.write) ? "atomically changed" : "wrote");
  if (kind == Access::kRead) {
    record_read(begin, cell, thread);
    return std::nullopt;
  }
  if (concurrent(begin, cell.read, cell.read_lanes, thread)) return conflict(cell.read, "read");
  cell.write = moment(thread, kind == Access::kAtomic);
  return std::nullopt;
}

}  // namespace inpaint::executor
