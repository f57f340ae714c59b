// Walks over a mask in runs of missing and of known pixels, for the CPU kernels: their loops over values then
// hold no branch over the mask, and skip what is known.
#pragma once

#include <algorithm>
#include <cstdint>

namespace inpaint::cpu {

// Calls f(missing, from, to) for the runs of pixels from `begin` to `end`, in order. 0 in the mask is known,
// every other byte is missing.
template <typename F>
void for_each_run(const uint8_t* mask, int64_t begin, int64_t end, F&& f) {
  for (int64_t from = begin, to; from < end; from = to) {
    const bool missing = mask[from] != 0;
    to = std::find_if(mask + from, mask + end, [=](uint8_t m) { return (m != 0) != missing; }) - mask;
    f(missing, from, to);
  }
}

}  // namespace inpaint::cpu
