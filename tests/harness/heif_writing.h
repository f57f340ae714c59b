// HEIC and AVIF files for tests, through libheif.
#pragma once

#include <doctest/doctest.h>
#include <libheif/heif.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "core/image/image.h"

namespace inpaint {

struct HeifWriting {
  heif_compression_format compression = heif_compression_HEVC;
  Image alpha = {};  // 1 channel, or none (height 0)
  bool premultiplied = false;
  int orientation = 1;  // an EXIF orientation that the file's own turns and mirrors follow
  std::vector<uint8_t> exif = {}, profile = {};
};

// The file of an RGB image, in good quality, colours at full resolution.
inline std::vector<uint8_t> heif_file(const Image& image, const HeifWriting& how = {}) {
  const auto done = [](const heif_error& error) {
    INFO(error.message);
    REQUIRE(error.code == heif_error_Ok);
  };
  const bool has_alpha = how.alpha.height > 0;
  const int channels = has_alpha ? 4 : 3;
  heif_image* pixels = nullptr;
  done(heif_image_create(static_cast<int>(image.width), static_cast<int>(image.height), heif_colorspace_RGB,
                         has_alpha ? heif_chroma_interleaved_RGBA : heif_chroma_interleaved_RGB, &pixels));
  done(heif_image_add_plane(pixels, heif_channel_interleaved, static_cast<int>(image.width),
                            static_cast<int>(image.height), 8));
  int stride = 0;
  uint8_t* rows = heif_image_get_plane(pixels, heif_channel_interleaved, &stride);
  for (int64_t row = 0; row < image.height; ++row)
    for (int64_t column = 0; column < image.width; ++column) {
      uint8_t* to = rows + row * stride + column * channels;
      std::copy_n(image.pixel(row, column), 3, to);
      if (has_alpha) to[3] = *how.alpha.pixel(row, column);
    }
  heif_image_set_premultiplied_alpha(pixels, how.premultiplied ? 1 : 0);
  if (!how.profile.empty())
    done(heif_image_set_raw_color_profile(pixels, "prof", how.profile.data(), how.profile.size()));

  heif_context* context = heif_context_alloc();
  heif_encoder* encoder = nullptr;
  done(heif_context_get_encoder_for_format(context, how.compression, &encoder));
  heif_encoder_set_lossy_quality(encoder, 95);
  heif_encoder_set_parameter(encoder, "chroma", "444");
  heif_encoding_options* options = heif_encoding_options_alloc();
  options->image_orientation = static_cast<heif_orientation>(how.orientation);
  heif_image_handle* handle = nullptr;
  done(heif_context_encode_image(context, pixels, encoder, options, &handle));
  if (!how.exif.empty())
    done(heif_context_add_exif_metadata(context, handle, how.exif.data(), static_cast<int>(how.exif.size())));
  std::vector<uint8_t> file;
  heif_writer writer{1, [](heif_context*, const void* data, size_t size, void* to) {
                       const auto* bytes = static_cast<const uint8_t*>(data);
                       static_cast<std::vector<uint8_t>*>(to)->assign(bytes, bytes + size);
                       return heif_error{heif_error_Ok, heif_suberror_Unspecified, ""};
                     }};
  done(heif_context_write(context, &writer, &file));
  heif_image_handle_release(handle);
  heif_encoding_options_free(options);
  heif_encoder_release(encoder);
  heif_context_free(context);
  heif_image_release(pixels);
  return file;
}

}  // namespace inpaint
