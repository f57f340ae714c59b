#include "core/base/philox.h"

#include <doctest/doctest.h>

#include <cmath>
#include <vector>

using namespace inpaint;

TEST_CASE("philox: the published known answer") {
  // Random123 kat_vectors, philox4x32 10: counter 0, key 0. Stream and part are the last counter word, so
  // this vector is reached with stream number 0.
  const auto b = Philox(0, static_cast<RandomStream>(0)).bits(0, 0);
  CHECK(b[0] == 0x6627e8d5);
  CHECK(b[1] == 0xe169c58d);
  CHECK(b[2] == 0xbc57ac4c);
  CHECK(b[3] == 0x9b00dbd8);
}

TEST_CASE("philox: below() stays in range and reaches both ends") {
  const Philox random(7, RandomStream::kHoleOffsets);
  bool zero = false, top = false;
  for (uint64_t i = 0; i < 1000; ++i) {
    const uint32_t value = random.below(8, i);
    REQUIRE(value < 8);
    zero |= value == 0;
    top |= value == 7;
  }
  CHECK(zero);
  CHECK(top);
}

TEST_CASE("philox: truncated normals lie within two deviations with the right spread") {
  const Philox random(3, RandomStream::kInitialValues);
  constexpr int kCount = 100000;
  double sum = 0, squares = 0;
  for (int i = 0; i < kCount; ++i) {
    const double value = random.truncated_normal(static_cast<uint64_t>(i));
    REQUIRE(std::abs(value) <= 2.0);
    sum += value;
    squares += value * value;
  }
  // Variance of a standard normal cut at two deviations: 1 - 4 phi(2) / (2 Phi(2) - 1) = 0.77374.
  CHECK(std::abs(sum / kCount) < 5 * std::sqrt(0.774 / kCount));
  CHECK(squares / kCount == doctest::Approx(0.77374).epsilon(0.02));
}

TEST_CASE("philox: streams, parts and seeds differ") {
  const auto base = Philox(1, RandomStream::kShuffle).bits(5);
  CHECK(base != Philox(2, RandomStream::kShuffle).bits(5));
  CHECK(base != Philox(1, RandomStream::kHoleOffsets).bits(5));
  CHECK(base != Philox(1, RandomStream::kShuffle, 1).bits(5));
  CHECK(base != Philox(1, RandomStream::kShuffle).bits(6));
  CHECK(base == Philox(1, RandomStream::kShuffle).bits(5));
}

TEST_CASE("philox: many at a time are the same as one at a time") {
  const Philox random(uint64_t{77} << 20, RandomStream::kInitialValues, 3);
  for (const uint64_t first : {uint64_t{0}, uint64_t{5}, (uint64_t{1} << 32) - 7, ~uint64_t{0} - 40}) {
    for (const size_t count : {size_t{0}, size_t{1}, size_t{15}, size_t{16}, size_t{17}, size_t{100}}) {
      std::vector<uint32_t> b0(count), b1(count);
      random.bits(first, b0, b1);
      for (size_t k = 0; k < count; ++k) {
        CHECK(b0[k] == random.bits(first + k)[0]);
        CHECK(b1[k] == random.bits(first + k)[1]);
      }
    }
  }
}
