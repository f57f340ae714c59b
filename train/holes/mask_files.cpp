#include "train/holes/mask_files.h"

#include "core/base/error.h"
#include "train/data/picture_files.h"

namespace inpaint {
namespace {
namespace fs = std::filesystem;

std::vector<PictureFile> mask_pictures(const fs::path& from) {
  if (fs::is_directory(from)) return pictures_in_folder(from);
  const fs::path folder = from.has_parent_path() ? from.parent_path() : fs::path(".");
  return pictures_in_lists(folder, {{from, {}}});
}

}  // namespace

MaskFiles::MaskFiles(const fs::path& from, MaskPolarity polarity, int64_t height, int64_t width)
    : height_(height), width_(width) {
  for (const PictureFile& file : mask_pictures(from)) add(file.path, read_mask_picture(file.path), polarity);
  if (count_ == 0)
    user_error("{}: no masks in it; put mask pictures there or name another place", from.string());
}

void MaskFiles::add(const fs::path& path, const Image& grey, MaskPolarity polarity) {
  int64_t missing = 0;
  for (int64_t i = 0; i < height_; ++i) {
    const int64_t row = (2 * i + 1) * grey.height / (2 * height_);
    for (int64_t j = 0; j < width_; ++j) {
      const bool white = *grey.pixel(row, (2 * j + 1) * grey.width / (2 * width_)) >= 128;
      missing_.push_back(white == (polarity == MaskPolarity::kWhiteIsHole));
      missing += missing_.back();
    }
  }
  if (missing == 0 || missing == height_ * width_)
    user_error(
        "{}: {} pixel is missing at {} x {}, {} being the hole; turn the polarity around, or take the file "
        "out",
        path.string(), missing == 0 ? "no" : "every", height_, width_,
        polarity == MaskPolarity::kWhiteIsHole ? "white" : "black");
  ++count_;
}

void MaskFiles::draw(HoleDraws& draw, HoleMask& mask) const {
  INPAINT_CHECK(mask.height() == height_ && mask.width() == width_, "mask files of {} x {} for {} x {}",
                height_, width_, mask.height(), mask.width());
  const int64_t chosen = draw.below(count_);
  const bool mirror_rows = draw.one_in(2), mirror_columns = draw.one_in(2);
  const bool transpose = draw.one_in(2) && height_ == width_;
  mask.clear();
  int64_t row_step = transpose ? 1 : width_, column_step = transpose ? width_ : 1;
  int64_t at = chosen * height_ * width_;
  if (mirror_rows) at += (height_ - 1) * row_step, row_step = -row_step;
  if (mirror_columns) at += (width_ - 1) * column_step, column_step = -column_step;
  for (int64_t i = 0; i < height_; ++i)
    for (int64_t j = 0; j < width_; ++j)
      if (missing_[static_cast<size_t>(at + i * row_step + j * column_step)]) mask.add(i * width_ + j);
}

}  // namespace inpaint
