#include "train/picture_source.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/image_codec.h"
#include "train/bin_dataset.h"

namespace inpaint {
namespace {

namespace fs = std::filesystem;

class DatasetPictures final : public PictureSource {
 public:
  DatasetPictures(const fs::path& path, int64_t image_size, int image_channel)
      : PictureSource(image_size, image_channel), dataset_(path, image_size, image_channel) {}

  int64_t count() const override { return dataset_.count(); }
  std::string name(int64_t index) const override { return std::to_string(index); }
  std::string read(int64_t index, uint8_t* pixels) const override {
    dataset_.check_not_shrunk();
    std::copy_n(dataset_.image(index), dataset_.image_bytes(), pixels);
    return {};
  }

 private:
  BinDataset dataset_;
};

class FolderPictures final : public PictureSource {
 public:
  FolderPictures(const fs::path& folder, int64_t image_size, int image_channel)
      : PictureSource(image_size, image_channel), folder_(folder) {
    std::error_code error, ignored;
    for (fs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error))
      if (!entry->is_directory(ignored)) files_.push_back(entry->path());  // whatever it is, read() will say
    if (error) user_error("{}: cannot read the folder: {}", folder.string(), error.message());
    if (files_.empty()) user_error("{}: there is no file in this folder", folder.string());
    std::sort(files_.begin(), files_.end());
  }

  int64_t count() const override { return static_cast<int64_t>(files_.size()); }
  std::string name(int64_t index) const override {
    return files_[static_cast<size_t>(index)].lexically_relative(folder_).string();
  }
  std::string read(int64_t index, uint8_t* pixels) const override {
    try {
      const Image image =
          square_picture(decode_image(files_[static_cast<size_t>(index)]), image_size(), image_channel());
      std::copy(image.bytes.begin(), image.bytes.end(), pixels);
      return {};
    } catch (const UserError& error) {
      return error.what();
    }
  }

 private:
  fs::path folder_;
  std::vector<fs::path> files_;
};

}  // namespace

Image square_picture(Image image, int64_t size, int channels) {
  image = with_channels(centre_square(image), channels);
  return image.height == size ? image : resize(image, size, size);
}

std::unique_ptr<PictureSource> open_pictures(const fs::path& path, int64_t image_size, int image_channel) {
  std::error_code error;
  if (fs::is_directory(path, error)) return std::make_unique<FolderPictures>(path, image_size, image_channel);
  return std::make_unique<DatasetPictures>(path, image_size, image_channel);
}

}  // namespace inpaint
