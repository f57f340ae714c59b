// The page on which a user paints away parts of a picture, from beginning to end: what inpaint_serve does.
#pragma once

#include <cstdint>
#include <string>

#include "train/fill/picture_filler.h"
#include "train/settings/settings.h"

namespace inpaint {

struct ServeSettings {
  int port = 8765;         // 0: a free one
  std::string checkpoint;  // as ModelFiller takes it
  Finish finish = Finish::kPatches;
  DeviceChoice device = DeviceChoice::kAuto;  // that the model paints on; all else is work of the CPU
  int gpu = 0;
  int threads = 0;          // 0: as many as the cores this process may use
  int64_t max_upload = 64;  // MiB of one request
  int64_t max_pixels = 64;  // millions of pixels of one picture
};

// Prints the address and serves until a signal comes; returns the exit code. UserError when the checkpoint or
// the port cannot be had.
int run_serve(const ServeSettings& settings);

}  // namespace inpaint
