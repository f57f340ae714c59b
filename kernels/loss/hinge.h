// Hinge losses of a GAN (Lim and Ye, "Geometric GAN", 2017) of batches of scores, their gradients and the
// accuracy, in one pass. For each batch, by what its scores are taken for:
//
//   kReal     loss = mean_n max(0, 1 - x)     the discriminator's loss on true pictures
//   kFake     loss = mean_n max(0, 1 + x)     its loss on painted ones
//   kPraised  loss = mean_n -x                the loss of who painted them
//
//   dscores = weight * derivative of loss     overwritten; skipped when empty; 0 at the kink
//   correct = number of n with x > 0, of kFake with x <= 0
//
//   scores, dscores [N, 1], bf16, f32 or f64; loss and correct f64[1], overwritten, without the weight
//
// Sums in a fixed order, in double. Batches of one call may share scores, and nothing that is overwritten.
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
};
// All batches have one type: they are one launch on a GPU.
void hinge(const Context& ctx, std::span<const Hinge> batches);

}  // namespace inpaint
