// Ops whose kernels are still to be written: they say so when they are called. An op that gets its .cu file leaves this file.
#include "kernels/adam.h"
#include "kernels/batch_norm.h"
#include "kernels/bias_activation.h"
#include "kernels/dispatch.h"
#include "kernels/round_to_bf16.h"

namespace inpaint {
#define MISSING(op, r, ...) \
  INPAINT_DECLARE_DEVICES(op) r cuda::op(__VA_ARGS__) { throw Error(#op ": not on GPUs yet"); }
using C = const Context&;
using T = const Tensor&;
using P = const Tensor*;
MISSING(adam_workspace_bytes, int64_t, C, int64_t)
MISSING(adam, void, C, const AdamOptions&, T, int64_t, T, T, T, T, P, P)
MISSING(batch_norm_workspace_bytes, int64_t, C, const Shape&)
MISSING(batch_norm_statistics, void, C, T, T, T)
MISSING(batch_norm_forward, void, C, T, T, T, T, T, double, Activation, T)
MISSING(batch_norm_inference, void, C, T, P, T, T, T, T, double, Activation, T)
MISSING(batch_norm_update_running, void, C, T, T, P, double, T, T)
MISSING(batch_norm_backward, void, C, T, T, T, T, T, double, Activation, T, T, const BatchNormGrads&)
MISSING(bias_activation_forward, void, C, T, T, Activation, T)
MISSING(bias_activation_workspace_bytes, int64_t, C, const Shape&, DType)
MISSING(bias_activation_backward, void, C, T, T, Activation, T, P, GradMode)
MISSING(round_to_bf16, void, C, T, T)
#undef MISSING
}  // namespace inpaint
