// A batch of pictures with a hole in each, for tests of fills: what stands in the holes is NaN, and so is
// what the fill has to overwrite.
#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <utility>
#include <vector>

#include "core/device/tensor.h"

namespace inpaint {

template <typename T>
struct HoleCase {
  static constexpr T kNaN = std::numeric_limits<T>::quiet_NaN();
  static constexpr T kGuard = T{12345};

  // value(n, row, column, channel) gives the pixels.
  template <typename F>
  HoleCase(const Shape& pictures, int64_t hole_size, std::vector<int32_t> hole_offsets, F&& value)
      : shape(pictures),
        hole(hole_size),
        offsets(std::move(hole_offsets)),
        masked(static_cast<size_t>(pictures.elements())),
        fake(static_cast<size_t>(pictures[0] * hole_size * hole_size * pictures[3]) + 1, kNaN) {
    fake.back() = kGuard;
    for (int64_t n = 0; n < shape[0]; ++n)
      for (int64_t i = 0; i < shape[1]; ++i)
        for (int64_t j = 0; j < shape[2]; ++j)
          for (int64_t c = 0; c < shape[3]; ++c)
            masked[index(n, i, j, c)] = in_hole(n, i, j) ? kNaN : static_cast<T>(value(n, i, j, c));
  }

  size_t index(int64_t n, int64_t i, int64_t j, int64_t c) const {
    return static_cast<size_t>(((n * shape[1] + i) * shape[2] + j) * shape[3] + c);
  }
  int64_t row(int64_t n) const { return offsets[static_cast<size_t>(2 * n)]; }
  int64_t column(int64_t n) const { return offsets[static_cast<size_t>(2 * n + 1)]; }
  bool in_hole(int64_t n, int64_t i, int64_t j) const {
    return i >= row(n) && i < row(n) + hole && j >= column(n) && j < column(n) + hole;
  }
  T painted(int64_t n, int64_t i, int64_t j, int64_t c) const {
    return fake[static_cast<size_t>(((n * hole + i) * hole + j) * shape[3] + c)];
  }

  Tensor masked_tensor() { return {shape, kDTypeOf<T>, Device::kCpu, masked.data()}; }
  Tensor offsets_tensor() { return {{shape[0], 2}, DType::kI32, Device::kCpu, offsets.data()}; }
  Tensor fake_tensor() { return {{shape[0], hole, hole, shape[3]}, kDTypeOf<T>, Device::kCpu, fake.data()}; }

  Shape shape;
  int64_t hole;
  std::vector<int32_t> offsets;
  std::vector<T> masked, fake;
};

}  // namespace inpaint
