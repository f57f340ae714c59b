// normal_block; contract in normal_block_cpu.h. Loops without branches and calls, for the compiler to
// vectorise: Box-Muller with series for the logarithm, sine and cosine.
//
// Errors. Radius: u is exact, the series of the logarithm is cut at 3e-17 of its sum, and what rounding adds
// is a few units of 1.1e-16; half of that is left behind the square root. Angle: here its fraction of a turn
// is exact; Philox::normal rounds it after multiplying by 2 pi, which moves it by less than 1.4e-15, and the
// cosine by no more. The bound of 1e-13 of the radius leaves a factor of 30 and more.
#include "kernels/random/normal_block_cpu.h"

#include <bit>
#include <cmath>
#include <numbers>

namespace inpaint::cpu {
namespace {

constexpr int64_t kSize = NormalBlock::kSize;
constexpr double kBound = 1e-13;

// log(x) for a normal x > 0: x = 2^e m with m from sqrt(1/2) to sqrt(2), and with s = (m - 1) / (m + 1), at
// most 0.172, log(m) = 2 atanh(s) = 2 (s + s^3 / 3 + s^5 / 5 + ...).
inline double log_series(double x) {
  constexpr uint64_t kRootHalf = 0x3fe6a09e667f3bcc;  // the bits of sqrt(1/2)
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  const uint64_t above = bits - kRootHalf;
  const auto e = static_cast<int64_t>(above) >> 52;
  const double m = std::bit_cast<double>(bits - (static_cast<uint64_t>(e) << 52));
  const double s = (m - 1) / (m + 1), q = s * s;
  double sum = 1.0 / 21;
  sum = sum * q + 1.0 / 19;
  sum = sum * q + 1.0 / 17;
  sum = sum * q + 1.0 / 15;
  sum = sum * q + 1.0 / 13;
  sum = sum * q + 1.0 / 11;
  sum = sum * q + 1.0 / 9;
  sum = sum * q + 1.0 / 7;
  sum = sum * q + 1.0 / 5;
  sum = sum * q + 1.0 / 3;
  return static_cast<double>(static_cast<int32_t>(e)) * std::numbers::ln2 + 2 * (s + s * q * sum);
}

// cos(2 pi turn / 2^32): the turn is a number of quarters and at most half of one more on either side.
inline double cos_of_turn(uint32_t turn) {
  const uint32_t quarter = (turn + (uint32_t{1} << 29)) >> 30;
  const auto rest = static_cast<int32_t>(turn - (quarter << 30));
  const double x = static_cast<double>(rest) * (2 * std::numbers::pi * 0x1p-32), q = x * x;
  double cosine = 1.0 / 20922789888000;  // Taylor, to x^16 / 16!
  cosine = cosine * q - 1.0 / 87178291200;
  cosine = cosine * q + 1.0 / 479001600;
  cosine = cosine * q - 1.0 / 3628800;
  cosine = cosine * q + 1.0 / 40320;
  cosine = cosine * q - 1.0 / 720;
  cosine = cosine * q + 1.0 / 24;
  cosine = cosine * q - 1.0 / 2;
  cosine = cosine * q + 1;
  double sine = 1.0 / 355687428096000;  // to x^17 / 17!
  sine = sine * q - 1.0 / 1307674368000;
  sine = sine * q + 1.0 / 6227020800;
  sine = sine * q - 1.0 / 39916800;
  sine = sine * q + 1.0 / 362880;
  sine = sine * q - 1.0 / 5040;
  sine = sine * q + 1.0 / 120;
  sine = sine * q - 1.0 / 6;
  sine = x + x * q * sine;
  const double value = (quarter & 1) != 0 ? sine : cosine;
  return ((quarter + 1) & 2) != 0 ? -value : value;  // cos, -sin, -cos, sin
}

}  // namespace

void normals_of(const uint32_t (&b0)[kSize], const uint32_t (&b1)[kSize], NormalBlock& block) {
  for (int64_t k = 0; k < kSize; ++k) {
    // u = (b0 + 1) / 2^32; converted in two parts, since vectors convert signed integers.
    const double u =
        (static_cast<double>(static_cast<int32_t>(b0[k] >> 1)) * 2 + static_cast<int32_t>(b0[k] & 1) + 1) *
        0x1p-32;
    const double radius = std::sqrt(-2 * log_series(u));
    block.value[k] = radius * cos_of_turn(b1[k]);
    block.bound[k] = radius * kBound;
  }
}

void normal_block(const Philox& random, uint64_t first, NormalBlock& block) {
  uint32_t b0[kSize], b1[kSize];
  random.bits(first, b0, b1);
  normals_of(b0, b1, block);
}

}  // namespace inpaint::cpu
