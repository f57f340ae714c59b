// A batch of pictures with a mask, for tests of fills: what is missing is NaN.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <vector>

#include "core/device/tensor.h"

namespace inpaint {

template <typename T>
struct MaskCase {
  // is_missing(n, row, column) and value(n, row, column, channel) say what each pixel is.
  template <typename F>
  MaskCase(const Shape& pictures_shape, const std::function<bool(int64_t, int64_t, int64_t)>& is_missing,
           F&& value)
      : shape(pictures_shape), pictures(static_cast<size_t>(shape.elements())) {
    for (int64_t n = 0; n < shape[0]; ++n)
      for (int64_t i = 0; i < shape[1]; ++i)
        for (int64_t j = 0; j < shape[2]; ++j) {
          mask.push_back(is_missing(n, i, j) ? 1 : 0);
          for (int64_t c = 0; c < shape[3]; ++c)
            pictures[index(n, i, j, c)] =
                mask.back() != 0 ? std::numeric_limits<T>::quiet_NaN() : static_cast<T>(value(n, i, j, c));
        }
  }

  size_t index(int64_t n, int64_t i, int64_t j, int64_t c) const {
    return static_cast<size_t>(((n * shape[1] + i) * shape[2] + j) * shape[3] + c);
  }
  bool missing(int64_t n, int64_t i, int64_t j) const {
    return mask[static_cast<size_t>((n * shape[1] + i) * shape[2] + j)] != 0;
  }
  Tensor mask_tensor() { return {{shape[0], shape[1], shape[2]}, DType::kU8, Device::kCpu, mask.data()}; }
  Tensor pictures_tensor() { return {shape, kDTypeOf<T>, Device::kCpu, pictures.data()}; }

  Shape shape;
  std::vector<uint8_t> mask;
  std::vector<T> pictures;
};

}  // namespace inpaint
