// What the methods paint, to look at.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "core/image/image.h"
#include "train/score/hole_batch.h"

namespace inpaint {

struct ExamplePicture {
  int64_t number;  // in its source
  std::string name;
  Image truth, masked;         // masked: mid grey in the hole
  std::vector<Image> painted;  // one by each method
};

// `numbers` of the source's pictures, readable ones, at least one. The holes are those of an evaluation with
// the same source of holes.
std::vector<ExamplePicture> example_pictures(const Context& ctx, const PictureSet& source,
                                             std::span<const Method> methods, const HoleSource& holes,
                                             std::span<const int64_t> numbers);

// A column a picture; rows: the picture, the picture with its hole, and one inpainted picture per method.
Image example_grid(std::span<const ExamplePicture> examples);

}  // namespace inpaint
