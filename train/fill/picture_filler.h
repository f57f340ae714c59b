// Fills the hole of one picture of any size. Known pixels keep their bytes.
//
// Every part of the hole is filled harmonically. A model then paints what is to be added to that fill
// (fill_plan.h says in which windows). So the result goes on from the known pixels at any size. A context
// encoder paints square by square, first the one with the most known pixels around it; each sees those
// before. A whole-picture model paints all windows, and they are blended where they meet. At the end texture
// can be copied from the known part (kernels/fill/patch_match.h), with this fill as the guide.
#pragma once

#include <memory>
#include <span>
#include <string_view>

#include "core/device/context.h"
#include "core/image/image.h"
#include "train/fill/hole_parts.h"
#include "train/fill/inference_model.h"

namespace inpaint {

enum class Finish {
  kNone,
  kPatches,  // copied texture
};

inline std::span<const std::string_view> names_of(Finish) {
  static constexpr std::string_view kNames[] = {"none", "patches"};
  return kNames;
}

class PictureFiller {
 public:
  // ctx: on the CPU. model: may be nullptr (the harmonic fill alone), paints one picture at a time or more.
  // Both have to outlive this object.
  PictureFiller(Context& ctx, InferenceModel* model, Finish finish);
  ~PictureFiller();

  // Overwrites the missing pixels. picture: 1 or 3 channels. mask: 1 channel, the same size, not 0 = missing;
  // at least one pixel is known. A model of colours fills a grey picture as colours; a grey model fills each
  // colour as a grey picture.
  void fill(Image& picture, const Image& mask);

 private:
  class WindowPainter;

  void fill_in_model_channels(Image& picture, const Image& mask, std::span<const HolePart> parts);
  void finish(Image& picture, const Image& mask, std::span<const HolePart> parts);

  Context& ctx_;
  Finish finish_;
  std::unique_ptr<WindowPainter> painter_;
};

}  // namespace inpaint
