#include "kernels/channel/group_norm.h"

#include "kernels/dispatch.h"

namespace inpaint {

INPAINT_DECLARE_DEVICES(group_norm_workspace_bytes)
INPAINT_DECLARE_DEVICES(group_norm_forward)
INPAINT_DECLARE_DEVICES(group_norm_backward)

namespace {

void expect_groups(const char* op, const Shape& x, int64_t groups) {
  if (x.rank() < 2 || x.elements() == 0)
    throw ShapeError(
        fmt::format("{} x: expected [N, ..., C] with at least one row, got {}", op, to_string(x)));
  if (groups < 1 || x.back() % groups != 0)
    throw ShapeError(fmt::format("{} x: {} channels do not make {} groups", op, x.back(), groups));
}

// The tensors of one call, which all follow from x.
class Expected {
 public:
  Expected(const char* op, const GroupNormOptions& norm, const Tensor& x)
      : op_(op), x_(x), groups_(norm.groups) {
    expect_groups(op, x.shape, norm.groups);
    INPAINT_CHECK(norm.act != Activation::kTanh, "{}: tanh is not offered behind a group norm", op);
  }

  void like_x(const char* name, const Tensor& tensor) const { expect(name, tensor, x_.shape, x_.dtype); }
  void of_channels(const char* name, const Tensor& tensor) const {
    expect(name, tensor, {x_.shape.back()}, parameter_dtype(x_.dtype));
  }
  void of_groups(const char* name, const Tensor& tensor) const {
    expect(name, tensor, {x_.shape[0], groups_}, parameter_dtype(x_.dtype));
  }

 private:
  void expect(const char* name, const Tensor& tensor, const Shape& shape, DType dtype) const {
    expect_shape(fmt::format("{} {}", op_, name).c_str(), tensor, shape, dtype);
  }

  const char* op_;
  const Tensor& x_;
  int64_t groups_;
};

}  // namespace

int64_t group_norm_workspace_bytes(const Context& ctx, const Shape& x, int64_t groups) {
  expect_groups("group_norm_workspace_bytes", x, groups);
  return INPAINT_DISPATCH(ctx, group_norm_workspace_bytes, x, groups);
}

void group_norm_forward(const Context& ctx, const GroupNormOptions& norm, const GroupNormForward& tensors) {
  const Expected expected("group_norm_forward", norm, tensors.x);
  expected.of_channels("gamma", tensors.gamma);
  expected.of_channels("beta", tensors.beta);
  if (tensors.addend.data != nullptr) expected.like_x("addend", tensors.addend);
  expected.of_groups("mean", tensors.mean);
  expected.of_groups("rstd", tensors.rstd);
  expected.like_x("y", tensors.y);
  INPAINT_DISPATCH(ctx, group_norm_forward, norm, tensors);
}

void group_norm_backward(const Context& ctx, const GroupNormOptions& norm, const GroupNormBackward& tensors) {
  const Expected expected("group_norm_backward", norm, tensors.x);
  if (norm.act != Activation::kNone) expected.like_x("y", tensors.y);
  expected.of_groups("mean", tensors.mean);
  expected.of_groups("rstd", tensors.rstd);
  expected.of_channels("gamma", tensors.gamma);
  expected.like_x("dy", tensors.dy);
  expected.like_x("dx", tensors.dx);
  if (tensors.dgamma.data != nullptr) expected.of_channels("dgamma", tensors.dgamma);
  if (tensors.dbeta.data != nullptr) expected.of_channels("dbeta", tensors.dbeta);
  if (tensors.daddend.data != nullptr) expected.like_x("daddend", tensors.daddend);
  INPAINT_DISPATCH(ctx, group_norm_backward, norm, tensors);
}

}  // namespace inpaint
