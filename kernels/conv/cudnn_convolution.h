// One convolution product as cuDNN runs it: a graph of one operation, an engine with its settings, and
// a plan.
//
// Activations are n x c x h x w with the strides of NHWC, weights likewise k x c x r x s with those of [co,
// k, k, ci], all packed and beginning at multiples of 16 bytes. bf16 and f32 are computed in f32, f64 in f64;
// f32 in TF32 where that is allowed. Engines that give other bits from run to run are not used, nor are those
// that have to be compiled when the program starts.
#pragma once

#include <vector>

#include "kernels/conv/conv2d.h"
#include "kernels/conv/cudnn_descriptor.h"

namespace inpaint::cuda {

struct ConvolutionProduct {
  enum class Kind { kForward, kBackwardData, kBackwardWeight };
  Kind kind;
  Conv2dShape shape;
  DType dtype;  // of all three tensors
  Fp32Products fp32_products;
};
std::string to_string(
    const ConvolutionProduct& product);  // one line; also the name under which choices are kept

class CudnnConvolution {
 public:
  static constexpr int64_t kAlignment = 16;

  // The engines that cuDNN's heuristics name for the product, best guess first, as text: "12: 2=1 17=4" is
  // engine 12 with knob 2 at 1 and knob 17 at 4. Empty when there is none.
  static std::vector<std::string> engines(const CudnnHandle& handle, const ConvolutionProduct& product);

  // A plan with this engine; throws Error when that cannot be.
  CudnnConvolution(const CudnnHandle& handle, const ConvolutionProduct& product, const std::string& engine);

  int64_t workspace_bytes() const { return workspace_bytes_; }

  // Enqueues the product. x, w and y are x, w and y, or dx, w and dy, or x, dw and dy.
  void run(const CudnnHandle& handle, const void* x, const void* w, const void* y, void* workspace) const;

 private:
  std::string what_;
  std::vector<CudnnDescriptor> parts_;  // what the plan refers to
  CudnnDescriptor plan_;
  int64_t workspace_bytes_ = 0;
};

}  // namespace inpaint::cuda
