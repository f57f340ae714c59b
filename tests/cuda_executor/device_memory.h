// The memory of the device: a range of addresses of its own, closed to the host (a host access ends the
// program) while no work of a stream runs. Every allocation is followed by a red zone, its bytes begin as
// 0xff (NaN as float or bfloat16), and an address is used again as late as possible, so that stale
// pointers show.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/cuda_executor/races.h"

namespace inpaint::executor {

struct Allocation {
  std::byte* begin;
  size_t bytes;
  int device;
  int64_t number;             // counts the allocations of this process, from 1
  std::vector<bool> written;  // by byte, while not all_written and once some are
  bool all_written;
  std::unique_ptr<Shadow> shadow;  // made when a kernel first uses it, unless the allocation is too large

  std::byte* end() const { return begin + bytes; }
  void mark_written(size_t offset, size_t count);
  bool is_written(size_t offset, size_t count) const;
  bool is_untouched() const { return !all_written && written.empty(); }  // no byte of it was written
};

class DeviceMemory {
 public:
  DeviceMemory();

  static constexpr size_t kReservedBytes = size_t{64} << 30;  // of addresses
  bool contains(const void* pointer) const {
    return static_cast<size_t>(static_cast<const std::byte*>(pointer) - base_) < kReservedBytes;
  }

  void* allocate(size_t bytes, int device);  // aligned to 256 bytes; null when the device is full
  bool release(void* pointer);               // false when no allocation begins there

  Allocation* find(const void* pointer);                // the one that holds this byte, or null
  Allocation* find(const void* pointer, size_t bytes);  // and all of these bytes
  std::string describe(const void* pointer) const;      // where it points to, for messages

  void set_capacity(size_t bytes) { capacity_ = bytes; }
  size_t capacity() const { return capacity_; }
  size_t used(int device) const;  // of one device
  size_t used() const;            // of all
  const auto& allocations() const { return allocations_; }

  // While one of these lives, the host may use the memory.
  class Access {
   public:
    explicit Access(DeviceMemory& memory) : memory_(memory) { memory_.open(); }
    ~Access() { memory_.close(); }
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;

   private:
    DeviceMemory& memory_;
  };

 private:
  void open();
  void close();
  void open_from(std::byte* first);
  void protect(bool accessible);
  std::byte* place(size_t bytes);

  std::byte* base_;
  std::byte* next_;                    // where the search for room begins
  std::byte* used_end_;                // no allocation has been behind it
  std::byte* opened_;                  // from here to there the memory is open, or was the last time
  size_t capacity_ = size_t{4} << 30;  // of each device
  std::map<int, size_t> used_;         // by device
  int64_t count_ = 0;
  int open_ = 0;
  std::map<const std::byte*, Allocation> allocations_;  // by begin
  struct Freed {
    size_t bytes;
    int64_t number;
  };
  std::map<const std::byte*, Freed> freed_;  // for messages
};

DeviceMemory& device_memory();

}  // namespace inpaint::executor
