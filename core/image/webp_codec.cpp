// WebP through libwebp; contract in image_codec.h.
#include <webp/decode.h>
#include <webp/demux.h>

#include <cstring>
#include <memory>

#include "core/image/exif_orientation.h"
#include "core/image/image_codec.h"
#include "core/image/picture_notes.h"

namespace inpaint {
namespace {

struct DeleteDemuxer {
  void operator()(WebPDemuxer* demuxer) const { WebPDemuxDelete(demuxer); }
};
using Demuxer = std::unique_ptr<WebPDemuxer, DeleteDemuxer>;

[[noreturn]] void refuse(const std::string& name, const char* why) {
  user_error("{}: damaged WebP: {}", name, why);
}

const char* text_of(VP8StatusCode status) {
  switch (status) {
    case VP8_STATUS_NOT_ENOUGH_DATA:
      return "the file is cut off";
    case VP8_STATUS_BITSTREAM_ERROR:
      return "an error in the coded pixels";
    case VP8_STATUS_UNSUPPORTED_FEATURE:
      return "a feature that libwebp does not support";
    default:
      return "it cannot be decoded";
  }
}

WebPBitstreamFeatures features_of(std::span<const uint8_t> head, const std::string& name) {
  WebPBitstreamFeatures features;
  const VP8StatusCode status = WebPGetFeatures(head.data(), head.size(), &features);
  if (status != VP8_STATUS_OK) refuse(name, text_of(status));
  if (features.has_animation != 0)
    user_error(
        "{}: an animated WebP; take one of its pictures, for instance with `webpmux -get frame 1 FILE -o "
        "out.webp`",
        name);
  return features;
}

// A file whose RIFF chunks are all there.
Demuxer whole_file(std::span<const uint8_t> file, const std::string& name) {
  const WebPData data{file.data(), file.size()};
  WebPDemuxState state = WEBP_DEMUX_PARSE_ERROR;
  Demuxer demuxer(WebPDemuxPartial(&data, &state));
  if (!demuxer)
    refuse(name, state == WEBP_DEMUX_PARSE_ERROR ? "its chunks are no WebP" : "the file is cut off");
  if (state != WEBP_DEMUX_DONE) refuse(name, "the file is cut off");
  return demuxer;
}

// The first chunk of this name; empty where there is none.
std::vector<uint8_t> chunk(const Demuxer& demuxer, const char* name) {
  WebPChunkIterator found;
  std::vector<uint8_t> bytes;
  if (WebPDemuxGetChunk(demuxer.get(), name, 1, &found) != 0)
    bytes.assign(found.chunk.bytes, found.chunk.bytes + found.chunk.size);
  WebPDemuxReleaseChunkIterator(&found);
  return bytes;
}

// An EXIF block from its byte order mark on: some programs put the name before it that a JPEG has there.
std::vector<uint8_t> exif_of(const Demuxer& demuxer) {
  std::vector<uint8_t> exif = chunk(demuxer, "EXIF");
  if (exif.size() > sizeof kExifName && std::memcmp(exif.data(), kExifName, sizeof kExifName) == 0)
    exif.erase(exif.begin(), exif.begin() + sizeof kExifName);
  return exif;
}

}  // namespace

StoredPicture decode_webp(std::span<const uint8_t> file, const std::string& name) {
  const WebPBitstreamFeatures features = features_of(file, name);
  const int64_t height = features.height, width = features.width,
                bytes_each = features.has_alpha != 0 ? 4 : 3;
  check_picture_size(name, height, width, height * width * bytes_each, static_cast<int64_t>(file.size()));
  const Demuxer demuxer = whole_file(file, name);
  std::vector<uint8_t> pixels(static_cast<size_t>(height * width * bytes_each));
  WebPDecoderConfig config;
  INPAINT_CHECK(WebPInitDecoderConfig(&config) != 0, "libwebp: another version than it was built with");
  config.output.colorspace = features.has_alpha != 0 ? MODE_RGBA : MODE_RGB;
  config.output.is_external_memory = 1;
  config.output.u.RGBA = {pixels.data(), static_cast<int>(width * bytes_each), pixels.size()};
  const VP8StatusCode status = WebPDecode(file.data(), file.size(), &config);
  if (status == VP8_STATUS_OUT_OF_MEMORY) throw OutOfMemory(fmt::format("{}: not enough memory", name));
  if (status != VP8_STATUS_OK) refuse(name, text_of(status));

  StoredPicture picture;
  if (features.has_alpha != 0) {
    picture = split_alpha(pixels, height, width, 3);
  } else {
    picture.colours.height = height;
    picture.colours.width = width;
    picture.colours.channels = 3;
    picture.colours.bytes = std::move(pixels);
  }
  picture.orientation = exif_orientation(exif_of(demuxer));
  return picture;
}

PictureSize webp_size(std::span<const uint8_t> head, const std::string& name) {
  const WebPBitstreamFeatures features = features_of(head, name);
  return {features.height, features.width};
}

PictureNotes webp_notes(std::span<const uint8_t> file, const std::string& name) {
  const Demuxer demuxer = whole_file(file, name);
  return {.profile = chunk(demuxer, "ICCP"), .exif = exif_of(demuxer)};
}

}  // namespace inpaint
