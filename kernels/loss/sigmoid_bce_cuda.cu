// sigmoid_bce on CUDA; contract in sigmoid_bce.h.
#include "kernels/loss/score_loss_cuda.h"
#include "kernels/loss/sigmoid_bce.h"

namespace inpaint::cuda {
namespace {

struct SigmoidBceFormula {
  double label;

  __device__ ScoreLoss operator()(double x) const {
    const double e = exp(-fabs(x));  // at most 1: no overflow on either side
    const double sigmoid = (x >= 0 ? 1 : e) / (1 + e);
    return {fmax(x, 0.0) - x * label + log1p(e), sigmoid - label, (sigmoid > 0.5 ? 1 : 0) == label};
  }
};

}  // namespace

void sigmoid_bce(const Context& ctx, std::span<const SigmoidBce> batches) {
  score_losses("sigmoid_bce", ctx, batches, [](const SigmoidBce& b) {
    return Scores<SigmoidBceFormula>{b.logits, {b.label}, b.dlogits};
  });
}

}  // namespace inpaint::cuda
