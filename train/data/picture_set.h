// Pictures of one square size, from a data set file or a folder of picture files, to be read in any order.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "core/device/shape.h"
#include "train/data/picture_files.h"
#include "train/data/picture_squares.h"

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
  [[nodiscard]] virtual std::string read(int64_t index, uint8_t* pixels) const = 0;

  // The same of another square than the one in the middle: choose is told the height and width of the picture
  // (scaled_for_squares) and says which. In a set of pictures of S x S there is but one.
  using ChooseSquare = std::function<Square(int64_t height, int64_t width)>;
  [[nodiscard]] virtual std::string read_square(int64_t index, const ChooseSquare& choose,
                                                uint8_t* pixels) const {
    static_cast<void>(choose);
    return read(index, pixels);
  }

 protected:
  PictureSet(const std::filesystem::path& path, int64_t image_size, int image_channel)
      : path_(path), image_size_(image_size), image_channel_(image_channel) {}

 private:
  std::filesystem::path path_;
  int64_t image_size_;
  int image_channel_;
};

// A `.bin` data set. UserError, with the remedy and a way to insist, when nothing beside it says what it
// holds and its images look like grey ones that are read as RGB, or the other way round.
std::unique_ptr<PictureSet> open_dataset(const std::filesystem::path& path, int64_t image_size,
                                         int image_channel);

// These files of the folder, each decoded when it is read, and made a picture of the set as the data
// conversion does it without random crops.
std::unique_ptr<PictureSet> open_files(const std::filesystem::path& folder, std::vector<PictureFile> files,
                                       int64_t image_size, int image_channel);

// A `.bin` data set; or the files that pictures_in_folder() finds. UserError when there is nothing at the
// path, or nothing in it.
std::unique_ptr<PictureSet> open_pictures(const std::filesystem::path& path, int64_t image_size,
                                          int image_channel);

}  // namespace inpaint
