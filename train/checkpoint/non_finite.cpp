#include "train/checkpoint/non_finite.h"

#include <algorithm>
#include <bit>

namespace inpaint {
namespace {

template <typename Bits, typename T>
std::optional<NonFinite> first_in(const NamedTensor& named) {
  // All exponent bits set: an infinity or not a number.
  constexpr Bits kExponent = sizeof(T) == 4 ? Bits{0x7f800000} : static_cast<Bits>(uint64_t{0x7ff} << 52);
  const T* values = named.tensor.as<T>();
  const int64_t count = named.tensor.elements();
  constexpr int64_t kBlock = 4096;
  for (int64_t begin = 0; begin < count; begin += kBlock) {
    const int64_t end = std::min(begin + kBlock, count);
    bool bad = false;  // no branch inside, so that the compiler can take many values at once
    for (int64_t i = begin; i < end; ++i) bad |= (std::bit_cast<Bits>(values[i]) & kExponent) == kExponent;
    if (!bad) continue;
    const T* first = std::find_if(values + begin, values + end, [](T value) {
      return (std::bit_cast<Bits>(value) & kExponent) == kExponent;
    });
    return NonFinite{named.name, first - values, count, static_cast<double>(*first)};
  }
  return std::nullopt;
}

}  // namespace

std::optional<NonFinite> first_non_finite(std::span<const NamedTensor> tensors) {
  for (const NamedTensor& named : tensors) {
    std::optional<NonFinite> bad;
    if (named.tensor.dtype == DType::kF32) bad = first_in<uint32_t, float>(named);
    if (named.tensor.dtype == DType::kF64) bad = first_in<uint64_t, double>(named);
    if (bad) return bad;
  }
  return std::nullopt;
}

std::string to_string(const NonFinite& bad) {
  return fmt::format("tensor '{}' holds {} at element {} of {}", bad.tensor, bad.value, bad.element,
                     bad.elements);
}

}  // namespace inpaint
