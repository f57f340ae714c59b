// The windows of conv2d's output pixels as rows of a matrix, for the shapes whose few channels would leave a
// vector register half empty. For the register tiles of this folder only.
#pragma once

#include <algorithm>
#include <cstring>

#include "kernels/conv/conv2d.h"

namespace inpaint::cpu {

// The window of output pixel (i, j) of one picture, [k, k, ci]; outside the picture 0. kRun: the values of a
// row of the window, where the compiler is to know them.
template <typename T, int64_t kRun>
void copy_window(const Conv2dShape& s, const T* picture, int64_t i, int64_t j, T* to) {
  const Conv2dWindow& w = s.window;
  // Dilated, a row is copied pixel by pixel.
  const int64_t pixels = w.dilation == 1 ? w.kernel : 1, run = kRun > 0 ? kRun : pixels * s.ci;
  for (int64_t ky = 0; ky < w.kernel; ++ky)
    for (int64_t kx = 0; kx < w.kernel; kx += pixels, to += run) {
      const int64_t y = w.stride * i + w.dilation * ky - w.pad, left = w.stride * j + w.dilation * kx - w.pad;
      const T* from = picture + (y * s.w + left) * s.ci;
      const bool inside = y >= 0 && y < s.h;
      if (inside && left >= 0 && left + pixels <= s.w) {
        std::memcpy(to, from, static_cast<size_t>(run) * sizeof(T));
      } else {
        const int64_t begin = std::clamp<int64_t>(-left, 0, pixels),
                      end = std::clamp(s.w - left, begin, pixels);
        std::fill_n(to, run, T{});
        if (inside) std::copy(from + begin * s.ci, from + end * s.ci, to + begin * s.ci);
      }
    }
}

template <typename T, int64_t kRun>
void copy_windows(const Conv2dShape& s, int64_t begin, int64_t end, const T* x, T* rows, int64_t stride) {
  const int64_t gh = s.ho(), gw = s.wo();
  int64_t j = begin % gw, i = begin / gw % gh;
  const T* picture = x + begin / gw / gh * s.h * s.w * s.ci;
  for (int64_t m = begin; m < end; ++m, rows += stride) {
    copy_window<T, kRun>(s, picture, i, j, rows);
    if (++j < gw) continue;
    j = 0;
    if (++i < gh) continue;
    i = 0;
    picture += s.h * s.w * s.ci;
  }
}

// The windows of output pixels [begin, end), [k, k, ci] each, as rows `stride` values apart.
template <typename T>
void copy_windows(const Conv2dShape& s, int64_t begin, int64_t end, const T* x, T* rows, int64_t stride) {
  switch (s.window.dilation == 1 ? s.window.kernel * s.ci : 0) {
    case 4:
      return copy_windows<T, 4>(s, begin, end, x, rows, stride);
    case 9:
      return copy_windows<T, 9>(s, begin, end, x, rows, stride);
    case 12:
      return copy_windows<T, 12>(s, begin, end, x, rows, stride);
    default:
      return copy_windows<T, 0>(s, begin, end, x, rows, stride);
  }
}

}  // namespace inpaint::cpu
