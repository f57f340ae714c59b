#include "core/device/shape.h"

#include "core/base/error.h"

namespace inpaint {

Shape::Shape(std::initializer_list<int64_t> dims) {
  INPAINT_CHECK(dims.size() <= kMaxRank, "rank {} is above {}", dims.size(), kMaxRank);
  for (const int64_t extent : dims) {
    INPAINT_CHECK(extent >= 0, "negative extent {}", extent);
    dims_[static_cast<size_t>(rank_++)] = extent;
  }
}

int64_t Shape::elements() const {
  int64_t product = 1;
  for (int axis = 0; axis < rank_; ++axis) product *= dims_[static_cast<size_t>(axis)];
  return product;
}

int64_t Shape::rows() const {
  int64_t product = 1;
  for (int axis = 0; axis + 1 < rank_; ++axis) product *= dims_[static_cast<size_t>(axis)];
  return product;
}

std::string to_string(const Shape& shape) {
  std::string text = "[";
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(shape[axis]);
  }
  return text + "]";
}

}  // namespace inpaint
