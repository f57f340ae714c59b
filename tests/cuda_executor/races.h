// Which accesses of one launch to the same byte nothing orders: a race, when one of them writes.
//
// Within a block, __syncthreads orders all threads and __syncwarp those of its mask; between blocks, nothing
// but a fence and an atomic on one side, met by an atomic on the same address on the other. That hands over
// what the thread itself did, and what others of its block did before they met it. Time is a count of epochs:
// a new one begins with every block and with every barrier.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

namespace inpaint::executor {

enum class Access { kRead, kWrite, kAtomic };

// The last write and the last reads of some bytes; the moments are packed by races.cpp. All zero: never used.
struct Cell {
  uint64_t write = 0;
  uint64_t read = 0;
  uint32_t read_lanes = 0;  // where several lanes of one warp have read: which
};

// The cells of a range of memory. A cell stands for 4 bytes until something smaller is accessed.
class Shadow {
 public:
  explicit Shadow(size_t bytes);
  ~Shadow();
  Shadow(const Shadow&) = delete;
  Shadow& operator=(const Shadow&) = delete;

  // The cells of [offset, offset + bytes).
  std::span<Cell> cells(size_t offset, size_t bytes) {
    if ((offset | bytes) & (granule_ - 1)) refine(offset | bytes);
    return {cells_ + offset / granule_, bytes / granule_};
  }

 private:
  void refine(size_t alignment);

  size_t bytes_;
  size_t granule_ = 4;
  Cell* cells_;
};

// The history of the launch that runs.
class Timeline {
 public:
  void begin_launch();
  void begin_block(int threads);
  void barrier();  // of all threads of the block
  void sync_warp(int warp, uint32_t mask);
  void fence(int thread) { fenced_[static_cast<size_t>(thread)] = any_fence_ = true; }
  void atomic(int thread, const void* address);  // after access(), if it went well

  // Records the access, or says with what it races. What other blocks did to shared memory is of no concern.
  enum class Memory { kGlobal, kShared };
  std::optional<std::string> access(Memory memory, Cell& cell, Access kind, int thread);
  bool written_by_block(const Cell& cell) const;  // since the block began

 private:
  // What is known of a block: all before an epoch, and in it what some of its threads had met. 0: nothing.
  struct Met {
    int thread;
    uint8_t seen[32];
  };
  struct Known {
    uint64_t epoch = 0;
    std::vector<Met> in_epoch;

    void add(const Known& other);
  };
  using KnownBlocks = std::vector<Known>;  // in the order in which the blocks run
  struct Warp {
    uint8_t clock[32];     // counts the lane's __syncwarp since the epoch began, from 1
    uint8_t seen[32][32];  // [a][b]: the clock of b that a has met
  };
  uint64_t moment(int thread, bool atomic) const;
  bool concurrent(uint64_t begin, uint64_t moment, uint32_t lanes, int thread) const;
  size_t block_of(uint64_t epoch) const;
  bool acquired(uint64_t moment, uint32_t lanes) const;
  void record_read(uint64_t begin, Cell& cell, int thread);

  uint64_t epoch_ = 0, block_begin_ = 0, launch_begin_ = 0;
  std::vector<Warp> warps_;
  std::vector<bool> fenced_;
  bool any_fence_ = false;
  std::vector<uint64_t> block_begins_;
  KnownBlocks acquired_;
  std::unordered_map<const void*, KnownBlocks> released_;
};

}  // namespace inpaint::executor
