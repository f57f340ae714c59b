// What the methods paint, to look at: a column a picture; rows: the picture, the picture with its hole, and
// one inpainted picture per method.
#pragma once

#include <span>

#include "core/image/image.h"
#include "train/score/hole_batch.h"

namespace inpaint {

// `numbers` of the source's pictures, readable ones, at least one. The holes are those of an evaluation with
// the same source of holes.
Image example_pictures(const Context& ctx, const PictureSet& source, std::span<const Method> methods,
                       const HoleSource& holes, std::span<const int64_t> numbers);

}  // namespace inpaint
