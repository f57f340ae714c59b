#include "train/data/channel_guess.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/base/philox.h"
#include "tests/harness/error_message.h"
#include "tests/harness/temporary_folder.h"
#include "train/data/dataset_description.h"
#include "train/data/picture_set.h"
#include "train/datasets/procedural_pictures.h"

using namespace inpaint;

namespace {

// A picture as a camera gives it: waves in all directions, the amplitude falling as 1 / frequency, the same
// in all colours but for a tint, and noise. tint 0: all colours alike.
Image photo(uint64_t seed, int64_t size, int channels, double tint, double noise) {
  const Philox random(seed, RandomStream::kProceduralPictures);
  Image image(size, size, channels);
  for (int c = 0; c < channels; ++c)
    for (int64_t y = 0; y < size; ++y)
      for (int64_t x = 0; x < size; ++x) {
        double value = 0;
        for (uint64_t wave = 1; wave <= 12; ++wave) {
          const auto b = random.bits(wave);
          const double frequency = 6.28 * static_cast<double>(wave) / static_cast<double>(size);
          const double angle = 6.28 * static_cast<double>(b[0] % 1000) / 1000;
          const double phase = static_cast<double>(b[1] % 1000) + tint * c * static_cast<double>(b[2] % 100);
          value += std::sin(frequency * (std::cos(angle) * static_cast<double>(x) +
                                         std::sin(angle) * static_cast<double>(y)) +
                            phase) /
                   static_cast<double>(wave);
        }
        const auto grain = random.bits(1000 + static_cast<uint64_t>(y * size + x), static_cast<uint32_t>(c));
        value += noise * (static_cast<double>(grain[0] % 1000) / 500 - 1);
        image.pixel(y, x)[c] = static_cast<uint8_t>(std::clamp(128 + 40 * value, 0.0, 255.0));
      }
  return image;
}

template <typename Make>
std::filesystem::path put_set(const TemporaryFolder& folder, int count, Make&& make) {
  std::string bytes;
  for (int i = 0; i < count; ++i) {
    const Image image = make(static_cast<uint64_t>(i));
    bytes.append(image.bytes.begin(), image.bytes.end());
  }
  put_file(folder / "x.bin", bytes);
  return folder / "x.bin";
}

// A set of this many channels is taken as what it is, and as the other kind it is refused.
template <typename Make>
void check_told(int64_t size, int channels, Make&& make) {
  const TemporaryFolder folder;
  const auto path = put_set(folder, 24, make);
  CAPTURE(size);
  CAPTURE(channels);
  CHECK(channels_of_dataset(BinDataset(path, size, channels)) == channels);
  CHECK(open_dataset(path, size, channels)->count() == 24);
  const int other = 4 - channels;
  CHECK(channels_of_dataset(BinDataset(path, size, other)) == channels);
  const std::string message = error_message([&] { open_dataset(path, size, other); });
  CHECK(contains(message, fmt::format("give --image_channel={}, or", channels)));
  CHECK(contains(message, fmt::format("inpaint_data describe {} --image_size={} --image_channel={}",
                                      path.string(), size, other)));
  put_file(description_file(path),
           to_json({.image_size = size, .image_channel = other, .count = 24 * channels / other}));
  CHECK(open_dataset(path, size, other)->count() == 24 * channels / other);  // insisted
}

}  // namespace

TEST_CASE("channel guess: procedural pictures of every scene, grey and RGB, read as the other kind") {
  for (const int64_t size : {64, 128})
    for (const int channels : {1, 3})
      check_told(size, channels, [&](uint64_t i) {
        return procedural_picture(1, static_cast<int64_t>(i), static_cast<int>(size), channels);
      });
}

TEST_CASE("channel guess: pictures as cameras give them, tinted, without colour, noisy") {
  for (const double tint : {0.0, 0.002, 0.05})
    for (const double noise : {0.0, 0.1})
      check_told(64, 3, [&](uint64_t i) { return photo(i, 64, 3, tint, noise); });
  for (const double noise : {0.0, 0.1})
    check_told(64, 1, [&](uint64_t i) { return photo(i, 64, 1, 0, noise); });
}

TEST_CASE("channel guess: no false alarm where the bytes do not tell") {
  const auto unclear = [](int64_t size, auto&& make) {
    const TemporaryFolder folder;
    const auto path = put_set(folder, 9, make);
    for (const int channels : {1, 3}) {
      CHECK(channels_of_dataset(BinDataset(path, size, channels)) == 0);
      CHECK_NOTHROW(open_dataset(path, size, channels));
    }
  };
  unclear(64, [](uint64_t) { return Image(64, 64, 3); });
  unclear(64, [](uint64_t i) {  // noise
    Image image(64, 64, 3);
    const Philox random(i, RandomStream::kProceduralPictures);
    for (size_t k = 0; k < image.bytes.size(); ++k) image.bytes[k] = static_cast<uint8_t>(random.bits(k)[0]);
    return image;
  });
  unclear(64, [](uint64_t i) {  // grey bars, the same along each row
    Image image(64, 64, 3);
    for (size_t k = 0; k < image.bytes.size(); ++k)
      image.bytes[k] = static_cast<uint8_t>(k / (64 * 3) % (2 + i) == 0 ? 200 : 30);
    return image;
  });
}
