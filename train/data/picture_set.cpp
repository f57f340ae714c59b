#include "train/data/picture_set.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/device/buffer.h"
#include "core/image/image_codec.h"
#include "train/data/bin_dataset.h"
#include "train/data/channel_guess.h"

namespace inpaint {
namespace {

namespace fs = std::filesystem;

class DatasetPictures final : public PictureSet {
 public:
  DatasetPictures(const fs::path& path, int64_t image_size, int image_channel)
      : PictureSet(path, image_size, image_channel), dataset_(path, image_size, image_channel) {
    if (!dataset_.description()) check_channels();
  }

  int64_t count() const override { return dataset_.count(); }
  std::string name(int64_t index) const override { return std::to_string(index); }
  std::string read(int64_t index, uint8_t* pixels) const override {
    dataset_.check_not_shrunk();
    std::copy_n(dataset_.image(index), dataset_.image_bytes(), pixels);
    return {};
  }

 private:
  void check_channels() const {
    const int looks = channels_of_dataset(dataset_);
    if (looks == 0 || looks == image_channel()) return;
    user_error(
        "{}: its images look like {}, and image_channel is {}; give --image_channel={}, or, if it is right, "
        "say "
        "so once: inpaint_data describe {} --image_size={} --image_channel={}",
        path().string(), looks == 1 ? "grey ones" : "RGB ones", image_channel(), looks, path().string(),
        image_size(), image_channel());
  }

  BinDataset dataset_;
};

class FilePictures final : public PictureSet {
 public:
  FilePictures(const fs::path& folder, std::vector<PictureFile> files, int64_t image_size, int image_channel)
      : PictureSet(folder, image_size, image_channel), files_(std::move(files)) {}

  int64_t count() const override { return static_cast<int64_t>(files_.size()); }
  std::string name(int64_t index) const override { return file(index).lexically_relative(path()).string(); }
  std::string read(int64_t index, uint8_t* pixels) const override {
    return make(index, pixels,
                [&](const Image& picture) { return centre_image(picture, image_size(), image_channel()); });
  }
  std::string read_square(int64_t index, const ChooseSquare& choose, uint8_t* pixels) const override {
    return make(index, pixels, [&](const Image& picture) {
      const Image scaled = scaled_for_squares(picture, image_size(), image_channel());
      return square_image(scaled, choose(scaled.height, scaled.width), image_size(), image_channel());
    });
  }

 private:
  const fs::path& file(int64_t index) const { return files_[static_cast<size_t>(index)].path; }

  template <typename Make>
  std::string make(int64_t index, uint8_t* pixels, Make&& image_of) const {
    try {
      const Image picture = decode_image(file(index));
      check_large_enough(picture.height, picture.width, image_size(), file(index).string());
      const Image image = image_of(picture);
      std::copy(image.bytes.begin(), image.bytes.end(), pixels);
      return {};
    } catch (const OutOfMemory&) {
      throw;
    } catch (const UserError& error) {
      return error.what();
    }
  }

  std::vector<PictureFile> files_;
};

}  // namespace

std::unique_ptr<PictureSet> open_dataset(const fs::path& path, int64_t image_size, int image_channel) {
  return std::make_unique<DatasetPictures>(path, image_size, image_channel);
}

std::unique_ptr<PictureSet> open_files(const fs::path& folder, std::vector<PictureFile> files,
                                       int64_t image_size, int image_channel) {
  return std::make_unique<FilePictures>(folder, std::move(files), image_size, image_channel);
}

std::unique_ptr<PictureSet> open_pictures(const fs::path& path, int64_t image_size, int image_channel) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return open_dataset(path, image_size, image_channel);
  std::vector<PictureFile> files = pictures_in_folder(path);
  if (files.empty()) user_error("{}: there is no file in this folder", path.string());
  return open_files(path, std::move(files), image_size, image_channel);
}

}  // namespace inpaint
