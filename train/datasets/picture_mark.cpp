#include "train/datasets/picture_mark.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <numeric>
#include <vector>

namespace inpaint {
namespace {

constexpr int64_t kSampled = 32;     // side of the grey picture that the look is made of
constexpr int64_t kFrequencies = 8;  // along each side
constexpr double kUnit = 1024;       // length of a thumbnail
constexpr double kPlain = 2;         // deviation of a grey picture, in levels of 255

// Eight bytes at a time, mixed as in MurmurHash3's finalizer.
uint64_t mixed(uint64_t hash, uint64_t value) {
  hash ^= value;
  hash ^= hash >> 33;
  hash *= 0xff51afd7ed558ccdULL;
  hash ^= hash >> 33;
  hash *= 0xc4ceb9fe1a85ec53ULL;
  return hash ^ hash >> 33;
}

uint64_t hash_of(const Image& picture) {
  uint64_t hash = mixed(mixed(static_cast<uint64_t>(picture.height), static_cast<uint64_t>(picture.width)),
                        static_cast<uint64_t>(picture.channels));
  const std::vector<uint8_t>& bytes = picture.bytes;
  for (size_t at = 0; at < bytes.size(); at += sizeof(uint64_t)) {
    uint64_t word = 0;
    std::memcpy(&word, &bytes[at], std::min(sizeof word, bytes.size() - at));
    hash = mixed(hash, word);
  }
  return hash;
}

// cosines[k][x] of the discrete cosine transform (DCT-II) of kSampled values.
using Cosines = std::array<std::array<double, kSampled>, kFrequencies + 1>;

Cosines make_cosines() {
  Cosines cosines;
  for (size_t k = 0; k < cosines.size(); ++k)
    for (size_t x = 0; x < kSampled; ++x)
      cosines[k][x] = std::cos(std::numbers::pi * static_cast<double>(k) * (static_cast<double>(x) + 0.5) /
                               static_cast<double>(kSampled));
  return cosines;
}

// Frequencies 1 to 8 of rows and columns: the mean and what is constant along a side are left out.
uint64_t look_of(const Image& grey) {
  static const Cosines cosines = make_cosines();
  std::array<std::array<double, kSampled>, kFrequencies> rows{};  // rows[u][x]: transformed down the columns
  for (size_t u = 0; u < kFrequencies; ++u)
    for (size_t y = 0; y < kSampled; ++y)
      for (size_t x = 0; x < kSampled; ++x) rows[u][x] += cosines[u + 1][y] * grey.bytes[y * kSampled + x];
  std::array<double, kFrequencies * kFrequencies> values{};
  for (size_t u = 0; u < kFrequencies; ++u)
    for (size_t v = 0; v < kFrequencies; ++v)
      values[u * kFrequencies + v] =
          std::inner_product(rows[u].begin(), rows[u].end(), cosines[v + 1].begin(), 0.0);
  std::array<double, values.size()> sorted = values;
  std::ranges::nth_element(sorted, sorted.begin() + sorted.size() / 2);
  const double median = sorted[sorted.size() / 2];
  uint64_t look = 0;
  for (size_t i = 0; i < values.size(); ++i) look |= uint64_t{values[i] > median} << i;
  return look;
}

}  // namespace

PictureMark mark_of(const Image& picture) {
  PictureMark mark;
  mark.pixels = hash_of(picture);
  const Image grey = resize(with_channels(picture, 1), kSampled, kSampled);
  mark.look = look_of(grey);
  const Image small = resize(grey, PictureMark::kSide, PictureMark::kSide);
  double sum = 0, squares = 0;
  for (const double value : small.bytes) {
    sum += value;
    squares += value * value;
  }
  const auto pixels = static_cast<double>(small.bytes.size());
  const double mean = sum / pixels, length = std::sqrt(std::max(0.0, squares - sum * mean));
  mark.is_plain = length < kPlain * std::sqrt(pixels);
  if (length > 0)
    for (size_t i = 0; i < small.bytes.size(); ++i)
      mark.thumbnail[i] = static_cast<int16_t>(std::lround((small.bytes[i] - mean) / length * kUnit));
  return mark;
}

int look_distance(const PictureMark& a, const PictureMark& b) { return std::popcount(a.look ^ b.look); }

double likeness(const PictureMark& a, const PictureMark& b) {
  const int32_t product =
      std::inner_product(a.thumbnail.begin(), a.thumbnail.end(), b.thumbnail.begin(), int32_t{0});
  return product / (kUnit * kUnit);
}

}  // namespace inpaint
