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
