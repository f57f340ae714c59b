#include "train/picture_set.h"

#include <algorithm>
#include <vector>

#include "core/image_codec.h"
#include "train/bin_dataset.h"
#include "train/data_conversion.h"

namespace inpaint {
namespace {

namespace fs = std::filesystem;

class DatasetPictures final : public PictureSet {
 public:
  DatasetPictures(const fs::path& path, int64_t image_size, int image_channel)
      : PictureSet(path, image_size, image_channel), dataset_(path, image_size, image_channel) {}

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

class FolderPictures final : public PictureSet {
 public:
  FolderPictures(const fs::path& folder, int64_t image_size, int image_channel)
      : PictureSet(folder, image_size, image_channel), files_(pictures_in_folder(folder)) {
    if (files_.empty()) user_error("{}: there is no file in this folder", folder.string());
    centre_square_.target.image_size = static_cast<int>(image_size);
    centre_square_.target.image_channel = image_channel;
  }

  int64_t count() const override { return static_cast<int64_t>(files_.size()); }
  std::string name(int64_t index) const override {
    return file(index).lexically_relative(PictureSet::path()).string();
  }
  std::string read(int64_t index, uint8_t* pixels) const override {
    try {
      const auto image = crops_of(decode_image(file(index)), file(index).string(), index, centre_square_);
      std::copy(image.begin(), image.end(), pixels);
      return {};
    } catch (const OutOfMemory&) {
      throw;
    } catch (const UserError& error) {
      return error.what();
    }
  }

 private:
  const fs::path& file(int64_t index) const { return files_[static_cast<size_t>(index)].path; }

  std::vector<PictureFile> files_;
  ConversionOptions centre_square_;  // as it is without random crops
};

}  // namespace

std::unique_ptr<PictureSet> open_pictures(const fs::path& path, int64_t image_size, int image_channel) {
  std::error_code error;
  if (fs::is_directory(path, error)) return std::make_unique<FolderPictures>(path, image_size, image_channel);
  return std::make_unique<DatasetPictures>(path, image_size, image_channel);
}

}  // namespace inpaint
