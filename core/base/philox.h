// Philox4x32-10: counter-based random numbers. A number is a function of (seed, stream, index), so nothing is
// stored, any thread can draw any index, and a resumed run continues the sequence exactly.
// Source: Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", SC 2011.
#pragma once

#include <array>
#include <cstdint>
#include <span>

namespace inpaint {

// One stream per purpose; the values are written into checkpoints by their use, so they never change.
enum class RandomStream : uint32_t {
  kInitialValues = 1,
  kHoleOffsets = 2,
  kShuffle = 3,
  kEvaluationHoles = 4,
  kDataConversion = 5,
  kProceduralPictures = 6,
  kSampleHoles = 7,
  kFlips = 8,
  kRandomCrops = 9,
  kPatchMatch = 10,
};

// Multipliers and steps of the keys: table 2 of the paper.
inline constexpr uint64_t kPhiloxMultiply0 = 0xD2511F53, kPhiloxMultiply1 = 0xCD9E8D57;
inline constexpr uint32_t kPhiloxWeyl0 = 0x9E3779B9, kPhiloxWeyl1 = 0xBB67AE85;

// The block function: four random numbers for a counter and a key. constexpr, so that kernels can call it.
constexpr std::array<uint32_t, 4> philox4x32(std::array<uint32_t, 4> counter, std::array<uint32_t, 2> key) {
  uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], key0 = key[0], key1 = key[1];
  for (int i = 0; i < 10; ++i) {
    const uint64_t product0 = kPhiloxMultiply0 * c0, product1 = kPhiloxMultiply1 * c2;
    c0 = static_cast<uint32_t>(product1 >> 32) ^ c1 ^ key0;
    c1 = static_cast<uint32_t>(product1);
    c2 = static_cast<uint32_t>(product0 >> 32) ^ c3 ^ key1;
    c3 = static_cast<uint32_t>(product0);
    key0 += kPhiloxWeyl0;
    key1 += kPhiloxWeyl1;
  }
  return {c0, c1, c2, c3};
}

class Philox {
 public:
  // `part` splits a stream further (for instance by tensor); below 2^24.
  Philox(uint64_t seed, RandomStream stream, uint32_t part = 0);

  // Four independent 32-bit numbers for (index, round).
  std::array<uint32_t, 4> bits(uint64_t index, uint32_t round = 0) const;

  // The first two of bits(first + k) for every k, many at a time; the spans are of one length.
  void bits(uint64_t first, std::span<uint32_t> b0, std::span<uint32_t> b1) const;

  double uniform(uint64_t index, uint32_t round = 0) const;  // in [0, 1), 53 bits
  uint32_t below(uint32_t bound, uint64_t index,
                 uint32_t round = 0) const;                 // uniform in [0, bound), bound >= 1
  double normal(uint64_t index, uint32_t round = 0) const;  // Box-Muller, mean 0, deviation 1
  double truncated_normal(uint64_t index) const;            // drawn again (next round) beyond two deviations

 private:
  std::array<uint32_t, 2> key_;
  uint32_t stream_;
};

}  // namespace inpaint
