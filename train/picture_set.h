// Pictures of one square size, from a data set file or a folder of picture files, to be read in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "core/shape.h"

namespace inpaint {

class PictureSet {
 public:
  virtual ~PictureSet() = default;

  const std::filesystem::path& path() const { return path_; }
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
  PictureSet(const std::filesystem::path& path, int64_t image_size, int image_channel)
      : path_(path), image_size_(image_size), image_channel_(image_channel) {}

 private:
  std::filesystem::path path_;
  int64_t image_size_;
  int image_channel_;
};

// A `.bin` data set; or the files that pictures_in_folder() finds, each made a picture of the set as the data
// conversion does it without random crops. UserError when there is nothing at the path, or nothing in it.
std::unique_ptr<PictureSet> open_pictures(const std::filesystem::path& path, int64_t image_size,
                                          int image_channel);

}  // namespace inpaint
