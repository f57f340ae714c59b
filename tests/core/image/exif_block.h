// EXIF blocks for tests.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace inpaint {

inline const std::string kThumbnail = "what the picture showed before";

// From the byte order mark on: an orientation in the first directory, a thumbnail in the second.
inline std::vector<uint8_t> exif_block(bool little, int orientation) {
  std::vector<uint8_t> block;
  const auto put = [&](uint32_t value, int bytes) {
    for (int k = 0; k < bytes; ++k)
      block.push_back(static_cast<uint8_t>(value >> (8 * (little ? k : bytes - 1 - k))));
  };
  const auto entry = [&](uint32_t tag, uint32_t type, uint32_t value) {
    put(tag, 2), put(type, 2), put(1, 4);
    if (type == 3)
      put(value, 2), put(0, 2);
    else
      put(value, 4);
  };
  block = little ? std::vector<uint8_t>{'I', 'I'} : std::vector<uint8_t>{'M', 'M'};
  put(42, 2), put(8, 4);
  put(1, 2), entry(0x0112, 3, static_cast<uint32_t>(orientation)), put(26, 4);
  put(2, 2), entry(0x0201, 4, 56), entry(0x0202, 4, static_cast<uint32_t>(kThumbnail.size())), put(0, 4);
  block.insert(block.end(), kThumbnail.begin(), kThumbnail.end());
  return block;
}

}  // namespace inpaint
