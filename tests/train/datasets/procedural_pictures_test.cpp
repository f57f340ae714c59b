#include "train/datasets/procedural_pictures.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <set>

using namespace inpaint;

namespace {

constexpr PictureKind kKinds[] = {PictureKind::kFacade, PictureKind::kTiling,   PictureKind::kStripes,
                                  PictureKind::kDiscs,  PictureKind::kGradient, PictureKind::kNoise};

double mean_difference(const Image& a, const Image& b) {
  REQUIRE(a.bytes.size() == b.bytes.size());
  double sum = 0;
  for (size_t i = 0; i < a.bytes.size(); ++i) sum += std::abs(a.bytes[i] - b.bytes[i]);
  return sum / static_cast<double>(a.bytes.size());
}

double deviation(const Image& image) {
  double sum = 0, squares = 0;
  for (const uint8_t value : image.bytes) sum += value, squares += value * value;
  const auto n = static_cast<double>(image.bytes.size());
  return std::sqrt(std::max(0.0, squares / n - sum / n * (sum / n)));
}

// A weighted mean of a picture's bytes, with another weight for each place and channel: a number that most
// changes of a picture change.
double fingerprint(const Image& image) {
  constexpr double kChannelWeights[] = {1, -0.7, 0.45};
  double sum = 0;
  for (int64_t row = 0; row < image.height; ++row)
    for (int64_t column = 0; column < image.width; ++column)
      for (int c = 0; c < image.channels; ++c) {
        const double y = static_cast<double>(row) / static_cast<double>(image.height);
        const double x = static_cast<double>(column) / static_cast<double>(image.width);
        sum += (0.4 + x) * (1.7 - y) * kChannelWeights[c] * image.pixel(row, column)[c];
      }
  return sum / static_cast<double>(image.height * image.width);
}

// A grey picture with a square hole, and the two ways to fill it that the pictures are made to tell apart.
struct Hole {
  Image truth;
  int64_t top, size;

  double at(int64_t row, int64_t column) const { return *truth.pixel(row, column); }
  bool inside(int64_t row, int64_t column) const {
    return row >= top && row < top + size && column >= top && column < top + size;
  }

  template <typename F>
  double mean_square_error(F&& fill) const {
    double sum = 0;
    for (int64_t row = top; row < top + size; ++row)
      for (int64_t column = top; column < top + size; ++column) {
        const double d = fill(row, column) - at(row, column);
        sum += d * d;
      }
    return sum / static_cast<double>(size * size);
  }

  // Smoothing: the harmonic fill, by Gauss and Seidel's iteration.
  double smoothing_error() const {
    const auto width = static_cast<size_t>(truth.width);
    std::vector<double> value(truth.bytes.begin(), truth.bytes.end());
    const auto v = [&](int64_t row, int64_t column) -> double& {
      return value[static_cast<size_t>(row) * width + static_cast<size_t>(column)];
    };
    for (int64_t row = top; row < top + size; ++row)
      for (int64_t column = top; column < top + size; ++column) v(row, column) = 128;
    for (int sweep = 0; sweep < 200; ++sweep)
      for (int64_t row = top; row < top + size; ++row)
        for (int64_t column = top; column < top + size; ++column)
          v(row, column) =
              0.25 * (v(row - 1, column) + v(row + 1, column) + v(row, column - 1) + v(row, column + 1));
    return mean_square_error(v);
  }

  // Continuing: the whole hole from one place beside it, the one whose surroundings fit the hole's best.
  double continuing_error() const {
    constexpr int64_t kRing = 4;
    double best_fit = 1e30, error = 0;
    for (int64_t dy = -top; dy <= top; ++dy)
      for (int64_t dx = -top; dx <= top; ++dx) {
        if (std::max(std::abs(dy), std::abs(dx)) < size) continue;
        double fit = 0;
        int64_t pixels = 0;
        for (int64_t row = top - kRing; row < top + size + kRing; ++row)
          for (int64_t column = top - kRing; column < top + size + kRing; ++column) {
            const int64_t r = row + dy, c = column + dx;
            if (inside(row, column) || inside(r, c)) continue;
            if (r < 0 || c < 0 || r >= truth.height || c >= truth.width) continue;
            fit += (at(row, column) - at(r, c)) * (at(row, column) - at(r, c));
            ++pixels;
          }
        if (pixels < 200 || fit / static_cast<double>(pixels) >= best_fit) continue;
        best_fit = fit / static_cast<double>(pixels);
        error = mean_square_error([&](int64_t row, int64_t column) { return at(row + dy, column + dx); });
      }
    return error;
  }
};

}  // namespace

