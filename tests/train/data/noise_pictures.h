// Pictures in files, for tests of what reads them.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "core/base/philox.h"
#include "core/image/image.h"
#include "tests/harness/temporary_folder.h"

namespace inpaint {

// count pictures of size x size x channels, noise from the seed.
inline std::vector<uint8_t> noise_pictures(int64_t count, int64_t size, int64_t channels, uint64_t seed = 1) {
  const Philox random(seed, RandomStream::kProceduralPictures);
  std::vector<uint8_t> bytes;
  for (int64_t i = 0; i < count * size * size * channels; ++i)
    bytes.push_back(static_cast<uint8_t>(random.below(256, static_cast<uint64_t>(i))));
  return bytes;
}

inline void put_dataset(const std::filesystem::path& path, const std::vector<uint8_t>& bytes) {
  put_file(path, std::string(bytes.begin(), bytes.end()));
}

inline Image noise_image(int64_t height, int64_t width, int channels, uint64_t seed = 1) {
  Image image(height, width, channels);
  const Philox random(seed, RandomStream::kProceduralPictures);
  for (size_t i = 0; i < image.bytes.size(); ++i) image.bytes[i] = static_cast<uint8_t>(random.below(256, i));
  return image;
}

}  // namespace inpaint
