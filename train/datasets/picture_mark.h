// A short mark of a picture, by which equal pictures and those that look alike are found without the pixels.
#pragma once

#include <array>
#include <cstdint>

#include "core/image/image.h"

namespace inpaint {

struct PictureMark {
  static constexpr int64_t kSide = 16;

  uint64_t pixels = 0;  // of size, channels and bytes: equal for equal pictures only, but for chance
  // Signs of the 64 lowest frequencies, but the mean, of the picture scaled to 32 x 32 grey pixels, against
  // their median (a perceptual hash, "pHash"; C. Zauner, Implementation and Benchmarking of Perceptual Image
  // Hash Functions, 2010). It stays nearly the same when a picture is scaled, compressed, brightened.
  uint64_t look = 0;
  // The picture scaled to kSide x kSide, grey, mean 0, of length 1, times 1024.
  std::array<int16_t, kSide* kSide> thumbnail = {};
  bool is_plain = false;  // of one colour or nearly so: its look is chance
};

// The mark of a whole picture, upright.
PictureMark mark_of(const Image& picture);

// In how many of their 64 signs two pictures differ.
int look_distance(const PictureMark& a, const PictureMark& b);

// The correlation of the thumbnails, from -1 to 1.
double likeness(const PictureMark& a, const PictureMark& b);

}  // namespace inpaint
