// The ops of a training step outside the layers, at their shapes of training: losses, holes, Adam. And the
// convolutions of 3 x 3 that keep the side.
#pragma once

#include "bench/layer_ops.h"
#include "kernels/loss/total_variation.h"
#include "nn/network.h"
#include "nn/networks/context_encoder.h"

namespace inpaint::bench {

struct TotalVariationOps {
  decltype(&total_variation_workspace_bytes) workspace_bytes = total_variation_workspace_bytes;
  decltype(&total_variation) run = total_variation;
};
OpCase total_variation_case(Context& ctx, const Shape& pictures, DType dtype,
                            const TotalVariationOps& ops = {});

// Updates all parameters of a network whose gradients are stored.
OpCase stored_adam_case(Context& ctx, const Network& network, double updates, DType dtype,
                        const AdamOps& ops = {});

std::vector<CaseMaker> op_cases(const ContextEncoderOptions& options, int64_t batch, DType dtype);

}  // namespace inpaint::bench
