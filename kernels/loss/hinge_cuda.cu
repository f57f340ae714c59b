// hinge on CUDA; contract in hinge.h.
#include "kernels/loss/hinge.h"
#include "kernels/loss/score_loss_cuda.h"

namespace inpaint::cuda {
namespace {

struct HingeFormula {
  HingeSide side;

  __device__ ScoreLoss operator()(double score) const {
    const bool fake = side == HingeSide::kFake, praised = side == HingeSide::kPraised;
    const double sign = fake ? -1 : 1, x = sign * score;
    const bool counts = praised || x < 1;
    return {counts ? (praised ? -x : 1 - x) : 0.0, counts ? -sign : 0.0, fake ? x >= 0 : x > 0};
  }
};

}  // namespace

void hinge(const Context& ctx, std::span<const Hinge> batches) {
  score_losses("hinge", ctx, batches, [](const Hinge& b) {
    return Scores<HingeFormula>{b.scores, {b.side}, b.dscores, b.weights};
  });
}

}  // namespace inpaint::cuda
