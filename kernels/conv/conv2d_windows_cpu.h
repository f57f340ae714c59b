// The windows of conv2d's output pixels as rows of a matrix, for the shapes whose few channels would leave a
// vector register half empty. For the register tiles of this folder only.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/conv/conv2d.h"

namespace inpaint::cpu {

// The window of output pixel (i, j) of one picture, [4, 4, ci]; outside the picture 0.
template <typename T, int64_t kChannels>
void copy_window(const Conv2dShape& s, const T* picture, int64_t i, int64_t j, T* to) {
  constexpr int64_t kKernel = kHalving.kernel, kStride = kHalving.stride, kPad = kHalving.pad;
  const int64_t ci = kChannels > 0 ? kChannels : s.ci, run = kKernel * ci;
  const int64_t left = kStride * j - kPad;
  const bool whole = left >= 0 && left + kKernel <= s.w;
  for (int64_t ky = 0; ky < kKernel; ++ky, to += run) {
    const int64_t y = kStride * i + ky - kPad;
    const T* from = picture + (y * s.w + left) * ci;
    if (whole && y >= 0 && y < s.h) {
      std::memcpy(to, from, static_cast<size_t>(run) * sizeof(T));
    } else {
      std::fill_n(to, run, T{});
      if (y >= 0 && y < s.h)
        std::copy(from + (left < 0 ? ci : 0), from + (left + kKernel > s.w ? run - ci : run),
                  to + (left < 0 ? ci : 0));
    }
  }
}

template <typename T, int64_t kChannels>
void copy_windows(const Conv2dShape& s, int64_t begin, int64_t end, const T* x, T* col) {
  constexpr int64_t kStride = kHalving.stride;
  const int64_t gh = s.h / kStride, gw = s.w / kStride, window = s.weight().elements() / s.co;
  int64_t j = begin % gw, i = begin / gw % gh;
  const T* picture = x + begin / gw / gh * s.h * s.w * s.ci;
  for (int64_t m = begin; m < end; ++m, col += window) {
    copy_window<T, kChannels>(s, picture, i, j, col);
    if (++j < gw) continue;
    j = 0;
    if (++i < gh) continue;
    i = 0;
    picture += s.h * s.w * s.ci;
  }
}

// The windows of output pixels [begin, end), [pixels, 4 x 4 x ci].
template <typename T>
void copy_windows(const Conv2dShape& s, int64_t begin, int64_t end, const T* x, T* col) {
  switch (s.ci) {  // runs of a length the compiler knows
    case 1:
      return copy_windows<T, 1>(s, begin, end, x, col);
    case 3:
      return copy_windows<T, 3>(s, begin, end, x, col);
    default:
      return copy_windows<T, 0>(s, begin, end, x, col);
  }
}

}  // namespace inpaint::cpu
