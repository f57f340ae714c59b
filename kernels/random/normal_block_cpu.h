// Normal numbers many at a time, in vector registers, each with a bound on how far it is from Philox::normal
// of the same index. Where a float does not depend on what lies within the bound, it is the float of
// Philox::normal itself, to the bit; elsewhere (about once in 30,000 numbers) the caller asks Philox::normal.
#pragma once

#include "core/base/philox.h"

namespace inpaint::cpu {

struct NormalBlock {
  static constexpr int64_t kSize = 256;
  double value[kSize];
  double bound[kSize];  // |value - normal(first + k)| is less
};

// value[k] is near the number that Philox::normal makes of b0[k] and b1[k], the first two of its random bits.
void normals_of(const uint32_t (&b0)[NormalBlock::kSize], const uint32_t (&b1)[NormalBlock::kSize],
                NormalBlock& block);

// value[k] is near random.normal(first + k).
void normal_block(const Philox& random, uint64_t first, NormalBlock& block);

}  // namespace inpaint::cpu
