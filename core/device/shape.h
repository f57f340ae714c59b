// The extents of a tensor, outermost first: NHWC for images, [out, in] for linear weights. Row-major.
#pragma once

#include <array>
#include <cstdint>
#include <initializer_list>
#include <string>

namespace inpaint {

class Shape {
 public:
  static constexpr int kMaxRank = 4;

  Shape() = default;  // rank 0: one value
  Shape(std::initializer_list<int64_t> dims);

  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dims_[static_cast<size_t>(axis)]; }
  int64_t back() const { return dims_[static_cast<size_t>(rank_ - 1)]; }
  int64_t elements() const;  // product of the extents; 1 for rank 0
  int64_t rows() const;      // elements() / back(): the values per channel
  friend bool operator==(const Shape&, const Shape&) = default;

 private:
  std::array<int64_t, kMaxRank> dims_{};  // zero beyond rank_, so that == compares values
  int rank_ = 0;
};

std::string to_string(const Shape& shape);  // "[2, 64, 64, 3]"

}  // namespace inpaint
