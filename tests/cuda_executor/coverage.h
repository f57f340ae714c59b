// Notes which way each kernel thread takes from one basic block to the next, for tests/device_coverage/.
// Nothing is noted unless INPAINT_DEVICE_COVERAGE names a folder in the environment. When the process exits,
// a new file there gets the path of this program or shared library, a line break, and pairs of uint32: the
// offsets of both blocks in the program's memory. A block is where it calls the hook (traffic.h); 0: the
// thread begins.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace inpaint::executor {

extern const bool ways_are_noted;
extern std::array<uint64_t, 2048> recent_ways;  // noted before, each at its hash

// A way is the lower halves of both addresses.
void note_new_way(uint64_t& place, uint64_t way);

inline void note_way(const void* from, const void* to) {
  const uint64_t way =
      static_cast<uint32_t>(reinterpret_cast<uintptr_t>(from)) | reinterpret_cast<uintptr_t>(to) << 32;
  uint64_t& place = recent_ways[(way * 0x9e3779b97f4a7c15) >> (64 - std::bit_width(recent_ways.size() - 1))];
  if (place != way) note_new_way(place, way);
}

}  // namespace inpaint::executor
