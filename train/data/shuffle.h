// Random orders that can be computed again: a function of the random numbers' key and a round,
// nothing stored.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "core/base/philox.h"

namespace inpaint {

// Fisher and Yates's shuffle in place: all orders equally likely. Position i draws random.below(i + 1, i,
// round). At most 2^32 items.
void shuffle(std::span<int64_t> items, const Philox& random, uint32_t round);

// The order of an epoch: a permutation of 0 .. count - 1, from the stream kShuffle.
std::vector<int64_t> shuffled_order(uint64_t seed, int64_t epoch, int64_t count);

// The same into memory that is there already; its size is the count.
void shuffled_order(uint64_t seed, int64_t epoch, std::span<int64_t> order);

}  // namespace inpaint
