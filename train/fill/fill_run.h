// Filling the user's pictures from beginning to end: what inpaint_fill does with its settings.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/base/pixel_box.h"
#include "train/fill/picture_filler.h"
#include "train/holes/picture_mask.h"
#include "train/settings/settings.h"

namespace inpaint {

struct FillSettings {
  std::string picture;  // a file, or a folder that is searched with its subfolders
  // A file, or a folder; empty: beside the picture, its name and "_filled". Results that this does not name
  // have the format of their picture, or are PNGs where that is not written (WebP, HEIF).
  std::string out;

  // Where the hole is, one of: a mask picture, or a folder of them with the pictures' names and any ending;
  // boxes; neither: what is transparent.
  std::string mask;
  MaskPolarity mask_value = MaskPolarity::kWhiteIsHole;
  std::vector<PixelBox> boxes;
  int64_t grow = 0;  // pixels that the hole becomes larger on all sides

  std::string checkpoint;  // as ModelFiller takes it
  Finish finish = Finish::kPatches;
  std::string compare;  // a PNG to look at: the hole, its harmonic fill, the result; for one picture
  DeviceChoice device = DeviceChoice::kAuto;  // that the model paints on; all else is work of the CPU
  int gpu = 0;
  int threads = 0;  // 0: as many as the cores this process may use
};

// Every file appears whole or not at all, and is no file that was read. Prints a line for each picture.
// UserError for a picture that cannot be filled; in a folder it is named, the others are filled, and the
// error comes at the end.
void run_fill(const FillSettings& settings);

}  // namespace inpaint
