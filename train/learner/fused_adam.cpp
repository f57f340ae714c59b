#include "train/learner/fused_adam.h"

#include <algorithm>

#include "kernels/linear/linear_adam.h"

namespace inpaint {

int64_t FusedAdam::workspace_bytes(const Context& ctx, const ParameterSpec& spec, int64_t batch,
                                   DType dtype) {
  int64_t bytes = 0;
  for (const ParameterInfo& weight : spec.list(ParameterId::Kind::kWeight))
    if (weight.gradient == GradientUse::kHandOver) {
      const LinearShape shape{batch, weight.shape[1], weight.shape[0]};
      bytes = std::max(bytes, linear_adam_workspace_bytes(ctx, shape, dtype));
    }
  return bytes;
}

FusedAdam::FusedAdam(const Parameters& params, const AdamOptions& options, const Tensor& rate,
                     const Tensor& half_squares, Branch* branch)
    : params_(params), options_(options), rate_(rate), half_squares_(half_squares), branch_(branch) {}

void FusedAdam::linear(const Context& ctx, ParameterId weight, const Tensor& x, const Tensor& dy) {
  const Context& beside = branch_ == nullptr ? ctx : branch_->fork();
  const Tensor copy = params_.factor(weight), half_squares = half_squares_of(params_.piece_of(weight));
  linear_adam(beside, options_, rate_, x, dy, params_.value(weight), params_.moment1(weight),
              params_.moment2(weight), params_.weights_bf16() == nullptr ? nullptr : &copy, &half_squares);
}

void FusedAdam::apply_stored(const Context& ctx, const Tensor* grad_scale) const {
  for (size_t i = 0; i < params_.pieces().size(); ++i) {
    const ParameterPiece& piece = params_.pieces()[i];
    if (!piece.stored) continue;
    const int64_t n = piece.end - piece.begin;
    adam(ctx, options_, rate_, piece.decayed,
         {.grad = params_.grads().slice(piece.grad_begin, n),
          .param = params_.values().slice(piece.begin, n),
          .m = params_.moments1().slice(piece.begin, n),
          .v = params_.moments2().slice(piece.begin, n),
          .grad_scale = grad_scale == nullptr ? Tensor{} : *grad_scale,
          .weights_bf16 = params_.weights_bf16() == nullptr
                              ? Tensor{}
                              : params_.weights_bf16()->slice(piece.begin, piece.decayed),
          .half_squares = half_squares_of(i)});
  }
}

}  // namespace inpaint
