// A data set file (`.bin`): raw bytes, image after image, each S x S x C in row, column, channel order, no
// header. The file is mapped, not read: opening is instant at any size, and the system's cache does the rest.
#pragma once

#include <cstdint>
#include <filesystem>

#include "core/file.h"

namespace inpaint {

class BinDataset {
 public:
  // UserError when the file is missing, empty, or not a whole number of images of this shape.
  BinDataset(const std::filesystem::path& path, int64_t image_size, int image_channel);
  ~BinDataset();
  BinDataset(const BinDataset&) = delete;
  BinDataset& operator=(const BinDataset&) = delete;

  int64_t count() const { return count_; }
  int64_t image_size() const { return image_size_; }
  int image_channel() const { return image_channel_; }
  int64_t image_bytes() const { return image_size_ * image_size_ * image_channel_; }
  const std::filesystem::path& path() const { return file_.path(); }

  const uint8_t* image(int64_t index) const { return bytes_ + index * image_bytes(); }

  // UserError when the file has become shorter since it was opened: touching the lost part would end the
  // process (SIGBUS). Costs one system call; callers ask before they read a batch.
  void check_not_shrunk() const;

 private:
  File file_;
  int64_t image_size_;
  int image_channel_;
  int64_t count_ = 0;
  const uint8_t* bytes_ = nullptr;
};

}  // namespace inpaint
