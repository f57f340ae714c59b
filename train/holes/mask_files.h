// Masks that the user brings along as pictures (PNG, JPEG, PGM, ...; see core/image/image_codec.h).
//
// A mask picture is black and white (see read_mask_picture). All masks are resized to one height and width
// when they are loaded: row i is the source's row floor((i + 1/2) source height / height), and columns
// likewise. The picture's proportions are not kept.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

#include "core/image/image.h"
#include "train/holes/hole_draws.h"
#include "train/holes/hole_mask.h"
#include "train/holes/picture_mask.h"

namespace inpaint {

class MaskFiles {
 public:
  // `from`: a folder, whose files are all masks; or a text file with one path per line, relative to that
  // file's folder. UserError that begins with the file's name when a file is no picture, is not two-valued,
  // or has no missing or no known pixel at this size; UserError when there are no masks.
  // In memory a mask takes one bit per pixel.
  MaskFiles(const std::filesystem::path& from, MaskPolarity polarity, int64_t height, int64_t width);

  int64_t count() const { return count_; }

  // Overwrites the mask, of the size above, with one of the masks, each as likely. The mask is mirrored in
  // rows, columns or both for three pictures of four. Square masks also change rows with columns for half
  // of the pictures, which makes all quarter turns.
  void draw(HoleDraws& draw, HoleMask& mask) const;

 private:
  void add(const std::filesystem::path& path, const Image& grey, MaskPolarity polarity);

  int64_t height_, width_, count_ = 0;
  std::vector<bool> missing_;  // [count, height, width]
};

}  // namespace inpaint
