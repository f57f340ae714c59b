// linear_adam on CUDA; contract in linear_adam.h. The gradient goes through the workspace, which layers share.
#include <algorithm>
#include <cstddef>

#include "kernels/linear_adam.h"

namespace inpaint::cuda {

decltype(::inpaint::linear_workspace_bytes) linear_workspace_bytes;
decltype(::inpaint::linear_backward_weight) linear_backward_weight;
decltype(::inpaint::adam_workspace_bytes) adam_workspace_bytes;
decltype(::inpaint::adam) adam;

namespace {

constexpr int64_t kAlignment = 256;

// What the two ops need, in front of the gradient.
int64_t bytes_of_ops(const Context& ctx, const LinearShape& shape, DType dtype) {
  const int64_t bytes = std::max(cuda::linear_workspace_bytes(ctx, shape, dtype),
                                 cuda::adam_workspace_bytes(ctx, shape.in * shape.out));
  return (bytes + kAlignment - 1) / kAlignment * kAlignment;
}

}  // namespace

int64_t linear_adam_workspace_bytes(const Context& ctx, const LinearShape& shape, DType dtype) {
  return bytes_of_ops(ctx, shape, dtype) + shape.in * shape.out * size_of(parameter_dtype(dtype));
}

void linear_adam(const Context& ctx, const AdamOptions& options, const Tensor& rate, const Tensor& x,
                 const Tensor& dy, const Tensor& w, const Tensor& m, const Tensor& v,
                 const Tensor* weights_bf16, const Tensor* half_squares) {
  const LinearShape shape{x.shape[0], x.shape[1], dy.shape[1]};
  auto* const workspace =
      static_cast<std::byte*>(ctx.workspace(cuda::linear_adam_workspace_bytes(ctx, shape, x.dtype)));
  Tensor gradient = w;
  gradient.data = workspace + bytes_of_ops(ctx, shape, x.dtype);
  cuda::linear_backward_weight(ctx, x, dy, gradient, GradMode::kOverwrite);
  const int64_t all = w.elements();
  const auto flat = [&](const Tensor& t) { return t.reshaped({all}); };
  const Tensor copies = weights_bf16 == nullptr ? Tensor{} : flat(*weights_bf16);
  cuda::adam(ctx, options, rate, all, flat(gradient), flat(w), flat(m), flat(v),
             weights_bf16 == nullptr ? nullptr : &copies, half_squares);
}

}  // namespace inpaint::cuda
