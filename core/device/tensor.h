// A tensor is a view: shape, element type, device and pointer. It owns nothing; a Buffer or an Arena does
// and must outlive it. Contiguous, row-major.
#pragma once

#include <cstddef>
#include <cstdint>

#include "core/base/error.h"
#include "core/device/bf16.h"
#include "core/device/shape.h"

namespace inpaint {

enum class Device { kCpu, kCuda };
enum class DType { kU8, kI32, kBF16, kF32, kF64 };

int64_t size_of(DType dtype);  // bytes per element
const char* to_string(DType dtype);

// The type of parameters, their gradients and a channel's statistics beside activations of this type: bf16
// is for what travels between layers only.
inline DType parameter_dtype(DType activation) {
  return activation == DType::kBF16 ? DType::kF32 : activation;
}

template <typename T>
inline constexpr DType kDTypeOf = [] {
  static_assert(sizeof(T) == 0, "no DType for this type");
  return DType::kF32;
}();
template <>
inline constexpr DType kDTypeOf<uint8_t> = DType::kU8;
template <>
inline constexpr DType kDTypeOf<int32_t> = DType::kI32;
template <>
inline constexpr DType kDTypeOf<bf16> = DType::kBF16;
template <>
inline constexpr DType kDTypeOf<float> = DType::kF32;
template <>
inline constexpr DType kDTypeOf<double> = DType::kF64;

struct Tensor {
  Shape shape;
  DType dtype = DType::kF32;
  Device device = Device::kCpu;
  void* data = nullptr;

  int64_t elements() const { return shape.elements(); }
  int64_t bytes() const { return elements() * size_of(dtype); }

  // The data as T; throws ShapeError when the tensor holds another type.
  template <typename T>
  T* as() const {
    if (dtype != kDTypeOf<T>) throw_wrong_dtype(kDTypeOf<T>);
    return static_cast<T*>(data);
  }

  // The same values under another shape of as many elements.
  Tensor reshaped(const Shape& other) const;
  // `count` values of a tensor of rank 1, from `begin` on.
  Tensor slice(int64_t begin, int64_t count) const;

 private:
  [[noreturn]] void throw_wrong_dtype(DType wanted) const;
};

// Throws ShapeError naming `what` unless the tensor has this shape (and type).
void expect_shape(const char* what, const Tensor& tensor, const Shape& shape);
void expect_shape(const char* what, const Tensor& tensor, const Shape& shape, DType dtype);

// Calls f with a value of the tensor's type (float or double); the kernels are templates over it.
template <typename F>
void visit_real(DType dtype, F&& f) {
  switch (dtype) {
    case DType::kF32:
      return f(float{});
    case DType::kF64:
      return f(double{});
    default:
      throw ShapeError(fmt::format("expected a real type, got {}", to_string(dtype)));
  }
}

// The same for activations: bf16, float or double.
template <typename F>
void visit_activation_type(DType dtype, F&& f) {
  if (dtype == DType::kBF16) return f(bf16{});
  visit_real(dtype, f);
}

}  // namespace inpaint
