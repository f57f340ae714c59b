// Value noise for procedural pictures: random values on the whole numbers of a plane, smoothly interpolated.
#pragma once

#include <cmath>
#include <cstdint>

namespace inpaint {

// In [0, 1), the same for the same (key, i, j). Murmur3's finalizer over the coordinates: a scene asks for
// many of these per pixel, and no one needs more than that they look unrelated.
inline double lattice_value(uint32_t key, int64_t i, int64_t j) {
  uint64_t h =
      key ^ (static_cast<uint64_t>(i) * 0x9E3779B97F4A7C15) ^ (static_cast<uint64_t>(j) * 0xC2B2AE3D27D4EB4F);
  h = (h ^ (h >> 33)) * 0xFF51AFD7ED558CCD;
  h = (h ^ (h >> 33)) * 0xC4CEB9FE1A85EC53;
  return static_cast<double>((h ^ (h >> 33)) >> 11) * 0x1p-53;
}

// In [0, 1), continuous with continuous slope and curvature, features of size 1.
inline double value_noise(uint32_t key, double x, double y) {
  const double fx = std::floor(x), fy = std::floor(y);
  const auto i = static_cast<int64_t>(fx), j = static_cast<int64_t>(fy);
  const auto ease = [](double t) { return t * t * t * (t * (6 * t - 15) + 10); };
  const double s = ease(x - fx), t = ease(y - fy);
  const double top = std::lerp(lattice_value(key, i, j), lattice_value(key, i + 1, j), s);
  const double bottom = std::lerp(lattice_value(key, i, j + 1), lattice_value(key, i + 1, j + 1), s);
  return std::lerp(top, bottom, t);
}

// Octaves of value noise, each half the size and half the height of the one before; about [0, 1], mean 1/2.
inline double fractal_noise(uint32_t key, double x, double y, int octaves) {
  double sum = 0, weight = 0.5, total = 0;
  for (int octave = 0; octave < octaves; ++octave) {
    sum += weight * value_noise(key + static_cast<uint32_t>(octave), x, y);
    total += weight;
    weight /= 2;
    x *= 2;
    y *= 2;
  }
  return sum / total;
}

}  // namespace inpaint
