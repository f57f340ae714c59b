// Hinge losses of a GAN (Lim and Ye, "Geometric GAN", 2017) of batches of scores, their gradients and the
// accuracy, in one pass. For each batch, by what its scores are taken for:
//
//   kReal     loss = mean of max(0, 1 - x)     the discriminator's loss on true pictures
//   kFake     loss = mean of max(0, 1 + x)     its loss on painted ones
//   kPraised  loss = mean of -x                the loss of who painted them
//
//   dscores = weight * derivative of loss      overwritten; skipped when empty; 0 at the kink
//   correct = number of scores with x > 0, of kFake with x <= 0
//
//   scores, dscores [N, 1] or any shape whose last axis is 1, as [N, h, w, 1]; bf16, f32 or f64
//   weights, of the shape and type of scores, 1 or 0      optional: which scores count; without, all do
//   loss, correct f64[1]                                  overwritten, without the weight
//
// A score whose weight is 0 counts nowhere, whatever its value; its dscores is 0. The mean is over the scores
// that count. Where none does, loss, correct and dscores are 0.
//
// Sums in a fixed order, in double. Batches of one call may share scores and weights, but nothing that the
// call overwrites.
#pragma once

#include <span>

#include "core/device/context.h"

namespace inpaint {

enum class HingeSide { kReal, kFake, kPraised };

struct Hinge {
  Tensor scores;
  HingeSide side;
  double weight;
  Tensor loss, correct;
  Tensor dscores;
  Tensor weights = {};  // hole_patches.h makes those of painted pictures
};
// All batches have one type: they are one launch on a GPU.
void hinge(const Context& ctx, std::span<const Hinge> batches);

}  // namespace inpaint
