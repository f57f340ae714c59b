#include "core/base/philox.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "core/base/error.h"

namespace inpaint {
Philox::Philox(uint64_t seed, RandomStream stream, uint32_t part)
    : key_{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32)},
      stream_((static_cast<uint32_t>(stream) << 24) | part) {
  INPAINT_CHECK(part < (1u << 24), "stream part {}", part);
}

std::array<uint32_t, 4> Philox::bits(uint64_t index, uint32_t round) const {
  return philox4x32({static_cast<uint32_t>(index), static_cast<uint32_t>(index >> 32), round, stream_}, key_);
}

void Philox::bits(uint64_t first, std::span<uint32_t> b0, std::span<uint32_t> b1) const {
  INPAINT_CHECK(b0.size() == b1.size(), "{} and {} numbers", b0.size(), b1.size());
  constexpr size_t kLanes = 16;  // independent of each other: the compiler's vectors
  for (size_t at = 0; at < b0.size(); at += kLanes) {
    uint32_t c0[kLanes], c1[kLanes], c2[kLanes], c3[kLanes];
    for (size_t l = 0; l < kLanes; ++l) {
      const uint64_t index = first + at + l;
      c0[l] = static_cast<uint32_t>(index);
      c1[l] = static_cast<uint32_t>(index >> 32);
      c2[l] = 0;
      c3[l] = stream_;
    }
    uint32_t key0 = key_[0], key1 = key_[1];
    for (int i = 0; i < 10; ++i) {
      for (size_t l = 0; l < kLanes; ++l) {
        const uint64_t product0 = kPhiloxMultiply0 * c0[l], product1 = kPhiloxMultiply1 * c2[l];
        c0[l] = static_cast<uint32_t>(product1 >> 32) ^ c1[l] ^ key0;
        c1[l] = static_cast<uint32_t>(product1);
        c2[l] = static_cast<uint32_t>(product0 >> 32) ^ c3[l] ^ key1;
        c3[l] = static_cast<uint32_t>(product0);
      }
      key0 += kPhiloxWeyl0;
      key1 += kPhiloxWeyl1;
    }
    const size_t count = std::min(kLanes, b0.size() - at);
    std::copy_n(c0, count, b0.begin() + static_cast<std::ptrdiff_t>(at));
    std::copy_n(c1, count, b1.begin() + static_cast<std::ptrdiff_t>(at));
  }
}

double Philox::uniform(uint64_t index, uint32_t round) const {
  const auto b = bits(index, round);
  const uint64_t mantissa = ((static_cast<uint64_t>(b[0]) << 32) | b[1]) >> 11;
  return static_cast<double>(mantissa) * 0x1p-53;
}

uint32_t Philox::below(uint32_t bound, uint64_t index, uint32_t round) const {
  // Multiply-high: the bias is below bound / 2^64.
  __extension__ using Wide = unsigned __int128;
  const auto b = bits(index, round);
  const uint64_t value = (static_cast<uint64_t>(b[0]) << 32) | b[1];
  return static_cast<uint32_t>((static_cast<Wide>(value) * bound) >> 64);
}

double Philox::normal(uint64_t index, uint32_t round) const {
  const auto b = bits(index, round);
  const double u = (static_cast<double>(b[0]) + 1.0) * 0x1p-32;  // in (0, 1]: the logarithm is finite
  const double angle = 2.0 * std::numbers::pi * (static_cast<double>(b[1]) * 0x1p-32);
  return std::sqrt(-2.0 * std::log(u)) * std::cos(angle);
}

double Philox::truncated_normal(uint64_t index) const {
  for (uint32_t round = 0;; ++round) {
    const double value = normal(index, round);
    if (std::abs(value) <= 2.0) return value;
  }
}

}  // namespace inpaint
