// Notes which way each kernel thread takes from one basic block to the next, for tests/device_coverage/. Nothing
// is noted unless INPAINT_DEVICE_COVERAGE names a folder in the environment. When the process exits, a new file
// there gets the path of this program or shared library, a line break, and pairs of uint32: the offsets of both
// blocks in the program's memory. A block is where it calls the hook (traffic.h); 0: the thread begins.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace inpaint::executor {

struct Way {
  const void *from, *to;
  bool operator==(const Way&) const = default;
};

extern const bool ways_are_noted;
extern std::array<Way, 4096> recent_ways;  // noted before, each at its hash

void note_new_way(size_t hash, Way way);

inline void note_way(Way way) {
  const auto from = reinterpret_cast<uintptr_t>(way.from), to = reinterpret_cast<uintptr_t>(way.to);
  const size_t hash = (from * 5 + to) % recent_ways.size();
  if (recent_ways[hash] != way) note_new_way(hash, way);
}

}  // namespace inpaint::executor