TEST_CASE("procedural pictures: a function of seed and index") {
  for (int64_t index = 0; index < 12; ++index) {
    const Image image = procedural_picture(3, index, 32, 3);
    CHECK(image.height == 32);
    CHECK(image.width == 32);
    CHECK(image.channels == 3);
    CHECK(image == procedural_picture(3, index, 32, 3));
    CHECK(image == procedural_picture(picture_kind(3, index), 3, index, 32, 3));
    CHECK(with_channels(image, 1) == procedural_picture(3, index, 32, 1));
    CHECK(image != procedural_picture(3, index + 1, 32, 3));
    CHECK(image != procedural_picture(4, index, 32, 3));
  }
}

TEST_CASE("procedural pictures: those of a seed never change") {
  constexpr int kCount = 16;
  const double recorded[kPictureKinds][kCount] = {
      {118.02, 123.25, 120.15, 103.95, 147.38, 63.47, 89.11, 116.10, 101.19, 97.95, 97.68, 98.37, 137.93,
       93.57, 102.79, 71.19},
      {116.94, 101.87, 160.72, 108.30, 151.25, 110.80, 177.87, 136.91, 98.61, 89.59, 74.19, 111.82, 109.11,
       75.75, 148.93, 133.25},
      {59.70, 87.55, 119.29, 129.73, 133.52, 138.93, 149.85, 70.83, 81.18, 115.88, 103.25, 84.06, 113.38,
       83.14, 96.63, 81.21},
      {87.25, 80.65, 124.97, 101.59, 91.36, 75.10, 105.79, 82.63, 94.02, 65.13, 97.49, 53.33, 105.18, 81.89,
       122.73, 76.02},
      {118.34, 125.09, 118.39, 141.11, 125.86, 106.35, 134.75, 139.55, 79.38, 113.80, 79.87, 60.93, 82.34,
       122.14, 79.37, 100.79},
      {84.29, 88.59, 143.68, 100.82, 96.16, 72.81, 106.16, 85.75, 145.05, 95.61, 97.86, 133.31, 77.43, 81.86,
       38.04, 86.62}};
  for (const PictureKind kind : kKinds)
    for (int64_t index = 0; index < kCount; ++index) {
      INFO(to_string(kind), " ", index);
      const double expected = recorded[static_cast<int>(kind)][index];
      // Rounding may move an edge by a little, and with it a pixel.
      CHECK(std::abs(fingerprint(procedural_picture(kind, 21, index, 48, 3)) - expected) < 0.1);
    }
}

TEST_CASE("procedural pictures: all kinds come up, in their shares") {
  constexpr int kCount = 4000;
  const double shares[] = {0.30, 0.20, 0.15, 0.12, 0.12, 0.11};
  int counts[kPictureKinds] = {};
  for (int64_t index = 0; index < kCount; ++index) ++counts[static_cast<int>(picture_kind(1, index))];
  std::set<std::string> names;
  for (const PictureKind kind : kKinds) {
    const double share = shares[static_cast<int>(kind)];
    const double spread = std::sqrt(kCount * share * (1 - share));
    CHECK(std::abs(counts[static_cast<int>(kind)] - kCount * share) < 4 * spread);
    names.insert(to_string(kind));
  }
  CHECK(names.size() == kPictureKinds);
}

TEST_CASE("procedural pictures: hardly two alike, none of them empty") {
  for (const PictureKind kind : kKinds) {
    INFO(to_string(kind));
    std::vector<Image> images;
    for (int64_t index = 0; index < 12; ++index) {
      images.push_back(procedural_picture(kind, 8, index, 32, 3));
      CHECK(deviation(images.back()) > 4);
      for (size_t other = 0; other + 1 < images.size(); ++other)
        CHECK(mean_difference(images[other], images.back()) > 4);
    }
  }
}

TEST_CASE("procedural pictures: edges are smooth, and another size shows the same scene") {
  constexpr int kPictures = 6;
  double sum = 0;
  for (const PictureKind kind : kKinds)
    for (int64_t index = 0; index < kPictures; ++index)
      sum += mean_difference(procedural_picture(kind, 2, index, 64, 3),
                             resize(procedural_picture(kind, 2, index, 192, 3), 64, 64));
  CHECK(sum / (kPictures * kPictureKinds) < 3.5);  // of 255: it is 2.4, and 5.6 with one sample per pixel
}

TEST_CASE("procedural pictures: continuing structure beats smoothing") {
  for (const PictureKind kind : {PictureKind::kFacade, PictureKind::kTiling, PictureKind::kDiscs}) {
    double smoothing = 0, continuing = 0;  // mean PSNR
    constexpr int kPictures = 20;
    for (int64_t index = 0; index < kPictures; ++index) {
      const Hole hole = {procedural_picture(kind, 5, index, 128, 1), 48, 32};
      smoothing += 10 * std::log10(255 * 255 / std::max(0.5, hole.smoothing_error())) / kPictures;
      continuing += 10 * std::log10(255 * 255 / std::max(0.5, hole.continuing_error())) / kPictures;
    }
    INFO(to_string(kind), ": smoothing ", smoothing, " dB, continuing ", continuing, " dB");
    CHECK(continuing > smoothing);
    CHECK(smoothing < 20);  // much is left to gain
  }
}
