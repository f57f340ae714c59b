// Four ops of kernels/, written on CUDA as one writes them first: a thread for each value, a pass for each
// line of the formula, one value to an access, sums by atomics. docs/kernels/ walks from each of them to the
// kernels that the trainer uses.
//
// Each function has the type of the op with its name and keeps that op's contract (adam.h, batch_norm.h,
// conv2d.h, total_variation.h) in formulas, shapes, types, modes and workspace, with two exceptions:
// - Atomics add in any order. Sums, and what follows from them, may differ in their last bits from run
//   to run.
// - Arguments are not checked; the tensors of a convolution have at most 2^30 values. The context has to be
//   of a GPU.
#pragma once

#include "kernels/channel/batch_norm.h"
#include "kernels/conv/conv2d.h"
#include "kernels/loss/total_variation.h"
#include "kernels/parameter/adam.h"

namespace inpaint::naive {

decltype(inpaint::adam_workspace_bytes) adam_workspace_bytes;
decltype(inpaint::adam) adam;

decltype(inpaint::batch_norm_workspace_bytes) batch_norm_workspace_bytes;
decltype(inpaint::batch_norm_statistics) batch_norm_statistics;
decltype(inpaint::batch_norm_forward) batch_norm_forward;
decltype(inpaint::batch_norm_backward) batch_norm_backward;

decltype(inpaint::conv2d_workspace_bytes) conv2d_workspace_bytes;
decltype(inpaint::conv2d_forward) conv2d_forward;
decltype(inpaint::conv2d_backward_data) conv2d_backward_data;
decltype(inpaint::conv2d_backward_weight) conv2d_backward_weight;

decltype(inpaint::total_variation_workspace_bytes) total_variation_workspace_bytes;
decltype(inpaint::total_variation) total_variation;

}  // namespace inpaint::naive
