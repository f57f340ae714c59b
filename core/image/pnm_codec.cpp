// PGM and PPM, plain and raw (netpbm's P2, P3, P5, P6); contract in image_codec.h.
#include <algorithm>

#include "core/image/image_codec.h"

namespace inpaint {
namespace {

class PnmReader {
 public:
  PnmReader(std::span<const uint8_t> file, const std::string& name) : file_(file), name_(name) {}

  // The next decimal number, after white space and comments (from # to the end of the line).
  int64_t number(const char* what, int64_t limit) {
    while (position_ < file_.size() && (is_space(file_[position_]) || file_[position_] == '#')) {
      if (file_[position_] == '#')
        while (position_ < file_.size() && file_[position_] != '\n') ++position_;
      else
        ++position_;
    }
    if (position_ == file_.size()) fail("the file is cut off", what);
    int64_t value = 0;
    const size_t start = position_;
    for (; position_ < file_.size() && file_[position_] >= '0' && file_[position_] <= '9'; ++position_) {
      value = value * 10 + (file_[position_] - '0');
      if (value > limit) fail(fmt::format("a number above {}", limit), what);
    }
    if (position_ == start) fail("not a number", what);
    return value;
  }

  // The single white space that ends a raw file's header.
  void end_header() {
    if (position_ == file_.size() || !is_space(file_[position_])) fail("no white space", "after the maxval");
    ++position_;
  }

  int64_t remaining() const { return static_cast<int64_t>(file_.size() - position_); }
  const uint8_t* here() const { return file_.data() + position_; }
  void skip_magic() { position_ = 2; }

  [[noreturn]] void fail(const std::string& found, const char* what) const {
    user_error("{}: damaged PNM: {} at byte {} ({})", name_, found, position_, what);
  }

 private:
  static bool is_space(uint8_t c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

  std::span<const uint8_t> file_;
  size_t position_ = 0;
  const std::string& name_;
};

}  // namespace

PictureSize pnm_size(std::span<const uint8_t> head, const std::string& name) {
  PnmReader reader(head, name);
  reader.skip_magic();
  const int64_t width = reader.number("width", kMaxPicturePixels);
  const int64_t height = reader.number("height", kMaxPicturePixels);
  reader.number("maxval", 65535);  // the height is whole only when something follows it
  return {height, width};
}

StoredPicture decode_pnm(std::span<const uint8_t> file, const std::string& name) {
  PnmReader reader(file, name);
  const char kind = static_cast<char>(file[1]);
  const bool plain = kind == '2' || kind == '3';
  const int channels = kind == '2' || kind == '5' ? 1 : 3;
  reader.skip_magic();
  const int64_t width = reader.number("width", kMaxPicturePixels);
  const int64_t height = reader.number("height", kMaxPicturePixels);
  const int64_t maxval = reader.number("maxval", 65535);
  if (maxval == 0) reader.fail("0", "maxval");

  const int64_t bytes_per_sample = maxval > 255 ? 2 : 1;
  check_picture_size(name, height, width, height * width * channels * bytes_per_sample,
                     static_cast<int64_t>(file.size()));
  if (!plain) reader.end_header();
  const int64_t samples = height * width * channels;
  // A plain sample takes a digit and, but for the last one, a space.
  const int64_t needed = plain ? 2 * samples - 1 : samples * bytes_per_sample;
  if (reader.remaining() < needed)
    reader.fail(fmt::format("{} bytes are left where at least {} are needed", reader.remaining(), needed),
                "the file is cut off");

  Image image(height, width, channels);
  const auto to_byte = [&](int64_t value) {
    return static_cast<uint8_t>((value * 255 + maxval / 2) / maxval);
  };
  if (plain) {
    for (uint8_t& sample : image.bytes) sample = to_byte(reader.number("a sample", maxval));
  } else {
    const uint8_t* from = reader.here();
    for (uint8_t& sample : image.bytes) {
      const int64_t value = bytes_per_sample == 1 ? from[0] : from[0] << 8 | from[1];
      if (value > maxval) user_error("{}: damaged PNM: a sample of {} above maxval {}", name, value, maxval);
      sample = to_byte(value);
      from += bytes_per_sample;
    }
  }
  return {std::move(image), {}, 1};
}

std::vector<uint8_t> encode_pnm(const Image& image) {
  const std::string head =
      fmt::format("P{}\n{} {}\n255\n", image.channels == 1 ? 5 : 6, image.width, image.height);
  std::vector<uint8_t> file(head.begin(), head.end());
  file.insert(file.end(), image.bytes.begin(), image.bytes.end());
  return file;
}

}  // namespace inpaint
