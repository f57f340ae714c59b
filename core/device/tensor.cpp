#include "core/device/tensor.h"

namespace inpaint {

int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return 1;
    case DType::kBF16:
      return 2;
    case DType::kI32:
    case DType::kF32:
      return 4;
    case DType::kF64:
      return 8;
  }
  throw Error("unknown DType");
}

const char* to_string(DType dtype) {
  switch (dtype) {
    case DType::kU8:
      return "u8";
    case DType::kI32:
      return "i32";
    case DType::kBF16:
      return "bf16";
    case DType::kF32:
      return "f32";
    case DType::kF64:
      return "f64";
  }
  throw Error("unknown DType");
}

Tensor Tensor::reshaped(const Shape& other) const {
  if (other.elements() != elements())
    throw ShapeError(fmt::format("cannot view {} as {}", to_string(shape), to_string(other)));
  Tensor view = *this;
  view.shape = other;
  return view;
}

Tensor Tensor::slice(int64_t begin, int64_t count) const {
  if (shape.rank() != 1 || begin < 0 || count < 0 || begin + count > shape[0])
    throw ShapeError(fmt::format("{} holds no {} values from {} on", to_string(shape), count, begin));
  Tensor view = *this;
  view.shape = {count};
  view.data = static_cast<std::byte*>(data) + begin * size_of(dtype);
  return view;
}

void Tensor::throw_wrong_dtype(DType wanted) const {
  throw ShapeError(
      fmt::format("tensor {} holds {}, not {}", to_string(shape), to_string(dtype), to_string(wanted)));
}

void expect_shape(const char* what, const Tensor& tensor, const Shape& shape) {
  if (tensor.shape != shape)
    throw ShapeError(fmt::format("{}: expected {}, got {}", what, to_string(shape), to_string(tensor.shape)));
}

void expect_shape(const char* what, const Tensor& tensor, const Shape& shape, DType dtype) {
  expect_shape(what, tensor, shape);
  if (tensor.dtype != dtype)
    throw ShapeError(fmt::format("{}: expected {}, got {}", what, to_string(dtype), to_string(tensor.dtype)));
}

}  // namespace inpaint
