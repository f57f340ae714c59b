#include "train/data/bin_dataset.h"

#include <fcntl.h>

#include <string>

#include "core/base/error.h"

namespace inpaint {
namespace {

File open_dataset(const std::filesystem::path& path) {
  std::error_code error;
  if (!std::filesystem::exists(path, error) && !error)
    user_error(
        "{}: there is no such data set; make one with inpaint_data convert or generate, or check dataname, "
        "image_size, mode and the data folder",
        path.string());
  if (std::filesystem::is_directory(path, error)) user_error("{}: a folder, not a data set", path.string());
  return File(path, O_RDONLY);
}

// The shapes (of those in use) that this many bytes are a whole number of: what the user may have meant.
std::string fitting_shapes(int64_t bytes) {
  std::string shapes;
  for (const int64_t size : {64, 128, 256})
    for (const int channel : {1, 3})
      if (bytes % (size * size * channel) == 0)
        shapes +=
            fmt::format("{}image_size {} with image_channel {}", shapes.empty() ? "" : ", ", size, channel);
  return shapes.empty() ? "it is damaged or of another kind" : "it would fit " + shapes;
}

}  // namespace

BinDataset::BinDataset(const std::filesystem::path& path, int64_t image_size, int image_channel)
    : file_(open_dataset(path)),
      image_size_(image_size),
      image_channel_(image_channel),
      description_(read_description(path)) {
  INPAINT_CHECK(image_size >= 1 && (image_channel == 1 || image_channel == 3), "images {} x {} x {}",
                image_size, image_size, image_channel);
  const int64_t bytes = file_.size();
  if (bytes == 0) user_error("{}: the data set is empty; make it again with inpaint_data", path.string());
  if (description_) check_description(path, *description_, image_size, image_channel, bytes);
  if (bytes % image_bytes() != 0)
    user_error(
        "{}: {} bytes are no multiple of {} (image_size {} x {} x image_channel {}), {} are left over; {}",
        path.string(), bytes, image_bytes(), image_size, image_size, image_channel, bytes % image_bytes(),
        fitting_shapes(bytes));
  count_ = bytes / image_bytes();
}

}  // namespace inpaint
