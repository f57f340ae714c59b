#include "train/data/augmentation.h"

#include <algorithm>

#include "core/base/philox.h"

namespace inpaint {

bool is_flipped(uint64_t seed, int64_t epoch, int64_t picture) {
  const Philox random(seed, RandomStream::kFlips);
  return random.below(2, static_cast<uint64_t>(picture), static_cast<uint32_t>(epoch)) == 1;
}

Square random_square(uint64_t seed, int64_t epoch, int64_t picture, int64_t height, int64_t width,
                     int64_t size) {
  return draw_square(height, width, size, [&](int64_t bound, uint32_t draw) {
    const Philox random(seed, RandomStream::kRandomCrops, draw);
    return int64_t{random.below(static_cast<uint32_t>(bound), static_cast<uint64_t>(picture),
                                static_cast<uint32_t>(epoch))};
  });
}

void mirror(uint8_t* pixels, int64_t size, int channels) {
  for (int64_t row = 0; row < size; ++row) {
    uint8_t* left = pixels + row * size * channels;
    uint8_t* right = left + (size - 1) * channels;
    for (; left < right; left += channels, right -= channels) std::swap_ranges(left, left + channels, right);
  }
}

}  // namespace inpaint
