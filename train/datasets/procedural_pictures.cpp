#include "train/datasets/procedural_pictures.h"

#include <algorithm>
#include <cmath>

#include "train/datasets/scenes/procedural_noise.h"
#include "train/datasets/scenes/scenes.h"

namespace inpaint {
namespace {

Scene make_scene(PictureKind kind, Draws& draw) {
  switch (kind) {
    case PictureKind::kFacade:
      return facade_scene(draw);
    case PictureKind::kTiling:
      return tiling_scene(draw);
    case PictureKind::kStripes:
      return stripes_scene(draw);
    case PictureKind::kDiscs:
      return discs_scene(draw);
    case PictureKind::kGradient:
      return gradient_scene(draw);
    case PictureKind::kNoise:
      return noise_scene(draw);
  }
  throw Error("unknown picture kind");
}

// What a camera adds: uneven light over the whole picture, and a little grain.
struct Exposure {
  double light_x, light_y, vignette, grain;
  uint32_t key;
};

Colour exposed(const Exposure& e, const Colour& colour, double x, double y) {
  const double dx = x - 0.5, dy = y - 0.5;
  return colour * (1 + e.light_x * dx + e.light_y * dy - e.vignette * (dx * dx + dy * dy));
}

uint8_t to_byte(double value) { return static_cast<uint8_t>(std::lround(std::clamp(value, 0.0, 1.0) * 255)); }

}  // namespace

const char* to_string(PictureKind kind) {
  static constexpr std::array<const char*, kPictureKinds> kNames = {"facade", "tiling",   "stripes",
                                                                    "discs",  "gradient", "noise"};
  return kNames.at(static_cast<size_t>(kind));
}

PictureKind picture_kind(uint64_t seed, int64_t index) {
  // Part 1 of the stream, so that the scene's own draws do not depend on how its kind was chosen.
  const double share =
      Philox(seed, RandomStream::kProceduralPictures, 1).uniform(static_cast<uint64_t>(index));
  if (share < 0.30) return PictureKind::kFacade;
  if (share < 0.50) return PictureKind::kTiling;
  if (share < 0.65) return PictureKind::kStripes;
  if (share < 0.77) return PictureKind::kDiscs;
  if (share < 0.89) return PictureKind::kGradient;
  return PictureKind::kNoise;
}

Image procedural_picture(PictureKind kind, uint64_t seed, int64_t index, int64_t image_size, int channels) {
  INPAINT_CHECK(index >= 0 && image_size >= 1, "picture {}, {} x {}", index, image_size, image_size);
  Draws draw(seed, index);
  const Scene scene = make_scene(kind, draw);
  const Exposure exposure = {draw.between(-0.3, 0.3), draw.between(-0.3, 0.3), draw.between(0.0, 0.4),
                             draw.between(0.002, 0.012), draw.key()};

  // Edges become soft by averaging kSamples x kSamples places per pixel.
  constexpr int kSamples = 3;
  const double step = 1.0 / static_cast<double>(image_size * kSamples);
  Image image(image_size, image_size, 3);
  for (int64_t row = 0; row < image_size; ++row) {
    for (int64_t column = 0; column < image_size; ++column) {
      Colour sum;
      for (int i = 0; i < kSamples; ++i) {
        for (int j = 0; j < kSamples; ++j) {
          const double x = (static_cast<double>(column * kSamples + j) + 0.5) * step;
          const double y = (static_cast<double>(row * kSamples + i) + 0.5) * step;
          sum = sum + exposed(exposure, scene(x, y), x, y);
        }
      }
      const double grain = exposure.grain * 2 * (lattice_value(exposure.key, row, column) - 0.5);
      const Colour mean = sum * (1.0 / (kSamples * kSamples));
      uint8_t* pixel = image.pixel(row, column);
      pixel[0] = to_byte(mean.r + grain);
      pixel[1] = to_byte(mean.g + grain);
      pixel[2] = to_byte(mean.b + grain);
    }
  }
  return with_channels(std::move(image), channels);
}

Image procedural_picture(uint64_t seed, int64_t index, int64_t image_size, int channels) {
  return procedural_picture(picture_kind(seed, index), seed, index, image_size, channels);
}

}  // namespace inpaint
