// Pictures of one square size, from a data set file or a folder of picture files, to be read in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/image.h"
#include "core/shape.h"

namespace inpaint {

// A picture of any shape as one of size x size x channels: the largest square in the middle, resized.
Image square_picture(Image image, int64_t size, int channels);

class PictureSource {
 public:
  virtual ~PictureSource() = default;

  int64_t image_size() const { return image_size_; }
  int image_channel() const { return image_channel_; }
  Shape shape(int64_t pictures) const { return {pictures, image_size_, image_size_, image_channel_}; }

  virtual int64_t count() const = 0;  // at least 1
  // What to call a picture: its number in a data set, its path below the folder.
  virtual std::string name(int64_t index) const = 0;
  // Writes the picture's bytes, S x S x C, and returns "", or why this one picture cannot be had. Throws
  // UserError when none can be had any more. Threads may share the object.
  virtual std::string read(int64_t index, uint8_t* pixels) const = 0;

 protected:
  PictureSource(int64_t image_size, int image_channel)
      : image_size_(image_size), image_channel_(image_channel) {}

 private:
  int64_t image_size_;
  int image_channel_;
};

// A `.bin` data set, or every file below a folder, in the order of their paths, each made a square picture.
// UserError when there is nothing at the path, or nothing in it.
std::unique_ptr<PictureSource> open_pictures(const std::filesystem::path& path, int64_t image_size,
                                             int image_channel);

}  // namespace inpaint
