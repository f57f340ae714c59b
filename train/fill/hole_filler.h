// What fills the hole of a picture for a program.
#pragma once

#include "core/image/image.h"
#include "train/fill/picture_filler.h"

namespace inpaint {

class HoleFiller {
 public:
  virtual ~HoleFiller() = default;
  // As PictureFiller::fill. Is called by one thread at a time.
  virtual void fill(Image& picture, const Image& mask, Finish finish) = 0;
};

}  // namespace inpaint
