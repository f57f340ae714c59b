// WebP files for tests, through libwebp.
#pragma once

#include <doctest/doctest.h>
#include <webp/encode.h>
#include <webp/mux.h>

#include <cstdint>
#include <string>
#include <vector>

#include "core/image/image.h"

namespace inpaint {

// Lossless, of an RGB image; alpha: 1 channel of its size, or none (height 0).
inline std::vector<uint8_t> webp_file(const Image& image, const Image& alpha = {}) {
  const int channels = alpha.height > 0 ? 4 : 3;
  std::vector<uint8_t> pixels;
  for (size_t i = 0; i < image.bytes.size() / 3; ++i) {
    pixels.insert(pixels.end(), &image.bytes[3 * i], &image.bytes[3 * i] + 3);
    if (channels == 4) pixels.push_back(alpha.bytes[i]);
  }
  WebPConfig config;
  WebPPicture picture;
  REQUIRE(WebPConfigInit(&config) != 0);
  REQUIRE(WebPPictureInit(&picture) != 0);
  config.lossless = 1;
  config.exact = 1;  // colours also where it is transparent
  picture.use_argb = 1;
  picture.width = static_cast<int>(image.width);
  picture.height = static_cast<int>(image.height);
  const int stride = static_cast<int>(image.width) * channels;
  REQUIRE((channels == 4 ? WebPPictureImportRGBA(&picture, pixels.data(), stride)
                         : WebPPictureImportRGB(&picture, pixels.data(), stride)) != 0);
  WebPMemoryWriter writer;
  WebPMemoryWriterInit(&writer);
  picture.writer = WebPMemoryWrite;
  picture.custom_ptr = &writer;
  REQUIRE(WebPEncode(&config, &picture) != 0);
  std::vector<uint8_t> file(writer.mem, writer.mem + writer.size);
  WebPMemoryWriterClear(&writer);
  WebPPictureFree(&picture);
  return file;
}

// The file with a chunk added: "EXIF", "ICCP".
inline std::vector<uint8_t> webp_with_chunk(const std::vector<uint8_t>& file, const std::string& name,
                                            const std::vector<uint8_t>& bytes) {
  const WebPData data{file.data(), file.size()}, chunk{bytes.data(), bytes.size()};
  WebPMux* mux = WebPMuxCreate(&data, 1);
  REQUIRE(mux != nullptr);
  REQUIRE(WebPMuxSetChunk(mux, name.c_str(), &chunk, 1) == WEBP_MUX_OK);
  WebPData whole;
  REQUIRE(WebPMuxAssemble(mux, &whole) == WEBP_MUX_OK);
  std::vector<uint8_t> result(whole.bytes, whole.bytes + whole.size);
  WebPDataClear(&whole);
  WebPMuxDelete(mux);
  return result;
}

}  // namespace inpaint
