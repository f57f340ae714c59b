// A tensor under test: NaN where nothing was written, guard bytes before and after, and a start that is
// aligned to its element type only, or on request to 64 bytes.
//
// One for a GPU has its bytes there too, guards included: they go up when an op takes the tensor, and come
// back when the test next looks at it.
#pragma once

#include <algorithm>
#include <cstring>
#include <vector>

#include "core/base/philox.h"
#include "core/device/buffer.h"
#include "tests/harness/host_device_copy.h"

namespace inpaint::test {

// Where a tensor under test lies.
struct Placement {
  DType dtype;
  Device device = Device::kCpu;
  bool aligned = false;

  Placement(DType type, Device place = Device::kCpu, bool is_aligned = false)  // NOLINT: takes a type's place
      : dtype(type), device(place), aligned(is_aligned) {}
};

class GuardedTensor {
 public:
  GuardedTensor(const Shape& shape, const Placement& placement)
      : offset_(kGuard + (placement.aligned ? 0 : size_of(placement.dtype))),
        buffer_(2 * kGuard + size_of(placement.dtype) * (shape.elements() + 1)),
        tensor_(buffer_.tensor(shape, placement.dtype, offset_)) {
    std::memset(buffer_.data(), kGuardByte, static_cast<size_t>(buffer_.bytes()));
    std::memset(tensor_.data, 0xFF, static_cast<size_t>(tensor_.bytes()));  // NaN; -1 in an i32
    if (placement.device == Device::kCpu) return;
    on_device_ = Buffer(buffer_.bytes(), placement.device);
    device_tensor_ = on_device_.tensor(shape, placement.dtype, offset_);
    there_ = false;
  }

  // f(i) gives element i, which is rounded to the type.
  template <typename F>
  GuardedTensor(const Shape& shape, const Placement& placement, F&& f) : GuardedTensor(shape, placement) {
    for (int64_t i = 0; i < elements(); ++i) set(i, f(i));
  }

  operator const Tensor&() const { return *pointer(); }  // NOLINT: takes a tensor's place in a call
  const Tensor* pointer() const {
    if (on_device_.data() == nullptr) return &tensor_;
    if (!there_) copy_between_host_and_device(buffer_.data(), on_device_.data(), buffer_.bytes(), true);
    there_ = true;
    return &device_tensor_;
  }
  int64_t elements() const { return tensor_.elements(); }
  DType dtype() const { return tensor_.dtype; }

  double operator[](int64_t i) const {
    bring_back();
    switch (tensor_.dtype) {
      case DType::kU8:
        return tensor_.as<uint8_t>()[i];
      case DType::kI32:
        return tensor_.as<int32_t>()[i];
      case DType::kBF16:
        return static_cast<double>(static_cast<float>(tensor_.as<bf16>()[i]));
      case DType::kF32:
        return static_cast<double>(tensor_.as<float>()[i]);
      case DType::kF64:
        return tensor_.as<double>()[i];
    }
    throw Error("unknown DType");
  }

  void set(int64_t i, double value) {
    bring_back();
    switch (tensor_.dtype) {
      case DType::kU8:
        tensor_.as<uint8_t>()[i] = static_cast<uint8_t>(value);
        return;
      case DType::kI32:
        tensor_.as<int32_t>()[i] = static_cast<int32_t>(value);
        return;
      case DType::kBF16:
        tensor_.as<bf16>()[i] = bf16(value);
        return;
      case DType::kF32:
        tensor_.as<float>()[i] = static_cast<float>(value);
        return;
      case DType::kF64:
        tensor_.as<double>()[i] = value;
        return;
    }
  }

  // The elements as numbers a reference runs over.
  template <typename R = double>
  std::vector<R> values() const {
    std::vector<R> result;
    for (int64_t i = 0; i < elements(); ++i) result.push_back(R((*this)[i]));
    return result;
  }

  bool same_bits(const GuardedTensor& other) const {
    bring_back();
    other.bring_back();
    return std::memcmp(tensor_.data, other.tensor_.data, static_cast<size_t>(tensor_.bytes())) == 0;
  }

  bool guards_intact() const {
    bring_back();
    const auto* bytes = static_cast<const unsigned char*>(buffer_.data());
    const auto* data = static_cast<const unsigned char*>(tensor_.data);
    const auto is_guard = [](unsigned char byte) { return byte == kGuardByte; };
    return std::all_of(bytes, data, is_guard) &&
           std::all_of(data + tensor_.bytes(), bytes + buffer_.bytes(), is_guard);
  }

 private:
  static constexpr int64_t kGuard = 64;
  static constexpr unsigned char kGuardByte = 0xC3;

  void bring_back() const {
    if (on_device_.data() == nullptr || !there_) return;
    copy_between_host_and_device(buffer_.data(), on_device_.data(), buffer_.bytes(), false);
    there_ = false;
  }

  int64_t offset_;
  Buffer buffer_, on_device_;
  Tensor tensor_, device_tensor_;
  mutable bool there_ = false;  // the device's bytes count, not the host's
};

// Normal numbers. `part` tells the tensors of one case apart.
inline GuardedTensor random_tensor(const Shape& shape, const Placement& placement, uint64_t seed,
                                   uint32_t part, double mean = 0, double deviation = 1) {
  const Philox random(seed, RandomStream::kProceduralPictures, part);
  return {shape, placement,
          [&](int64_t i) { return mean + deviation * random.normal(static_cast<uint64_t>(i)); }};
}

// Integers in [-bound, bound]: sums of their products are exact in every type as long as they stay
// below 2^24.
inline GuardedTensor integer_tensor(const Shape& shape, const Placement& placement, uint64_t seed,
                                    uint32_t part, int32_t bound = 3) {
  const Philox random(seed, RandomStream::kProceduralPictures, part);
  return {shape, placement, [&](int64_t i) {
            const uint32_t drawn =
                random.below(2 * static_cast<uint32_t>(bound) + 1, static_cast<uint64_t>(i));
            return static_cast<double>(static_cast<int32_t>(drawn) - bound);
          }};
}

}  // namespace inpaint::test
