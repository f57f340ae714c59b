// A data set file (`.bin`): raw bytes, image after image, each S x S x C in row, column, channel order,
// no header. What it holds may stand in a file beside it: dataset_description.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>

#include "core/file/mapped_file.h"
#include "train/data/dataset_description.h"

namespace inpaint {

class BinDataset {
 public:
  // UserError when the file is missing, empty, not a whole number of images of this shape, or its description
  // says something else.
  BinDataset(const std::filesystem::path& path, int64_t image_size, int image_channel);

  int64_t count() const { return count_; }
  int64_t image_size() const { return image_size_; }
  int image_channel() const { return image_channel_; }
  int64_t image_bytes() const { return image_size_ * image_size_ * image_channel_; }
  const std::filesystem::path& path() const { return file_.path(); }
  const std::optional<DatasetDescription>& description() const { return description_; }

  const uint8_t* image(int64_t index) const { return file_.bytes() + index * image_bytes(); }

  void check_not_shrunk() const { file_.check_not_shrunk(); }  // to be asked before reading

 private:
  MappedFile file_;
  int64_t image_size_;
  int image_channel_;
  int64_t count_ = 0;
  std::optional<DatasetDescription> description_;
};

}  // namespace inpaint
